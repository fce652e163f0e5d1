"""Whether the database has the tables that the code expects."""

from __future__ import annotations

from django.db import connection
from django.db.migrations.executor import MigrationExecutor


def count_pending() -> int:
    """How many migrations are not applied.

    Raises:
        DatabaseError: the database cannot be reached.
    """
    executor = MigrationExecutor(connection)
    return len(executor.migration_plan(executor.loader.graph.leaf_nodes()))
