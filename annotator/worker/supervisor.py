"""The worker: one process for each lane of each kind of job, so that none waits for another, and this parent.

The parent does no job itself and so stays awake beside a long one. It starts processes again that die, signs that the
worker is alive, and looks into the database every JOB_SWEEP_INTERVAL_S: other machines' workers die, too.
"""

from __future__ import annotations

import logging
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterable

from django.conf import settings
from django.db import close_old_connections, connection
from django.db.models import QuerySet
from django.utils import timezone

from annotator.bundles.sync import sync_bundles
from annotator.jobs import queue
from annotator.jobs.kinds import JobKind
from annotator.models import LeasedJob, WorkerHeartbeat
from annotator.worker.housekeeping import keep_house

logger = logging.getLogger(__name__)

DEATH_CHECK_S = 0.2
HOUSEKEEPING_INTERVAL_S = 600
RESTART_PAUSE_MAX_S = 30
# A process that ran this long was well; its next death counts as the first.
HEALTHY_AFTER_S = 60


def run_worker(kinds: Iterable[JobKind]) -> None:
    """Runs a worker for `kinds` until SIGTERM or Ctrl-C.

    Then it lets the running jobs finish within WORKER_STOP_GRACE_S; one that takes longer is ended and given back, so
    that the next worker takes it at once.
    """
    Worker(kinds).run()


def _keep_house() -> None:
    try:
        keep_house()
    finally:
        connection.close()  # the thread's own


class Child:
    """The process that does the jobs of one lane of a kind, started again when it dies."""

    def __init__(self, kind: JobKind, lane: str, worker: str) -> None:
        self.kind = kind
        self._lane = lane
        # The first process of a kind has the worker's own name, under which its device is noted.
        self._worker = worker if lane == kind.name else f"{worker}/{lane}"
        self._deaths = 0
        self._restart_at_s: float | None = None  # None while it runs
        self._start()

    def restart_when_dead(self) -> bool:
        """Starts the process again after its pause; True when it has died since the last call."""
        now_s = time.monotonic()
        if self._restart_at_s is not None:
            if now_s >= self._restart_at_s:
                self._start()
            return False
        status = self.process.poll()
        if status is None:
            return False
        self._deaths = 1 if now_s - self._started_s > HEALTHY_AFTER_S else self._deaths + 1
        # At once, then after 1, 3, 7 ... s.
        self._restart_at_s = now_s + min(2 ** (self._deaths - 1) - 1, RESTART_PAUSE_MAX_S)
        logger.error("the process for %s ended with status %s", self._lane, status)
        return True

    def stop(self, deadline_s: float) -> None:
        """Waits for the process, which has had its SIGTERM, and kills it at `deadline_s`."""
        try:
            self.process.wait(max(0.0, deadline_s - time.monotonic()))
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()

    @property
    def held(self) -> QuerySet[LeasedJob]:
        return queue.held_by(self.kind.model, self._worker)

    def give_back(self) -> None:
        """Puts what the process held back into the queue."""
        released = queue.release(self.held)
        if released:
            logger.info("gave %s unfinished %s back to the queue", released, self._lane)

    def _start(self) -> None:
        self._started_s, self._restart_at_s = time.monotonic(), None
        paths = [str(settings.BASE_DIR), *filter(None, sys.path)]
        self.process = subprocess.Popen(
            # -P: nothing is imported from the current folder, which may hold a celery.py of somebody's own.
            [sys.executable, "-P", "-m", "annotator.worker", self.kind.name, self._lane, self._worker],
            stdin=subprocess.PIPE,  # never written to: its end tells the child that we are gone
            env=os.environ | {"PYTHONPATH": os.pathsep.join(paths)},
        )


class Worker:
    def __init__(self, kinds: Iterable[JobKind]) -> None:
        # Unique per start, so that "what this worker holds" never means another one's jobs.
        self.name = f"worker-{os.getpid()}-{os.urandom(3).hex()}@{socket.gethostname()}"
        self._kinds = tuple(kinds)
        self._stop = threading.Event()
        self._next_look_s = self._next_housekeeping_s = 0.0
        self._housekeeping: threading.Thread | None = None

    def run(self) -> None:
        for sig in (signal.SIGTERM, signal.SIGINT):
            signal.signal(sig, lambda *_: self._stop.set())
        sync_bundles()
        logger.info("worker %s starts; stop it with Ctrl-C", self.name)
        self._beat()  # before the processes write into the row
        children = [Child(kind, lane, self.name) for kind in self._kinds for lane in kind.lanes]
        try:
            while not self._stop.wait(DEATH_CHECK_S):
                for child in children:
                    if child.restart_when_dead():
                        # The attempt counts: this job may be what killed the process.
                        self._safely(queue.end_leases, child.held)
                if time.monotonic() >= self._next_look_s:
                    self._next_look_s = time.monotonic() + settings.JOB_SWEEP_INTERVAL_S
                    self._look()
        finally:
            self._end(children)

    def _look(self) -> None:
        close_old_connections()
        self._safely(self._beat)
        for kind in self._kinds:
            self._safely(self._find_forgotten, kind)
        if time.monotonic() >= self._next_housekeeping_s:
            self._next_housekeeping_s = time.monotonic() + HOUSEKEEPING_INTERVAL_S
            self._start_housekeeping()

    def _start_housekeeping(self) -> None:
        """In a thread of its own: thousands of files take longer than a worker may go without a sign of life."""
        if self._housekeeping is None or not self._housekeeping.is_alive():
            self._housekeeping = threading.Thread(target=_keep_house, name="housekeeping", daemon=True)
            self._housekeeping.start()

    def _beat(self) -> None:
        signs = {"hostname": socket.gethostname(), "pid": os.getpid(), "last_seen": timezone.now()}
        WorkerHeartbeat.objects.update_or_create(name=self.name, defaults=signs)

    def _find_forgotten(self, kind: JobKind) -> None:
        if queue.expire(kind.model.objects.all()) + kind.add_missing():
            kind.wake()

    def _end(self, children: list[Child]) -> None:
        for child in children:
            child.process.terminate()  # it ends after the present job
        deadline_s = time.monotonic() + settings.WORKER_STOP_GRACE_S
        for child in children:
            child.stop(deadline_s)
        for child in children:
            self._safely(child.give_back)
        self._safely(WorkerHeartbeat.objects.filter(name=self.name).delete)
        logger.info("worker %s has stopped", self.name)

    @staticmethod
    def _safely(work: Callable[..., object], *arguments: object) -> None:
        """A database that restarts must not end the worker; the next look comes soon."""
        try:
            work(*arguments)
        except Exception:
            logger.exception("the worker's look into the database failed")
            close_old_connections()
