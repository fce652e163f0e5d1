"""Counts what is done of a long piece of work."""

from __future__ import annotations

from collections.abc import Callable

# (done, total) -> nothing. An exception that it raises stops the work: so an export is cancelled.
Progress = Callable[[int, int], None]


class Steps:
    """Reports every step to `progress`, which may be None."""

    def __init__(self, progress: Progress | None, total: int) -> None:
        self._progress, self._total, self._done = progress, total, 0

    def advance(self) -> None:
        self._done += 1
        if self._progress:
            # Rows that came in meanwhile must not show 101 %.
            self._progress(min(self._done, self._total), self._total)

    def finish(self) -> None:
        if self._progress:
            self._progress(self._total, self._total)
