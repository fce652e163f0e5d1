"""Celery tasks: thin, they call the domain modules.

A message is a wake-up without contents: the task does what the database says is waiting until nothing is. Of each
kind one process per worker is enough (see `worker_slot`); further messages find it busy and return at once, so a pile
of them costs nothing and an export never waits behind a thousand embeddings.
"""

from __future__ import annotations

from collections.abc import Callable

from celery import shared_task

from annotator import embedding_jobs, export_jobs
from annotator.worker_process import is_stopping, worker_slot


@shared_task(name=embedding_jobs.RUN_TASK, bind=True)
def run_embedding_jobs(self) -> None:
    from annotator import embedding_runner

    _drain("embeddings", self.request.hostname, embedding_runner.run_next, embedding_jobs.any_waiting)


@shared_task(name=export_jobs.RUN_TASK, bind=True)
def run_export_jobs(self) -> None:
    _drain("exports", self.request.hostname, export_jobs.run_next, export_jobs.any_waiting)


def _drain(
    kind: str, worker: str, run_next: Callable[[str], object | None], any_waiting: Callable[[], bool]
) -> None:
    while any_waiting() and not is_stopping():
        with worker_slot(worker, kind) as have_slot:
            if not have_slot:
                return
            while not is_stopping() and run_next(worker) is not None:
                pass
        # Once more: a job that came in before the slot was free found it taken.
