"""What embedding jobs and exports share: claims by conditional UPDATE, leases, and the wake-up message.

Both tables have the columns state, attempts, error, worker, lease_token, lease_expires_at, started_at, finished_at.
A claim writes a fresh token; every later write names it, so a worker whose lease ran out cannot touch the row.
"""

from __future__ import annotations

import logging
import threading
import uuid
from datetime import timedelta

from django.conf import settings
from django.db import connection, models, transaction
from django.db.models import F
from django.utils import timezone

from annotator.errors import LeaseLost

logger = logging.getLogger(__name__)

NO_LEASE = {"lease_token": None, "lease_expires_at": None, "worker": ""}
ERROR_CHARACTERS = 2000


def claim(queue: models.QuerySet, worker: str):
    """Takes the first queued row of `queue`, in its order; None when it is empty.

    The conditional UPDATE lets exactly one of several workers have a row; the others try the next one.
    """
    while (row := queue.filter(state="queued").first()) is not None:
        now = timezone.now()
        lease = {
            "state": "running",
            "worker": worker,
            "lease_token": uuid.uuid4(),
            "lease_expires_at": now + timedelta(seconds=settings.JOB_LEASE_S),
            "started_at": now,
            "attempts": F("attempts") + 1,
        }
        if type(row).objects.filter(pk=row.pk, state="queued").update(**lease) == 1:
            row.refresh_from_db()
            return row
    return None


def held(row) -> models.QuerySet:
    """The row as long as this claim holds it: empty once the lease went to somebody else or the job was cancelled."""
    return type(row).objects.filter(pk=row.pk, state="running", lease_token=row.lease_token)


def renew(row) -> bool:
    """Extends the lease from now; False when it is lost."""
    expires_at = timezone.now() + timedelta(seconds=settings.JOB_LEASE_S)
    return held(row).update(lease_expires_at=expires_at) == 1


def finish(row, **values) -> None:
    """Marks the row ready with `values`.

    Raises:
        LeaseLost: the row belongs to somebody else by now.
    """
    if held(row).update(state="ready", error="", finished_at=timezone.now(), **NO_LEASE | values) != 1:
        raise LeaseLost(f"{row} was taken over or cancelled while {row.worker} worked on it")


def fail(row, reason: str, permanent: bool = False) -> None:
    """Puts the row back into the queue, or marks it failed: when `permanent`, or after JOB_MAX_ATTEMPTS attempts."""
    over = permanent or row.attempts >= settings.JOB_MAX_ATTEMPTS
    held(row).update(
        state="failed" if over else "queued",
        error=reason[:ERROR_CHARACTERS],
        finished_at=timezone.now() if over else None,
        **NO_LEASE,
    )


def release(rows: models.QuerySet) -> int:
    """Gives running rows back at once, without counting the attempt: their worker stops on purpose."""
    return rows.filter(state="running").update(state="queued", attempts=F("attempts") - 1, **NO_LEASE)


def end_leases(rows: models.QuerySet) -> int:
    """The process that held these rows is known to be dead: as `expire`, without waiting for the lease to run out."""
    rows.filter(state="running").update(lease_expires_at=timezone.now() - timedelta(seconds=1))
    return expire(rows)


def expire(rows: models.QuerySet) -> int:
    """Takes back rows whose lease ran out: queued again, or failed after JOB_MAX_ATTEMPTS attempts."""
    lost = rows.filter(state="running", lease_expires_at__lt=timezone.now())
    reason = "The worker died or was stopped while working on this"
    given_up = lost.filter(attempts__gte=settings.JOB_MAX_ATTEMPTS).update(
        state="failed",
        error=f"{reason}, {settings.JOB_MAX_ATTEMPTS} times.",
        finished_at=timezone.now(),
        **NO_LEASE,
    )
    requeued = lost.update(state="queued", error=f"{reason}.", **NO_LEASE)
    if given_up or requeued:
        logger.warning("leases ran out: %s queued again, %s given up", requeued, given_up)
    return given_up + requeued


def send_wake_up(task_name: str) -> None:
    """Tells the workers, once the transaction is committed, that there is something to do.

    A broker that is down costs a delay, never the request: workers look into the database every JOB_SWEEP_INTERVAL_S.
    """
    transaction.on_commit(lambda: _send(task_name))


def _send(task_name: str) -> None:
    from annotator.celery import app

    try:
        app.send_task(task_name, retry=False)
    except Exception as error:  # whatever a broker's client raises; the sweep finds the job
        logger.warning("wake-up %s not sent, workers will find the job by themselves: %s", task_name, error)


class LeaseKeeper:
    """Renews a row's lease from a thread of its own while the block runs; `lost` tells when that failed."""

    def __init__(self, row) -> None:
        self.row = row
        self._lost = threading.Event()
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._keep, name=f"lease of {row.pk}", daemon=True)

    def __enter__(self) -> LeaseKeeper:
        self._thread.start()
        return self

    def __exit__(self, *exception) -> None:
        self._stop.set()
        self._thread.join()

    @property
    def lost(self) -> bool:
        return self._lost.is_set()

    def _keep(self) -> None:
        try:
            while not self._stop.wait(settings.JOB_LEASE_S / 3):
                try:
                    if not renew(self.row):
                        self._lost.set()
                        return
                except Exception as error:  # a busy or restarting database: the next round tries again
                    logger.warning("cannot renew the lease of %s: %s", self.row, error)
                    connection.close()
        finally:
            connection.close()
