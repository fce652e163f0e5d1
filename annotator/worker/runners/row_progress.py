"""How far a job is, written to its row."""

from __future__ import annotations

import time

from annotator.jobs import queue
from annotator.models import LeasedJob

PROGRESS_INTERVAL_S = 0.5


class RowProgress:
    """Writes `done` and `total` now and then, which stops the work (LeaseLost) when the row is no longer ours."""

    def __init__(self, job: LeasedJob) -> None:
        self._job = job
        self._next_s = 0.0

    def __call__(self, done: int, total: int) -> None:
        now_s = time.monotonic()
        if now_s < self._next_s and done < total:
            return
        self._next_s = now_s + PROGRESS_INTERVAL_S
        queue.update(self._job, done=done, total=total)
