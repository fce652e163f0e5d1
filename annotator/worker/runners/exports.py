"""One export job -> one dataset file in storage."""

from __future__ import annotations

import logging
import os
import re
import secrets
import tempfile

from django.conf import settings
from django.core.files import File
from django.core.files.storage import default_storage
from django.db import transaction

from annotator.datasets import formats
from annotator.datasets import selection as selections
from annotator.datasets.errors import VersionNotReady
from annotator.datasets.making import Plan
from annotator.errors import InvalidValue
from annotator.files import unowned
from annotator.jobs import queue
from annotator.jobs.errors import JobFailed, LeaseLost
from annotator.models import Export
from annotator.worker.runners.row_progress import RowProgress
from exporters.errors import ExportError

logger = logging.getLogger(__name__)


def run(export: Export) -> None:
    """Makes the file of a claimed export.

    Writes to a temporary file first: what is in storage under the row's name is complete.

    Raises:
        JobFailed: this version does not know the format or one of the options, or a record cannot be written.
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
        size_bytes = temporary.seek(0, os.SEEK_END)
        temporary.seek(0)
        # The random part makes the name of a second attempt another one than the first's, which may still be writing.
        name = f"exports/{export.project_id}/{export.pk}-{secrets.token_hex(8)}{extension}"
        unowned.note([name])
        default_storage.save(name, File(temporary))
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
    project = re.sub(r"[^\w.-]+", "-", export.project.name, flags=re.ASCII).strip("-.") or "project"
    if export.version is not None:
        project += "-" + (
            re.sub(r"[^\w.-]+", "-", export.version.name, flags=re.ASCII).strip("-.") or "version"
        )
    return f"{project}-{export.format}-{export.created_at:%Y%m%d-%H%M%S}{extension}"
