"""Links to finished exports: whoever has one may download the file, without signing in, until it expires."""

from __future__ import annotations

import datetime as dt

from django.conf import settings
from django.core import signing
from django.utils import timezone

from annotator.datasets.errors import ExportLinkExpired
from annotator.models import Export

# Keeps a signature that was made for something else from being one of ours.
SALT = "annotator.datasets.links"


def make(export: Export) -> tuple[str, dt.datetime]:
    """The signed part of the address, and when it expires."""
    token = signing.dumps([export.pk, str(export.file)], salt=SALT)
    return token, timezone.now() + _lifetime()


def find(token: str) -> Export | None:
    """The export that a link leads to; None where nobody signed it, or the file was deleted or made anew since.

    Raises:
        ExportLinkExpired: EXPORT_LINK_HOURS have passed.
    """
    try:
        pk, file = signing.loads(token, salt=SALT, max_age=_lifetime())
    except signing.SignatureExpired:
        raise ExportLinkExpired(
            "The link has expired. Ask whoever sent it for a new one, or sign in."
        ) from None
    except signing.BadSignature:
        return None
    return Export.objects.filter(pk=pk, file=file, state=Export.State.READY).first()


def _lifetime() -> dt.timedelta:
    return dt.timedelta(hours=settings.EXPORT_LINK_HOURS)
