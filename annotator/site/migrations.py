"""Whether the database has the tables that the code expects."""

from __future__ import annotations

from django.core.exceptions import ImproperlyConfigured
from django.db import OperationalError, connection
from django.db.migrations.executor import MigrationExecutor

APP = "annotator"


class NewerDatabase(RuntimeError):
    """The database has tables of a newer version, whose rules this one does not know."""

    def __init__(self, names: list[str]) -> None:
        super().__init__(
            f"The database was brought up to date by a newer version of Maskwright (it has {', '.join(names)}). "
            "Start that version, or restore the backup made before it."
        )


def count_pending() -> int:
    """How many migrations are not applied.

    Raises:
        NewerDatabase: there are some that this version does not know.
        DatabaseError: the database cannot be reached.
    """
    executor = MigrationExecutor(connection)
    known = executor.loader.disk_migrations
    unknown = sorted(
        name for app, name in executor.loader.applied_migrations if app == APP and (app, name) not in known
    )
    if unknown:
        raise NewerDatabase(unknown)
    return len(executor.migration_plan(executor.loader.graph.leaf_nodes()))


def require_current() -> None:
    """For a web server that starts. A database that is away may come back, and is no reason not to start.

    Raises:
        ImproperlyConfigured: the tables are of another version.
    """
    try:
        pending = count_pending()
    except NewerDatabase as error:
        raise ImproperlyConfigured(str(error)) from error
    except OperationalError:
        return
    finally:
        connection.close()  # the server's processes fork after this
    if pending:
        raise ImproperlyConfigured("The database is not up to date. Run: manage.py migrate")
