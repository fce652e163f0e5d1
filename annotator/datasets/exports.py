"""Exports as background jobs: start, run with progress, cancel, delete. The row is the truth, as for embeddings."""

from __future__ import annotations

import logging
import re
import secrets
import tempfile
import time
from datetime import timedelta

from django.conf import settings
from django.core.files import File
from django.core.files.storage import default_storage
from django.db import transaction
from django.utils import timezone

from annotator.datasets import records
from annotator.errors import ExportCancelled, InvalidValue, LeaseLost
from annotator.jobs import lease
from annotator.jobs.lease import LeaseKeeper
from annotator.models import Export, Image, Project
from exporters.errors import ExportError
from exporters.options import ExportOptions
from exporters.registry import make_exporter

logger = logging.getLogger(__name__)

State = Export.State
RUN_TASK = "annotator.worker.tasks.run_export_jobs"
PROGRESS_INTERVAL_S = 0.5


def start(
    project: Project,
    user,
    *,
    format: str,
    segmentation: str = "rle",
    include_images: bool = False,
    states: list[str] | None = None,
) -> Export:
    """Queues an export.

    Raises:
        InvalidValue: unknown format, kind of segmentation or image state.
    """
    if unknown := set(states or []) - set(Image.State.values):
        raise InvalidValue(
            f"Unknown image states: {', '.join(sorted(unknown))}.", fields={"states": ["Unknown state."]}
        )
    options = {
        "segmentation": segmentation,
        "include_images": include_images,
        "states": sorted(set(states or [])),
    }
    make_exporter_or_refuse(format, options)
    with transaction.atomic():
        export = Export.objects.create(project=project, format=format, options=options, created_by=user)
        wake()
    return export


def make_exporter_or_refuse(format: str, options: dict):
    """The exporter for a row's format and options. Raises InvalidValue."""
    try:
        return make_exporter(
            format,
            ExportOptions(segmentation=options["segmentation"], include_images=options["include_images"]),
        )
    except ExportError as error:
        field = "format" if error.code == "unknown_export_format" else "segmentation"
        raise InvalidValue(f"{error}.", fields={field: [str(error)]}) from error


def claim_next(worker: str) -> Export | None:
    """Takes the oldest waiting export for `worker`, with a lease; None when there is none."""
    expire()
    return lease.claim(Export.objects.select_related("project").order_by("created_at", "pk"), worker)


def run_next(worker: str) -> Export | None:
    """Claims and makes the next export; None when there was none. Every outcome is written to the row."""
    export = claim_next(worker)
    if export is not None:
        run(export)
    return export


def run(export: Export) -> None:
    """Makes a claimed export."""
    try:
        with LeaseKeeper(export):
            _write(export)
        logger.info("export %s made", export.pk)
    except (LeaseLost, ExportCancelled) as error:
        logger.info("export %s stopped: %s", export.pk, error)
    except Exception as error:  # a worker's loop: log, mark failed, take the next
        logger.exception("export %s failed", export.pk)
        lease.fail(export, f"{type(error).__name__}: {error}", permanent=isinstance(error, InvalidValue))


def cancel_or_delete(export: Export) -> None:
    """Stops an export that waits or runs (its row stays, as cancelled); deletes one that is over, file and all."""
    stopped = Export.objects.filter(pk=export.pk, state__in=[State.QUEUED, State.RUNNING]).update(
        state=State.CANCELLED, finished_at=timezone.now(), **lease.NO_LEASE
    )
    if stopped == 1:
        return
    with transaction.atomic():
        name = export.file.name
        Export.objects.filter(pk=export.pk).delete()
        if name:
            transaction.on_commit(lambda: default_storage.delete(name))


def delete_old() -> int:
    """Deletes exports that were over more than EXPORT_KEEP_DAYS days ago; how many."""
    limit = timezone.now() - timedelta(days=settings.EXPORT_KEEP_DAYS)
    old = list(Export.objects.filter(finished_at__lt=limit))
    for export in old:
        cancel_or_delete(export)
    return len(old)


def retry_failed(exports) -> int:
    """Puts the failed exports of a queryset back into the queue; how many."""
    count = exports.filter(state=State.FAILED).update(
        state=State.QUEUED, attempts=0, error="", finished_at=None
    )
    if count:
        wake()
    return count


def expire() -> int:
    """Takes back the exports of workers that died."""
    return lease.expire(Export.objects.all())


def release_worker(worker: str) -> int:
    """Gives back at once what a stopping worker holds."""
    return lease.release(held_by(worker))


def held_by(worker: str):
    """The exports a worker has claimed and not yet ended."""
    return Export.objects.filter(worker=worker, state=State.RUNNING)


def any_waiting() -> bool:
    return Export.objects.filter(state=State.QUEUED).exists()


def wake() -> None:
    """Tells the workers that there are exports to make."""
    lease.send_wake_up(RUN_TASK)


def _write(export: Export) -> None:
    """Writes to a temporary file first: what is in storage under the row's name is complete."""
    exporter = make_exporter_or_refuse(export.format, export.options)
    dataset = records.build(export.project, export.options.get("states") or ())
    with tempfile.TemporaryFile(dir=settings.FILE_UPLOAD_TEMP_DIR) as temporary:
        exporter.write(dataset, temporary, progress=_Progress(export))
        size_bytes = temporary.tell()
        temporary.seek(0)
        # The random part makes the name of a second attempt another one than the first's, which may still be writing.
        name = default_storage.save(
            f"exports/{export.project_id}/{export.pk}-{secrets.token_hex(8)}{exporter.extension}",
            File(temporary),
        )
    try:
        lease.finish(
            export, file=name, file_name=_download_name(export, exporter.extension), size_bytes=size_bytes
        )
    except LeaseLost:
        default_storage.delete(name)
        raise


def _download_name(export: Export, extension: str) -> str:
    project = re.sub(r"[^\w.-]+", "-", export.project.name, flags=re.ASCII).strip("-.") or "project"
    return f"{project}-{export.format}-{export.created_at:%Y%m%d-%H%M%S}{extension}"


class _Progress:
    """Writes progress to the row now and then; stops the export when the row is no longer ours."""

    def __init__(self, export: Export) -> None:
        self._export = export
        self._next_s = 0.0

    def __call__(self, done: int, total: int) -> None:
        now_s = time.monotonic()
        if now_s < self._next_s and done < total:
            return
        self._next_s = now_s + PROGRESS_INTERVAL_S
        if lease.held(self._export).update(done=done, total=total) != 1:
            raise ExportCancelled(f"{self._export} was cancelled or taken over")
