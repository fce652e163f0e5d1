"""The worker: one process for embeddings and one for exports, so that neither waits for the other, and this parent.

The parent does no job itself and so stays awake beside a long one. It restarts processes that die, signs that the
worker is alive, and looks into the database every JOB_SWEEP_INTERVAL_S: wake-ups get lost, other machines' workers die.
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
from dataclasses import dataclass, field
from datetime import timedelta
from types import ModuleType

from django.conf import settings
from django.db import connection
from django.utils import timezone

from annotator.bundles.sync import sync_bundles
from annotator.datasets import exports
from annotator.embeddings import queue as embedding_queue
from annotator.embeddings import store as embedding_store
from annotator.jobs import lease
from annotator.media import removal
from annotator.models import WorkerHeartbeat
from annotator.people import login_attempts

logger = logging.getLogger(__name__)

# Kind of job -> the module that keeps its queue; the kind is also the name of the broker's queue (CELERY_TASK_ROUTES).
KINDS: dict[str, ModuleType] = {"embeddings": embedding_queue, "exports": exports}
HOUSEKEEPING_INTERVAL_S = 600
HEARTBEAT_FORGET_S = 24 * 3600
RESTART_PAUSE_MAX_S = 30


def run_worker(kinds: tuple[str, ...] = tuple(KINDS)) -> None:
    """Runs a worker until SIGTERM or Ctrl-C.

    Then it lets the running jobs finish within WORKER_STOP_GRACE_S; one that takes longer is ended and given back, so
    that the next worker takes it at once.
    """
    Worker(kinds).run()


@dataclass
class Child:
    """One process that does jobs of one kind."""

    kind: str
    process: subprocess.Popen
    deaths: int = 0
    restart_at_s: float = field(default=0.0)


class Worker:
    def __init__(self, kinds: tuple[str, ...]) -> None:
        # Unique per start, so that "what this worker holds" never means another one's jobs.
        self.name = f"worker-{os.getpid()}-{os.urandom(3).hex()}@{socket.gethostname()}"
        self._kinds = kinds
        self._children: list[Child] = []
        self._stop = threading.Event()
        self._next_housekeeping_s = 0.0

    def run(self) -> None:
        for sig in (signal.SIGTERM, signal.SIGINT):
            signal.signal(sig, lambda *_: self._stop.set())
        sync_bundles()
        logger.info("worker %s starts; stop it with Ctrl-C", self.name)
        self._children = [Child(kind, self._start(kind)) for kind in self._kinds]
        try:
            while not self._stop.is_set():
                self._restart_dead()
                self._look()
                self._stop.wait(settings.JOB_SWEEP_INTERVAL_S)
        finally:
            self._end()

    def _start(self, kind: str) -> subprocess.Popen:
        return subprocess.Popen(
            [sys.executable, "-m", "annotator.worker.child", kind, self.name],
            stdin=subprocess.PIPE,  # never written to: its end tells the child that we are gone
            env=os.environ
            | {"PYTHONPATH": os.pathsep.join([str(settings.BASE_DIR), *filter(None, sys.path)])},
        )

    def _restart_dead(self) -> None:
        now_s = time.monotonic()
        for child in self._children:
            status = child.process.poll()
            if status is None:
                continue
            if not child.restart_at_s:
                child.deaths += 1
                pause_s = min(2 ** (child.deaths - 1) - 1, RESTART_PAUSE_MAX_S)  # at once, then 1, 3, 7 ... s
                child.restart_at_s = now_s + pause_s
                logger.error("the process for %s ended with status %s", child.kind, status)
                # The attempt counts: this job may be what killed it.
                self._safely(lambda kind=child.kind: lease.end_leases(KINDS[kind].held_by(self.name)))
            if now_s >= child.restart_at_s:
                child.process, child.restart_at_s = self._start(child.kind), 0.0

    def _look(self) -> None:
        self._safely(self._beat)
        for kind in self._kinds:
            self._safely(lambda kind=kind: self._look_for(KINDS[kind]))
        if time.monotonic() >= self._next_housekeeping_s:
            self._next_housekeeping_s = time.monotonic() + HOUSEKEEPING_INTERVAL_S
            self._safely(_keep_house)

    def _beat(self) -> None:
        signs = {"hostname": socket.gethostname(), "pid": os.getpid(), "last_seen": timezone.now()}
        WorkerHeartbeat.objects.update_or_create(name=self.name, defaults=signs)

    def _look_for(self, jobs: ModuleType) -> None:
        jobs.expire()
        if jobs is embedding_queue:
            embedding_queue.ensure_missing()
        # While our process is at work it takes the next job by itself.
        if jobs.any_waiting() and not jobs.held_by(self.name).exists():
            jobs.wake()

    def _end(self) -> None:
        for child in self._children:
            child.process.send_signal(
                signal.SIGTERM
            )  # Celery ends after the present task, the task after its job
        deadline_s = time.monotonic() + settings.WORKER_STOP_GRACE_S
        for child in self._children:
            try:
                child.process.wait(max(0.0, deadline_s - time.monotonic()))
            except subprocess.TimeoutExpired:
                child.process.kill()
                child.process.wait()
        for kind in self._kinds:
            self._safely(lambda kind=kind: self._give_back(KINDS[kind]))
        self._safely(lambda: WorkerHeartbeat.objects.filter(name=self.name).delete())
        logger.info("worker %s has stopped", self.name)

    def _give_back(self, jobs: ModuleType) -> None:
        released = lease.release(jobs.held_by(self.name))
        if released:
            logger.info("gave %s unfinished jobs back to the queue", released)

    @staticmethod
    def _safely(work) -> None:
        """A database that restarts must not end the worker; the next look comes soon."""
        try:
            work()
        except Exception:
            logger.exception("the worker's look into the database failed")
            connection.close()


def _keep_house() -> None:
    orphans = removal.sweep_orphans()
    if orphans:
        logger.info("removed %s files that no image names", len(orphans))
    unused = embedding_store.sweep_unused()
    if unused:
        logger.info("removed %s embeddings of replaced bundles or deleted images", len(unused))
    exports.delete_old()
    login_attempts.forget_old()
    forgotten = timezone.now() - timedelta(seconds=HEARTBEAT_FORGET_S)
    WorkerHeartbeat.objects.filter(last_seen__lt=forgotten).delete()
