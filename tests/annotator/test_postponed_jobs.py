"""Jobs that cannot be done now through no fault of their own: put back, taken again later, no attempt counted."""

from __future__ import annotations

import fcntl
import io
import threading
import time
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command
from django.utils import timezone

import segmentation.catalogue
from annotator.bundles import catalogue
from annotator.bundles.sync import sync_bundles
from annotator.jobs import queue
from annotator.jobs.kinds import KINDS
from annotator.media import intake
from annotator.models import BundleJob, EmbeddingJob, Project
from annotator.worker import stopping
from annotator.worker.postponed import Postponed
from annotator.worker.run_job import run_next
from annotator.worker.runners import embeddings
from tests.annotator.test_bundle_jobs import ask_for, checkpoint, publisher  # noqa: F401
from tests.annotator.world import browser_of, client_of, encode_image, html

EMBEDDINGS = KINDS["embeddings"]


@pytest.fixture
def pictures(installed, alice, monkeypatch) -> Path:
    """Three pictures of a project whose bundle is installed, and no encoder loaded; the bundle's folder."""
    installed("first")
    sync_bundles()
    monkeypatch.setattr(embeddings, "_encoders", {})
    project = Project.objects.create(name="Tiny things", bundle=catalogue.by_name("tiny"))
    for seed in range(3):
        intake.ingest_image(project, io.BytesIO(encode_image(seed=seed)), f"{seed}.png", alice)
    return Path(catalogue.by_name("tiny").path)


def states() -> list[tuple[str, int]]:
    return list(EmbeddingJob.objects.order_by("pk").values_list("state", "attempts"))


@pytest.mark.parametrize("harm", ["cut", "removed", "other"])
def test_damaged_weights_are_no_fault_of_the_images(pictures, harm):
    weights = pictures / catalogue.by_name("tiny").manifest["weights"]["file"]
    content = weights.read_bytes()
    weights.unlink() if harm == "removed" else weights.write_bytes(
        content[:-100] if harm == "cut" else content[:-1] + b"x"
    )
    postponed = Postponed()
    while run_next(EMBEDDINGS, "w", postponed=postponed):
        pass
    assert states() == [("queued", 0)] * 3
    job = EmbeddingJob.objects.order_by("pk").first()
    assert "The model tiny cannot be opened" in job.error and str(pictures) not in job.error
    assert [bool(other.error) for other in EmbeddingJob.objects.order_by("pk")] == [True, False, False]

    weights.write_bytes(content)
    assert run_next(EMBEDDINGS, "w", postponed=postponed) is None, "not at once"
    postponed.forget()
    while run_next(EMBEDDINGS, "w", postponed=postponed):
        pass
    assert states() == [("ready", 1)] * 3


def test_another_worker_takes_what_one_has_put_back(pictures):
    """Its own copy of the weights may be sound."""
    weights = pictures / catalogue.by_name("tiny").manifest["weights"]["file"]
    content = weights.read_bytes()
    weights.write_bytes(content[:-100])
    here = Postponed()
    run_next(EMBEDDINGS, "w", postponed=here)
    weights.write_bytes(content)
    assert run_next(EMBEDDINGS, "w", postponed=here) is None
    assert run_next(EMBEDDINGS, "elsewhere", postponed=Postponed()) is not None


def test_what_is_put_back_is_taken_again_after_a_while(pictures):
    now_s = [100.0]
    postponed = Postponed(clock=lambda: now_s[0])
    weights = pictures / catalogue.by_name("tiny").manifest["weights"]["file"]
    weights.rename(weights.with_suffix(".away"))
    assert run_next(EMBEDDINGS, "w", postponed=postponed) is not None
    weights.with_suffix(".away").rename(weights)
    now_s[0] += 29
    assert run_next(EMBEDDINGS, "w", postponed=postponed) is None
    now_s[0] += 2
    assert run_next(EMBEDDINGS, "w", postponed=postponed) is not None
    assert ("ready", 1) in states()


def test_the_command_says_which_model_cannot_be_opened(pictures, capsys):
    weights = pictures / catalogue.by_name("tiny").manifest["weights"]["file"]
    weights.write_bytes(weights.read_bytes()[:-100])
    with pytest.raises(CommandError, match="3 wait.*The model tiny cannot be opened"):
        call_command("embed", "Tiny things")
    assert states() == [("queued", 0)] * 3


def test_a_job_waits_while_another_process_fetches_the_same_file(publisher, staff, own_folders):  # noqa: F811
    ask_for(client_of(staff))
    folder = own_folders / "downloads"
    folder.mkdir()
    [name] = {row.file_name for row in segmentation.catalogue.members()}
    postponed = Postponed()
    with (folder / f"{name}.part").open("ab") as other:
        fcntl.flock(other, fcntl.LOCK_EX)
        run_next(KINDS["bundles"], "w", postponed=postponed)
        job = BundleJob.objects.get()
        assert (job.state, job.attempts) == ("queued", 0) and "Another process is fetching" in job.error
        assert run_next(KINDS["bundles"], "w", postponed=postponed) is None
        assert "Another process is fetching" in html(browser_of(staff), "/models/")
    postponed.forget()
    run_next(KINDS["bundles"], "w", postponed=postponed)
    job.refresh_from_db()
    assert (job.state, job.attempts, job.error) == ("ready", 1, "")


def test_a_worker_that_is_to_stop_leaves_a_download_for_the_next_one(publisher, staff, monkeypatch):  # noqa: F811
    publisher.silence = threading.Event()
    ask_for(client_of(staff))
    monkeypatch.setattr(stopping, "_asked", threading.Event())
    threading.Timer(1.0, stopping.ask).start()
    began_s = time.monotonic()
    run_next(KINDS["bundles"], "w")
    assert time.monotonic() - began_s < 5
    job = BundleJob.objects.get()
    assert (job.state, job.attempts) == ("queued", 0)
    publisher.silence.set()


def test_a_cancelled_job_is_left_while_the_server_is_silent(publisher, staff, monkeypatch):  # noqa: F811
    publisher.silence = threading.Event()
    ask_for(client_of(staff))
    update = queue.update

    def cancelled(job, **values):
        if "done" in values and publisher.asked:  # by another process, once the server was asked
            BundleJob.objects.update(state="cancelled", finished_at=timezone.now(), **queue.NO_LEASE)
        update(job, **values)

    monkeypatch.setattr(queue, "update", cancelled)
    began_s = time.monotonic()
    run_next(KINDS["bundles"], "w")
    assert time.monotonic() - began_s < 5
    assert BundleJob.objects.get().state == "cancelled"
    publisher.silence.set()
