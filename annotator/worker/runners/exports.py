"""One export job -> one dataset file in storage."""

from __future__ import annotations

import logging
import re
import secrets
import tempfile
import time

from django.conf import settings
from django.core.files import File
from django.core.files.storage import default_storage
from django.db import transaction

from annotator.datasets import formats, records
from annotator.errors import InvalidValue
from annotator.files import unowned
from annotator.jobs import queue
from annotator.jobs.errors import JobFailed, LeaseLost
from annotator.models import Export

logger = logging.getLogger(__name__)

PROGRESS_INTERVAL_S = 0.5


def run(export: Export) -> None:
    """Makes the file of a claimed export.

    Writes to a temporary file first: what is in storage under the row's name is complete.

    Raises:
        JobFailed: this version does not know the format or one of the options.
        LeaseLost: the export was cancelled, or belongs to somebody else by now.
    """
    try:
        format, options = formats.chosen_by(export)
    except InvalidValue as error:
        raise JobFailed(str(error), permanent=True) from error
    extension = format.file_type(options).extension
    dataset = records.build(export.project, export.options.get("states") or ())
    with tempfile.TemporaryFile(dir=settings.FILE_UPLOAD_TEMP_DIR) as temporary:
        format.writer(dataset, temporary, options, _Progress(export))
        size_bytes = temporary.tell()
        temporary.seek(0)
        # The random part makes the name of a second attempt another one than the first's, which may still be writing.
        name = f"exports/{export.project_id}/{export.pk}-{secrets.token_hex(8)}{extension}"
        unowned.note([name])
        default_storage.save(name, File(temporary))
    file_name = _download_name(export, extension)
    try:
        with transaction.atomic():
            queue.finish(export, file=name, file_name=file_name, size_bytes=size_bytes)
            unowned.strike_out([name])
    except LeaseLost:
        unowned.discard([name])
        raise
    logger.info("export %s made", export.pk)


def _download_name(export: Export, extension: str) -> str:
    project = re.sub(r"[^\w.-]+", "-", export.project.name, flags=re.ASCII).strip("-.") or "project"
    return f"{project}-{export.format}-{export.created_at:%Y%m%d-%H%M%S}{extension}"


class _Progress:
    """Writes progress to the row now and then, which stops the export (LeaseLost) when the row is no longer ours."""

    def __init__(self, export: Export) -> None:
        self._export = export
        self._next_s = 0.0

    def __call__(self, done: int, total: int) -> None:
        now_s = time.monotonic()
        if now_s < self._next_s and done < total:
            return
        self._next_s = now_s + PROGRESS_INTERVAL_S
        queue.update(self._export, done=done, total=total)
