"""Celery tasks: thin, they call the domain modules.

A message is a wake-up without contents: the task does what the database says is waiting until nothing is. Further
messages find an empty queue and return at once, so a pile of them costs nothing.
"""

from __future__ import annotations

from celery import shared_task

from annotator.datasets import exports
from annotator.embeddings import queue as embedding_queue
from annotator.worker.child import is_stopping


@shared_task(name=embedding_queue.RUN_TASK, bind=True)
def run_embedding_jobs(self) -> None:
    if embedding_queue.any_waiting():
        from annotator.worker.runners import embeddings as embedding_runner

        while not is_stopping() and embedding_runner.run_next(self.request.hostname):
            pass


@shared_task(name=exports.RUN_TASK, bind=True)
def run_export_jobs(self) -> None:
    while not is_stopping() and exports.run_next(self.request.hostname):
        pass
