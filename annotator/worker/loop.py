"""The loop of one process of a worker: claim, do, and wait for a wake-up when nothing waits."""

from __future__ import annotations

import logging
from collections.abc import Callable

from django.conf import settings
from django.db import close_old_connections

from annotator.jobs.kinds import JobKind
from annotator.jobs.wake_up import Listener
from annotator.worker import storage_ready
from annotator.worker.postponed import Postponed
from annotator.worker.run_job import run_next

logger = logging.getLogger(__name__)


def work(kind: JobKind, lane: str, worker: str, stopping: Callable[[], bool]) -> None:
    """Does the jobs of one lane of a kind under the name `worker`; ends after the present job once `stopping()`.

    It looks into the table after every wake-up, and after JOB_SWEEP_INTERVAL_S at the latest: wake-ups get lost.
    """
    listener = Listener(lane)
    postponed = Postponed()
    said = ""
    while not stopping():
        try:
            close_old_connections()
            if (reason := storage_ready.why_not()) and reason != said:
                logger.error("no %s are taken: %s", lane, reason)
            said = reason
            while not stopping() and run_next(kind, worker, lane, postponed):
                pass
            kind.prepare(lane)
        except Exception:  # a database that restarts must not end the worker
            logger.exception("looking for %s failed", lane)
        listener.wait(settings.JOB_SWEEP_INTERVAL_S, stopping)
