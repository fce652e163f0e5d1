"""One export job -> one dataset file in storage."""

from __future__ import annotations

import logging
import re
import tempfile

from django.conf import settings
from django.db import transaction

from annotator.datasets import formats
from annotator.datasets import selection as selections
from annotator.datasets.errors import PictureMissing, VersionNotReady
from annotator.datasets.making import Plan
from annotator.errors import InvalidValue
from annotator.files import unowned
from annotator.jobs import queue
from annotator.jobs.errors import JobFailed, LeaseLost, NotNow
from annotator.models import Export
from annotator.worker import storage_ready
from annotator.worker.runners.made_file import store
from annotator.worker.runners.row_progress import RowProgress
from exporters.errors import ExportError

logger = logging.getLogger(__name__)


def run(export: Export) -> None:
    """Makes the file of a claimed export.

    Writes to a temporary file first: what is in storage under the row's name is complete.

    Raises:
        JobFailed: this version does not know the format or one of the options, or a record cannot be written.
        NotNow: all pictures are away.
        LeaseLost: the export was cancelled, or belongs to somebody else by now.
    """
    try:
        format, options = formats.chosen_by(export)
        selection = selections.of_row(export.options)
    except InvalidValue as error:
        raise JobFailed(str(error), permanent=True) from error
    extension = format.file_type(options).extension
    if export.version is None and export.options.get("version"):
        raise JobFailed("The version that this export was to be made of is deleted.", permanent=True)
    plan = Plan(export.project, export.format, format, options, selection, export.version)
    progress = RowProgress(export)
    with tempfile.TemporaryFile(dir=settings.FILE_UPLOAD_TEMP_DIR) as temporary:
        try:
            report = plan.report(progress=progress.check)
            plan.write(temporary, report, progress, progress.check)
        except (ExportError, VersionNotReady) as error:
            raise JobFailed(str(error), permanent=True) from error
        except PictureMissing as error:
            if storage_ready.are_pictures_away(error.image):
                raise NotNow(
                    "The server's pictures are away; this waits until they are back.",
                    storage_ready.PICTURES_DELAY_S,
                ) from error
            raise JobFailed(str(error)) from error
        name, size_bytes = store(temporary, f"exports/{export.project_id}/{export.pk}", extension)
    file_name = _download_name(export, extension)
    try:
        with transaction.atomic():
            queue.finish(export, file=name, file_name=file_name, size_bytes=size_bytes, report=report)
            unowned.strike_out([name])
    except LeaseLost:
        unowned.discard([name])
        raise
    logger.info("export %s made", export.pk)


def _download_name(export: Export, extension: str) -> str:
    parts = [_in_a_file_name(export.project.name) or "project"]
    if export.version is not None:
        parts.append(_in_a_file_name(export.version.name) or "version")
    return f"{'-'.join(parts)}-{export.format}-{export.created_at:%Y%m%d-%H%M%S}{extension}"


def _in_a_file_name(text: str) -> str:
    return re.sub(r"[^\w.-]+", "-", text, flags=re.ASCII).strip("-.")
