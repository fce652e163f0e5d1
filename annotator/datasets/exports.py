"""Exports: start, cancel, delete. `annotator.worker.runners.exports` makes the files."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from django.conf import settings
from django.db import transaction
from django.utils import timezone

from annotator.datasets import formats
from annotator.datasets import selection as selections
from annotator.datasets.errors import VersionNotReady
from annotator.datasets.making import Plan
from annotator.files import unowned
from annotator.jobs import queue
from annotator.jobs.kinds import kind_of
from annotator.models import DatasetVersion, Export, Project, User

State = Export.State


def plan(
    project: Project,
    *,
    format: str,
    states: list[str] | None = None,
    selection: Mapping[str, Any] | None = None,
    version: DatasetVersion | None = None,
    **options: Any,
) -> Plan:
    """An export as it would be made.

    Args:
        states: only images in one of these; None or empty: all of them.
        selection: what else is chosen of the project, as `selections.selection_from` takes it.
        version: the state to export, whole; None: the project as it is now.
        options: those of the format.

    Raises:
        InvalidValue: unknown format, option, value of an option or image state, a selection that the project cannot
            give, or one of a version.
        VersionNotReady: it is still being made.
    """
    chosen = selections.selection_from(states, selection)
    if version is not None:
        selections.check_of_version(chosen)
        if version.state != State.READY:
            raise VersionNotReady(
                f"The version {version.name} is {version.state}; it cannot be exported yet."
            )
    else:
        selections.check(project, chosen)
    return Plan(project, format, *formats.choose(format, options), chosen, version)


def start(project: Project, user: User | None, **choices: Any) -> Export:
    """Queues an export; `choices` as `plan` takes them. Raises as `plan`."""
    made = plan(project, **choices)
    with transaction.atomic():
        export = Export.objects.create(
            project=project,
            format=made.format_name,
            version=made.version,
            options={
                **made.options,
                **selections.stored(made.selection),
                **({"version": made.version.name} if made.version else {}),
            },
            created_by=user,
        )
        kind_of(Export).wake()
    return export


def cancel_or_delete(export: Export) -> None:
    """Stops an export that waits or runs (its row stays, as cancelled); deletes one that is over, file and all."""
    row = Export.objects.filter(pk=export.pk)
    with transaction.atomic():
        # Read under a lock: the worker may have finished the export since the caller read it.
        names = list(row.select_for_update().values_list("file", flat=True))
        stopped = row.filter(state__in=[State.QUEUED, State.RUNNING]).update(
            state=State.CANCELLED, finished_at=timezone.now(), **queue.NO_LEASE
        )
        if stopped == 0:
            unowned.note(names)
            row.delete()
            transaction.on_commit(lambda: unowned.discard(names))


def delete_old() -> int:
    """Deletes exports that were over more than EXPORT_KEEP_DAYS days ago; how many."""
    limit = timezone.now() - timedelta(days=settings.EXPORT_KEEP_DAYS)
    old = list(Export.objects.filter(finished_at__lt=limit))
    for export in old:
        cancel_or_delete(export)
    return len(old)


def sweep_unowned(min_age_s: float = unowned.MIN_AGE_S) -> list[str]:
    """Removes export files that a killed process left without a row; returns their names."""
    return unowned.sweep("exports/", min_age_s)
