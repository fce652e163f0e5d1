import time

from annotator.jobs import queue
from annotator.jobs.errors import JobFailed
from tests.annotator.toy_jobs.models import Toy


def run(toy: Toy) -> None:
    time.sleep(toy.takes_s)
    if toy.is_broken:
        raise JobFailed("A wheel is off.")
    queue.finish(toy, made_by=toy.worker)
