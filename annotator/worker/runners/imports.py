"""One import job: a dataset's files are examined, or come in."""

from __future__ import annotations

import logging

from django.db import transaction

from annotator.datasets import imports
from annotator.datasets.examination import examine
from annotator.datasets.taking_in import take_in
from annotator.files import unowned
from annotator.jobs import queue
from annotator.jobs.errors import JobFailed
from annotator.media import partial_uploads
from annotator.models import Import
from annotator.worker.runners.row_progress import RowProgress
from exporters.errors import ExportError
from exporters.source import Source

logger = logging.getLogger(__name__)


def run(job: Import) -> None:
    """Does the step of a claimed import.

    Raises:
        JobFailed: the files cannot be read, or the mapping holds no more.
        LeaseLost: it was cancelled, or belongs to somebody else by now.
    """
    try:
        with imports.opened(job) as source:
            if job.step == Import.Step.EXAMINE:
                _examine(job, source)
            else:
                queue.finish(job, result=take_in(job, source))
                _let_files_go(job)
    except ExportError as error:
        message = str(error)
        raise JobFailed(f"{message[:1].upper()}{message[1:]}.", permanent=True) from error
    logger.info("%s", job)


def _examine(job: Import, source: Source) -> None:
    examined = examine(
        source,
        job.project,
        format=job.format,
        match=job.match,
        new_images=job.new_images,
        progress=RowProgress(job),
    )
    # What a person has chosen before stays, where the file still has the category.
    chosen = {key: target for key, target in job.mapping.items() if key in examined.mapping}
    problems_file = imports.write_problems(job, examined.problems)
    before = job.problems_file
    try:
        with transaction.atomic():
            queue.finish(
                job,
                format=examined.format,
                found=examined.found,
                mapping=examined.mapping | chosen,
                problems_file=problems_file,
            )
            unowned.note([before])
            unowned.strike_out(filter(None, [problems_file]))
    except BaseException:
        unowned.discard([problems_file])
        raise
    unowned.discard([before])


def _let_files_go(job: Import) -> None:
    """What has come in is not needed a second time."""
    with transaction.atomic():
        unowned.note(job.parts)
        Import.objects.filter(pk=job.pk).update(parts=[])
    partial_uploads.discard(job.parts)
