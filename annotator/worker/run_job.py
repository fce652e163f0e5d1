"""One job from claim to end, whatever its kind: every outcome is written to its row."""

from __future__ import annotations

import logging

from django.db.models import Q

from annotator.jobs import queue
from annotator.jobs.errors import JobFailed, LeaseLost, NotNow
from annotator.jobs.kinds import JobKind, kind_of
from annotator.jobs.lease import LeaseKeeper
from annotator.models import LeasedJob
from annotator.site.log_context import about_job
from annotator.worker.postponed import Postponed

logger = logging.getLogger(__name__)


def run_next(
    kind: JobKind, worker: str, lane: str = "", postponed: Postponed | None = None
) -> LeasedJob | None:
    """Claims the next job of a kind for `worker` and does it; None when none waits.

    Args:
        lane: of the kind; "": its first one.
        postponed: what this process leaves alone for now; a job that cannot be done now is added.
    """
    postponed = postponed or Postponed()
    job = queue.claim(postponed.without(kind.takeable(lane or kind.name)), worker)
    if job is not None:
        run(job, postponed)
    return job


def run(job: LeasedJob, postponed: Postponed) -> None:
    """Does a claimed job. One that cannot be done now is put back, and left alone by `postponed`."""
    kind = kind_of(type(job))
    with about_job(f"{kind.name}:{job.pk}"):
        _run(kind, job, postponed)


def _run(kind: JobKind, job: LeasedJob, postponed: Postponed) -> None:
    try:
        with LeaseKeeper(job):
            kind.run(job)
    except LeaseLost as error:
        logger.info("%s", error)
    except NotNow as reason:
        logger.warning("%s is put back: %s", job, reason)
        queue.put_back(job, reason.message)
        postponed.add(type(job), reason.fellows or Q(pk=job.pk), reason.delay_s)
    except JobFailed as failure:
        logger.error("%s failed: %s", job, failure)
        queue.fail(job, str(failure), permanent=failure.permanent)
    except Exception as error:  # the one place that may catch everything: log, mark failed, take the next
        logger.exception("%s failed", job)
        queue.fail(job, f"{type(error).__name__}: {error}")
