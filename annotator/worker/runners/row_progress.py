"""How far a job is, written to its row."""

from __future__ import annotations

import time

from annotator.jobs import queue
from annotator.jobs.errors import LeaseLost
from annotator.models import LeasedJob

PROGRESS_INTERVAL_S = 0.5


class RowProgress:
    """Writes `done` and `total` now and then, which stops the work (LeaseLost) when the row is no longer ours."""

    def __init__(self, job: LeasedJob) -> None:
        self._job = job
        self._next_s = 0.0

    def __call__(self, done: int, total: int) -> None:
        if self._is_time() or done >= total:
            queue.update(self._job, done=done, total=total)

    def check(self, *_progress: int) -> None:
        """Stops the work likewise at a step whose progress is not shown: the row keeps the one that it has."""
        if self._is_time() and not queue.held(self._job).exists():
            raise LeaseLost(f"{self._job} was taken over or cancelled while {self._job.worker} worked on it")

    def _is_time(self) -> bool:
        now_s = time.monotonic()
        if now_s < self._next_s:
            return False
        self._next_s = now_s + PROGRESS_INTERVAL_S
        return True
