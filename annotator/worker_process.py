"""The embedding worker as a process: its slots, its sign of life, its sweep, its end."""

from __future__ import annotations

import fcntl
import logging
import multiprocessing
import os
import re
import socket
import threading
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path

from celery import bootsteps, signals
from celery.exceptions import SecurityWarning
from django.conf import settings
from django.db import close_old_connections, connection
from django.utils import timezone

from annotator import bundles, embedding_jobs, export_jobs, uploads
from annotator.models import WorkerHeartbeat

logger = logging.getLogger(__name__)

# One process for embeddings and one for exports, so that neither waits for the other.
PROCESSES = 2
SLOTS = ("embeddings", "exports")
HOUSEKEEPING_INTERVAL_S = 600
HEARTBEAT_FORGET_S = 24 * 3600

# Made before the pool's processes are forked, so they share it: a task that drains a long queue sees it.
_stopping = multiprocessing.get_context("fork").Event()


def is_stopping() -> bool:
    return _stopping.is_set()


@contextmanager
def worker_slot(worker: str, kind: str) -> Iterator[bool]:
    """Whether this process may do jobs of a kind: one process per worker at a time. A dead process's slot is free."""
    with open(_slot_file(worker, kind), "w") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            yield False
            return
        yield True


def _slot_file(worker: str, kind: str) -> Path:
    return settings.FILE_UPLOAD_TEMP_DIR / re.sub(r"[^\w.-]", "_", f"slot-{worker}-{kind}.lock")


def make_worker_name() -> str:
    """Unique per process start, so that "what this worker holds" never means another one's jobs."""
    return f"worker-{os.getpid()}-{os.urandom(3).hex()}@{socket.gethostname()}"


class Watch(bootsteps.StartStopStep):
    """Looks into the database at start and every JOB_SWEEP_INTERVAL_S: wake-ups get lost, workers die.

    Runs in the worker's main process, which never does a job itself and so stays awake beside a long one.
    """

    requires = {"celery.worker.components:Timer", "celery.worker.components:Pool"}

    def __init__(self, parent, **kwargs) -> None:
        super().__init__(parent, **kwargs)
        self.timers = []

    def start(self, worker) -> None:
        self.look(worker.hostname)
        self.timers = [
            worker.timer.call_repeatedly(settings.JOB_SWEEP_INTERVAL_S, self.look, (worker.hostname,)),
            worker.timer.call_repeatedly(HOUSEKEEPING_INTERVAL_S, self.keep_house),
        ]

    def stop(self, worker) -> None:
        for timer in self.timers:
            timer.cancel()

    def look(self, name: str) -> None:
        close_old_connections()
        try:
            WorkerHeartbeat.objects.update_or_create(
                name=name,
                defaults={
                    "hostname": socket.gethostname(),
                    "pid": os.getpid(),
                    "last_seen": timezone.now(),
                },
            )
            embedding_jobs.expire()
            export_jobs.expire()
            embedding_jobs.ensure_missing()
            if embedding_jobs.any_waiting():
                embedding_jobs.wake()
            if export_jobs.any_waiting():
                export_jobs.wake()
        except Exception:  # a database that restarts; the next look comes soon
            logger.exception("the worker cannot look for waiting jobs")
        finally:
            connection.close()  # none may be open when the pool forks a new process

    def keep_house(self) -> None:
        try:
            orphans = uploads.sweep_orphans()
            if orphans:
                logger.info("removed %s files that no image names", len(orphans))
            export_jobs.delete_old()
            forgotten = timezone.now() - timedelta(seconds=HEARTBEAT_FORGET_S)
            WorkerHeartbeat.objects.filter(last_seen__lt=forgotten).delete()
        except Exception:
            logger.exception("the worker's housekeeping failed")
        finally:
            connection.close()


def run_worker(processes: int = PROCESSES, log_level: str = "INFO") -> int:
    """Runs a worker until SIGTERM or Ctrl-C; the exit status.

    On a signal it finishes the running jobs, gives them back after WORKER_STOP_GRACE_S otherwise, and leaves.
    """
    from annotator.celery import app

    name = make_worker_name()
    bundles.sync()
    connection.close()
    app.steps["worker"].add(Watch)
    # Our LOGGING stays as it is, and Celery's warning about root is for pickled messages, which are not accepted here.
    signals.setup_logging.connect(lambda **_: None, weak=False)
    warnings.filterwarnings("ignore", category=SecurityWarning)
    worker = app.Worker(
        hostname=name,
        pool="prefork",
        concurrency=processes,
        loglevel=log_level,
        without_gossip=True,
        without_mingle=True,
        without_heartbeat=True,
        task_events=False,
        quiet=True,
    )
    logger.info("worker %s starts with %s processes; stop it with Ctrl-C", name, processes)
    signals.worker_shutting_down.connect(lambda **_: _begin_stop(name), weak=False)
    try:
        worker.start()
        return int(worker.exitcode or 0)
    finally:
        _give_back(name)


def _begin_stop(name: str) -> None:
    _stopping.set()
    deadline = threading.Timer(settings.WORKER_STOP_GRACE_S, _stop_now, (name,))
    deadline.daemon = True
    deadline.start()


def _stop_now(name: str) -> None:
    """The running job takes too long: end its process, then give the job back, so that a restart takes it at once."""
    from billiard import active_children

    logger.warning("stopping in the middle of a job; it goes back into the queue")
    for child in active_children():
        child.kill()
    _give_back(name)
    os._exit(0)


def _give_back(name: str) -> None:
    try:
        released = embedding_jobs.release_worker(name) + export_jobs.release_worker(name)
        if released:
            logger.info("gave %s jobs back to the queue", released)
        WorkerHeartbeat.objects.filter(name=name).delete()
        for kind in SLOTS:
            _slot_file(name, kind).unlink(missing_ok=True)
    finally:
        connection.close()
