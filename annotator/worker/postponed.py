"""What a process of a worker leaves alone for a while: jobs that it cannot do now, through no fault of theirs."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TypeVar

from django.db.models import Q, QuerySet

from annotator.models import LeasedJob

Job = TypeVar("Job", bound=LeasedJob)


class Postponed:
    """Kept by the process and not in the table: another worker, with a copy of the model of its own, may do them.

    Args:
        clock: seconds that never go back.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._until_s: list[tuple[float, type[LeasedJob], Q]] = []

    def add(self, model: type[LeasedJob], which: Q, delay_s: float) -> None:
        """Leaves the jobs of a kind that `which` selects alone for `delay_s`."""
        self._until_s.append((self._clock() + delay_s, model, which))

    def without(self, jobs: QuerySet[Job]) -> QuerySet[Job]:
        """Those of `jobs` that may be taken now."""
        now_s = self._clock()
        self._until_s = [one for one in self._until_s if one[0] > now_s]
        for _, model, which in self._until_s:
            if model is jobs.model:
                jobs = jobs.exclude(which)
        return jobs

    def forget(self) -> None:
        """Lets everything be taken again."""
        self._until_s.clear()
