"""One process of a worker: a Celery consumer of one queue, started and watched by `worker_process`.

Celery's solo pool does the job in the process itself: a killed process takes nothing with it but its own job, where a
prefork pool's sibling may wait for ever for a lock that died.
"""

from __future__ import annotations

import os
import sys
import threading
import warnings


def is_stopping() -> bool:
    """Whether this process was told to stop: a task that drains a long queue then ends after the present job."""
    from celery.worker import state

    # Celery stores the exit status there, which is 0 as a rule: only None and False mean "go on".
    return any(flag is not None and flag is not False for flag in (state.should_stop, state.should_terminate))


def main(queue: str, worker: str) -> int:
    """Consumes `queue` under the name `worker` until SIGTERM or until the parent is gone; the exit status."""
    import django

    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "annotator.settings")
    django.setup()

    from celery import signals
    from celery.exceptions import SecurityWarning

    from annotator.celery import app

    threading.Thread(target=_leave_with_parent, daemon=True).start()
    # Our LOGGING stays as it is, and Celery's warning about root is for pickled messages, which are not accepted here.
    signals.setup_logging.connect(lambda **_: None, weak=False)
    warnings.filterwarnings("ignore", category=SecurityWarning)
    consumer = app.Worker(
        hostname=worker,
        pool="solo",
        queues=[queue],
        quiet=True,
        without_gossip=True,
        without_mingle=True,
        without_heartbeat=True,
        task_events=False,
    )
    consumer.start()
    return int(consumer.exitcode or 0)


def _leave_with_parent() -> None:
    """The parent holds the other end of standard input and never writes: its end is the parent's end, kill -9 too."""
    while os.read(0, 1):  # not sys.stdin: a thread that holds its lock breaks the interpreter's own way out
        pass
    os._exit(1)


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1], sys.argv[2]))
