"""Storage that is away or full for a while costs time and nothing else: no job fails for it, none is taken in vain."""

from __future__ import annotations

import errno
from datetime import timedelta
from pathlib import Path

import pytest
from django.core.files.storage import default_storage
from django.core.management import CommandError, call_command
from django.db import OperationalError
from django.utils import timezone

from annotator.jobs import queue
from annotator.jobs.kinds import KINDS
from annotator.models import EmbeddingJob, Image
from annotator.site.storage import MarkedFileSystemStorage
from annotator.worker import run_job, storage_ready
from annotator.worker.postponed import Postponed
from annotator.worker.run_job import run_next
from tests.annotator.test_postponed_jobs import pictures, states  # noqa: F401

EMBEDDINGS = KINDS["embeddings"]


def work() -> None:
    postponed = Postponed()
    while run_next(EMBEDDINGS, "w", postponed=postponed):
        pass


def let_time_pass() -> None:
    EmbeddingJob.objects.filter(state="queued").update(not_before=timezone.now() - timedelta(seconds=1))


def test_the_folder_of_pictures_may_be_away_for_a_while(pictures):  # noqa: F811
    folder = Path(default_storage.path("images"))
    folder.rename(folder.with_name("away"))
    for _ in range(5):
        work()
        let_time_pass()
    assert states() == [("queued", 0)] * 3
    assert "pictures are away" in EmbeddingJob.objects.exclude(error="").first().error
    folder.with_name("away").rename(folder)
    work()
    assert states() == [("ready", 1)] * 3


def test_one_missing_picture_fails_after_three_attempts_with_growing_pauses(pictures):  # noqa: F811
    image = Image.objects.order_by("pk").first()
    default_storage.delete(str(image.file))
    pauses = []
    for _ in range(3):
        work()
        job = image.embedding_jobs.get()
        pauses.append(
            round((job.not_before - timezone.now()).total_seconds(), -1) if job.not_before else None
        )
        work()
        assert image.embedding_jobs.get().attempts == job.attempts, "not at once"
        let_time_pass()
    assert pauses == [20, 40, None]
    assert [state for state, _ in states()] == ["failed", "ready", "ready"]


def test_no_job_is_taken_while_the_disk_is_not_mounted(pictures):  # noqa: F811
    default_storage.mark.unlink()
    assert run_next(EMBEDDINGS, "w") is None
    assert states() == [("queued", 0)] * 3
    with pytest.raises(CommandError, match="disk mounted"):
        call_command("embed", "Tiny things")


def test_no_job_is_taken_while_the_disk_is_full(pictures, monkeypatch):  # noqa: F811
    monkeypatch.setattr(storage_ready, "LEAST_FREE_BYTES", 10**18)
    assert run_next(EMBEDDINGS, "w") is None
    assert states() == [("queued", 0)] * 3
    assert "is full" in storage_ready.why_not()


@pytest.mark.parametrize(
    ("number", "says"),
    [(errno.ENOSPC, "disk is full"), (errno.EIO, "did not answer"), (errno.ESTALE, "did not answer")],
)
def test_what_storage_refuses_is_no_attempt(pictures, monkeypatch, number, says):  # noqa: F811
    def refuse(*arguments, **more):
        raise OSError(number, "refused", "/somewhere")

    monkeypatch.setattr(MarkedFileSystemStorage, "_save", refuse)
    for _ in range(4):
        work()
        let_time_pass()
    assert states() == [("queued", 0)] * 3
    job = EmbeddingJob.objects.exclude(error="").first()
    assert says in job.error and "/somewhere" not in job.error
    monkeypatch.undo()
    work()
    assert [state for state, _ in states()] == ["ready"] * 3


def test_an_outcome_is_written_once_the_database_takes_it(pictures, monkeypatch):  # noqa: F811
    """A disk that is full for the pictures is mostly full for the database, too."""
    default_storage.delete(str(Image.objects.order_by("pk").first().file))
    refused = []
    fail = queue.fail

    def reluctant(*arguments, **more):
        if len(refused) < 2:
            refused.append(1)
            raise OperationalError("database or disk is full")
        fail(*arguments, **more)

    monkeypatch.setattr(run_job, "OUTCOME_RETRY_S", 0.01)
    monkeypatch.setattr(queue, "fail", reluctant)
    run_next(EMBEDDINGS, "w")
    job = EmbeddingJob.objects.order_by("pk").first()
    assert (job.state, len(refused)) == ("queued", 2) and "missing" in job.error
