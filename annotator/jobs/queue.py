"""The queue of any kind of job: claims by conditional UPDATE, leases, attempts. The row is the truth about a job."""

from __future__ import annotations

import logging
import uuid
from datetime import datetime, timedelta
from typing import TypeVar

from django.conf import settings
from django.db.models import F, Q, QuerySet
from django.utils import timezone

from annotator.jobs.errors import LeaseLost
from annotator.jobs.kinds import kind_of
from annotator.models import LeasedJob
from annotator.site.plain_text import sayable

logger = logging.getLogger(__name__)

Job = TypeVar("Job", bound=LeasedJob)
State = LeasedJob.State

NO_LEASE = {"lease_token": None, "lease_expires_at": None, "worker": ""}
FRESH = {"state": State.QUEUED, "attempts": 0, "error": "", "finished_at": None, "not_before": None}
ERROR_CHARACTERS = 2000


def claim(jobs: QuerySet[Job], worker: str) -> Job | None:
    """Takes the first waiting job of `jobs` whose time has come, in its order; None when there is none.

    It has a lease of JOB_LEASE_S seconds.

    The conditional UPDATE lets exactly one of several workers have a row; the others try the next one. Jobs of workers
    that died are taken back first.
    """
    every = jobs.model.objects.all()
    expire(every)
    due = Q(not_before__isnull=True) | Q(not_before__lte=timezone.now())
    while (job := jobs.filter(due, state=State.QUEUED).first()) is not None:
        now = timezone.now()
        claimed = every.filter(pk=job.pk, state=State.QUEUED).update(
            state=State.RUNNING,
            worker=worker,
            lease_token=uuid.uuid4(),
            lease_expires_at=now + timedelta(seconds=settings.JOB_LEASE_S),
            started_at=now,
            attempts=F("attempts") + 1,
            not_before=None,
        )
        if claimed == 1:
            job.refresh_from_db()
            return job
    return None


# --- a claimed job, in the hands of who claimed it ---


def held(job: Job) -> QuerySet[Job]:
    """The row while this claim holds it; empty once the job was cancelled or its lease went to somebody else."""
    return type(job).objects.filter(pk=job.pk, state=State.RUNNING, lease_token=job.lease_token)


def update(job: LeasedJob, **values: object) -> None:
    """Writes columns of a claimed job.

    Raises:
        LeaseLost: this claim no longer holds the row.
    """
    if held(job).update(**values) != 1:
        raise LeaseLost(f"{job} was taken over or cancelled while {job.worker} worked on it")


def renew(job: LeasedJob) -> bool:
    """Extends the lease from now; False when it is lost."""
    expires_at = timezone.now() + timedelta(seconds=settings.JOB_LEASE_S)
    return held(job).update(lease_expires_at=expires_at) == 1


def finish(job: LeasedJob, **values: object) -> None:
    """Marks the job ready, with `values` for its own columns. Raises LeaseLost."""
    update(job, state=State.READY, error="", finished_at=timezone.now(), **NO_LEASE, **values)


def fail(job: LeasedJob, reason: str, permanent: bool = False) -> None:
    """Puts the job back into the queue, to be tried again after a while that grows, or marks it failed: when
    `permanent`, or after JOB_MAX_ATTEMPTS attempts.

    Writes nothing when the lease is lost: the job is somebody else's then.
    """
    over = permanent or job.attempts >= settings.JOB_MAX_ATTEMPTS
    held(job).update(
        state=State.FAILED if over else State.QUEUED,
        error=sayable(reason)[:ERROR_CHARACTERS],
        finished_at=timezone.now() if over else None,
        # What is away for a moment, and what the worker cannot tell from a fault of the job's, is back by then.
        not_before=None if over else _in(settings.JOB_RETRY_DELAY_S * 2 ** (job.attempts - 1)),
        **NO_LEASE,
    )


def put_back(job: LeasedJob, reason: str, delay_s: float = 0) -> None:
    """Puts the job back into the queue without counting the attempt: what was wrong is not the job's.

    Writes nothing when the lease is lost.

    Args:
        delay_s: for so long no worker takes it.
    """
    held(job).update(
        state=State.QUEUED,
        attempts=F("attempts") - 1,
        error=reason[:ERROR_CHARACTERS],
        not_before=_in(delay_s) if delay_s else None,
        **NO_LEASE,
    )


# --- many jobs, seen from outside; each returns how many it changed ---


def held_by(model: type[Job], worker: str) -> QuerySet[Job]:
    """The jobs that a worker has claimed and not yet ended."""
    return model.objects.filter(worker=worker, state=State.RUNNING)


def release(jobs: QuerySet[Job]) -> int:
    """Gives running jobs back at once, without counting the attempt: their worker stops on purpose."""
    return jobs.filter(state=State.RUNNING).update(state=State.QUEUED, attempts=F("attempts") - 1, **NO_LEASE)


def end_leases(jobs: QuerySet[Job]) -> int:
    """The process that held these jobs is known to be dead: as `expire`, without waiting for the lease to run out."""
    jobs.filter(state=State.RUNNING).update(lease_expires_at=timezone.now() - timedelta(seconds=1))
    return expire(jobs)


def expire(jobs: QuerySet[Job]) -> int:
    """Takes back jobs whose lease ran out: queued again, or failed after JOB_MAX_ATTEMPTS attempts."""
    lost = jobs.filter(state=State.RUNNING, lease_expires_at__lt=timezone.now())
    if not lost.exists():  # the usual case, which needs no lock for writing
        return 0
    reason = "The worker died or was stopped while working on this"
    given_up = lost.filter(attempts__gte=settings.JOB_MAX_ATTEMPTS).update(
        state=State.FAILED,
        error=f"{reason}, {settings.JOB_MAX_ATTEMPTS} times.",
        finished_at=timezone.now(),
        **NO_LEASE,
    )
    requeued = lost.update(state=State.QUEUED, error=f"{reason}.", **NO_LEASE)
    if given_up or requeued:
        logger.warning("leases ran out: %s queued again, %s given up", requeued, given_up)
    return given_up + requeued


def retry_failed(jobs: QuerySet[Job], **values: object) -> int:
    """Puts the failed jobs of `jobs` back into the queue with fresh attempts, and `values` in their own columns."""
    count = jobs.filter(state=State.FAILED).update(**FRESH, **values)
    if count:
        kind_of(jobs.model).wake()
    return count


def _in(seconds: float) -> datetime:
    return timezone.now() + timedelta(seconds=seconds)
