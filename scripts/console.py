"""What the set-up prints: one line per step with its time, and for a failure what to do."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager


class SetupFailed(Exception):
    """A step that cannot go on.

    Attributes:
        advice: what the person can do about it, one sentence or a command.
    """

    def __init__(self, message: str, advice: str) -> None:
        super().__init__(message)
        self.advice = advice


def say(text: str = "") -> None:
    print(text, flush=True)


def detail(text: str) -> None:
    say(f"      {text}")


@contextmanager
def step(title: str) -> Iterator[None]:
    """Prints the title, and the time it took when it is done."""
    say(f"  ... {title}")
    started = time.monotonic()
    yield
    say(f"  ok  {title} ({duration(time.monotonic() - started)})")


def duration(seconds: float) -> str:
    """As people read it: `0.4 s`, `12 s`, `3 min 20 s`."""
    if seconds < 10:
        return f"{seconds:.1f} s"
    if seconds < 120:
        return f"{seconds:.0f} s"
    return f"{int(seconds) // 60} min {int(seconds) % 60} s"


def report_failure(failure: SetupFailed) -> None:
    sys.stdout.flush()
    print(f"\n  !!  {failure}\n      {failure.advice}", file=sys.stderr, flush=True)
