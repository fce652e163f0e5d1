"""One job from claim to end, whatever its kind: every outcome is written to its row."""

from __future__ import annotations

import logging

from annotator.jobs import queue
from annotator.jobs.errors import JobFailed, LeaseLost
from annotator.jobs.kinds import JobKind, kind_of
from annotator.jobs.lease import LeaseKeeper
from annotator.models import LeasedJob

logger = logging.getLogger(__name__)


def run_next(kind: JobKind, worker: str, lane: str = "") -> LeasedJob | None:
    """Claims the next job of a kind for `worker` and does it; None when none waits.

    Args:
        lane: of the kind; "": its first one.
    """
    job = queue.claim(kind.takeable(lane or kind.name), worker)
    if job is not None:
        run(job)
    return job


def run(job: LeasedJob) -> None:
    """Does a claimed job."""
    try:
        with LeaseKeeper(job):
            kind_of(type(job)).run(job)
    except LeaseLost as error:
        logger.info("%s", error)
    except JobFailed as failure:
        logger.error("%s failed: %s", job, failure)
        queue.fail(job, str(failure), permanent=failure.permanent)
    except Exception as error:  # the one place that may catch everything: log, mark failed, take the next
        logger.exception("%s failed", job)
        queue.fail(job, f"{type(error).__name__}: {error}")
