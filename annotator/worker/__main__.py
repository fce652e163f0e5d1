"""`python -m annotator.worker KIND LANE NAME`: one process of a worker, started and watched by `supervisor`."""

from __future__ import annotations

import os
import signal
import sys
import threading

from annotator.worker import stopping

# On one machine, whoever waits for a page, or for a job that is quick, goes before embeddings of large models.
NICENESS = 10


def main(kind: str, lane: str, worker: str) -> None:
    """Works until SIGTERM, Ctrl-C, or the end of the parent."""
    for sig in (signal.SIGTERM, signal.SIGINT):
        signal.signal(sig, lambda *_: stopping.ask())
    threading.Thread(target=_leave_with_parent, daemon=True).start()

    import django

    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "annotator.settings")
    django.setup()

    from annotator.jobs.kinds import KINDS
    from annotator.worker.loop import work

    if lane == KINDS[kind].name:
        os.nice(NICENESS)
    work(KINDS[kind], lane, worker, stopping.is_asked)


def _leave_with_parent() -> None:
    """The parent holds the other end of standard input and never writes: its end is the parent's end, kill -9 too."""
    while os.read(0, 1):  # not sys.stdin: a thread that holds its lock breaks the interpreter's own way out
        pass
    os._exit(1)


if __name__ == "__main__":
    main(*sys.argv[1:4])
