"""One version -> one file in storage with the state of a project's dataset."""

from __future__ import annotations

import logging
import tempfile

from django.conf import settings

from annotator.datasets import records, versions
from annotator.files import unowned
from annotator.jobs.errors import JobFailed, LeaseLost
from annotator.models import DatasetVersion
from annotator.worker.runners.made_file import store
from annotator.worker.runners.row_progress import RowProgress
from exporters import snapshot
from exporters.errors import ExportError

logger = logging.getLogger(__name__)


def run(version: DatasetVersion) -> None:
    """Writes the file of a claimed version: what is saved while it is written may or may not be in it.

    Raises:
        JobFailed: a record cannot be written.
        LeaseLost: the version was deleted, or belongs to somebody else by now.
    """
    dataset = records.build(version.project)
    with tempfile.TemporaryFile(dir=settings.FILE_UPLOAD_TEMP_DIR) as temporary:
        try:
            made = snapshot.write(dataset, temporary, RowProgress(version))
        except ExportError as error:
            raise JobFailed(str(error), permanent=True) from error
        stem = f"{versions.FOLDER}{version.project_id}/{version.pk}"
        name, size_bytes = store(temporary, stem, ".jsonl.gz")
    try:
        versions.finish(version, name, made, size_bytes)
    except LeaseLost:
        unowned.discard([name])
        raise
    logger.info("version %s of project %s made", version.pk, version.project_id)
