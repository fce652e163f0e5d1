"""Whether this process is to end: its loop asks between two jobs, a runner that may wait for long asks as well."""

from __future__ import annotations

import threading

_asked = threading.Event()


def ask() -> None:
    """The process is to end after its present job. Safe in a handler of signals."""
    _asked.set()


def is_asked() -> bool:
    return _asked.is_set()
