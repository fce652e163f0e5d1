"""Whether this server can do its work now, for load balancers and orchestrators."""

from __future__ import annotations

import logging

from django.db import DatabaseError, connection

from annotator.site import migrations, storage_mark

logger = logging.getLogger(__name__)

OK = "ok"
_has_been_current = False


def readiness() -> dict[str, str]:
    """Part -> "ok" or what is wrong with it, in one word; the log says more.

    A database that was current once is so for this process: while the next version's servers start, this one serves.
    """
    return {"database": _database(), "storage": OK if not storage_mark.why_away() else "away"}


def _database() -> str:
    global _has_been_current
    try:
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1")
        if not _has_been_current:
            if migrations.count_pending():
                return "outdated"
            _has_been_current = True
    except migrations.NewerDatabase:
        return "newer"
    except DatabaseError as error:
        logger.warning("the database does not answer: %s", error)
        return "away"
    return OK
