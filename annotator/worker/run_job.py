"""One job from claim to end, whatever its kind: every outcome is written to its row."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable

from django.conf import settings
from django.db import OperationalError, close_old_connections
from django.db.models import Q

from annotator.jobs import queue
from annotator.jobs.errors import JobFailed, LeaseLost, NotNow
from annotator.jobs.kinds import JobKind, kind_of
from annotator.jobs.lease import LeaseKeeper
from annotator.models import LeasedJob
from annotator.site.full_disk import FULL
from annotator.site.log_context import about_job
from annotator.worker import storage_ready
from annotator.worker.postponed import Postponed

logger = logging.getLogger(__name__)

# Until a job is tried again to which storage did not answer.
STORAGE_DELAY_S = 60.0
# Until this process takes jobs of the kind again where there was no room for what it made.
FULL_DELAY_S = 30.0
OUTCOME_RETRY_S = 1.0


def run_next(
    kind: JobKind, worker: str, lane: str = "", postponed: Postponed | None = None
) -> LeasedJob | None:
    """Claims the next job of a kind for `worker` and does it; None when none waits, or storage is away or full.

    Args:
        lane: of the kind; "": its first one.
        postponed: what this process leaves alone for now; a job that cannot be done now is added.
    """
    postponed = postponed or Postponed()
    if storage_ready.why_not():
        return None
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
        _write(queue.put_back, job, reason.message)
        postponed.add(type(job), reason.fellows or Q(pk=job.pk), reason.delay_s)
    except JobFailed as failure:
        logger.error("%s failed: %s", job, failure)
        _write(queue.fail, job, str(failure), permanent=failure.permanent)
    except OperationalError:
        logger.exception("%s is put back: the database refused", job)
        _write(queue.put_back, job, "The database was busy or away.", delay_s=STORAGE_DELAY_S)
    except Exception as error:  # the one place that may catch everything: log, mark failed, take the next
        if isinstance(error, OSError) and storage_ready.is_fault_of_storage(error):
            _put_back_for_storage(job, error, postponed)
            return
        logger.exception("%s failed", job)
        _write(queue.fail, job, _in_words(error))


def _put_back_for_storage(job: LeasedJob, error: OSError, postponed: Postponed) -> None:
    """The job waits, however often: it is not to blame. Its message names no path, for annotators see it."""
    logger.error("%s is put back: %s", job, error)
    if error.errno in FULL:
        _write(queue.put_back, job, "The server's disk is full; this waits until there is room.")
        postponed.add(type(job), Q(pk__isnull=False), FULL_DELAY_S)
    else:
        _write(
            queue.put_back,
            job,
            "The server's storage did not answer; this is tried again.",
            delay_s=STORAGE_DELAY_S,
        )


def _in_words(error: Exception) -> str:
    """For the row, which people of the project read: where files lie on the server is no business of theirs."""
    if isinstance(error, OSError) and error.strerror:
        return f"The server could not read or write a file ({error.strerror}); its log says which."
    return f"{type(error).__name__}: {error}".replace(str(settings.DATA_DIR), "DATA_DIR")


def _write(outcome: Callable[..., None], job: LeasedJob, reason: str, **how: object) -> None:
    """Writes an outcome, and again while the database is away or its disk is full: an outcome that nobody wrote down
    would count as the death of a worker. After JOB_LEASE_S somebody else may have the job."""
    deadline_s = time.monotonic() + settings.JOB_LEASE_S
    while True:
        try:
            outcome(job, reason, **how)
            return
        except OperationalError:
            if time.monotonic() > deadline_s:
                raise
            logger.warning("cannot write down what became of %s; trying again", job)
            time.sleep(OUTCOME_RETRY_S)
            close_old_connections()
