"""The lease of a running job, renewed while the work goes on."""

from __future__ import annotations

import logging
import threading

from django.conf import settings
from django.db import connection

from annotator.jobs import queue
from annotator.models import LeasedJob

logger = logging.getLogger(__name__)


class LeaseKeeper:
    """Renews a job's lease from a thread of its own while the block runs, until the lease is lost."""

    def __init__(self, job: LeasedJob) -> None:
        self._job = job
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._keep, name=f"lease of {job}", daemon=True)

    def __enter__(self) -> LeaseKeeper:
        self._thread.start()
        return self

    def __exit__(self, *exception: object) -> None:
        self._stop.set()
        self._thread.join()

    def _keep(self) -> None:
        try:
            while not self._stop.wait(settings.JOB_LEASE_S / 3):
                try:
                    if not queue.renew(self._job):
                        return
                except Exception as error:  # a busy or restarting database: the next round tries again
                    logger.warning("cannot renew the lease of %s: %s", self._job, error)
                    connection.close()
        finally:
            connection.close()
