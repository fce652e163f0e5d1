"""The queue of embeddings: order, claims, leases, attempts. No model is loaded here."""

from __future__ import annotations

import base64
import io
from datetime import timedelta
from pathlib import Path

import pytest
from django.core.files.storage import default_storage
from django.utils import timezone

from annotator.embeddings import queue as embedding_queue
from annotator.embeddings import store as embedding_store
from annotator.embeddings.errors import EmbeddingNotFailed, NoBundle
from annotator.embeddings.figures import pace
from annotator.embeddings.which_bundle import bundle_of
from annotator.jobs import queue
from annotator.jobs.errors import LeaseLost
from annotator.media import intake
from annotator.models import Bundle, EmbeddingJob
from annotator.worker import run_job
from annotator.worker.postponed import Postponed
from segmentation.embedding_file import read_embedding
from tests.annotator.world import BUNDLE_DIGEST, client_of, encode_image


@pytest.fixture
def job(image) -> EmbeddingJob:
    return EmbeddingJob.objects.get(image=image)


def claim(worker: str) -> EmbeddingJob | None:
    return queue.claim(EmbeddingJob.takeable(), worker)


def let_lease_run_out(job: EmbeddingJob) -> None:
    EmbeddingJob.objects.filter(pk=job.pk).update(lease_expires_at=timezone.now() - timedelta(seconds=1))


def test_a_claimed_job_is_running_with_a_lease(job):
    claimed = claim("worker-1")
    assert claimed == job
    assert (claimed.state, claimed.worker, claimed.attempts) == ("running", "worker-1", 1)
    assert claimed.lease_expires_at > timezone.now()
    assert claim("worker-2") is None


def test_a_finished_job_is_ready(job):
    queue.finish(claim("w"), size_bytes=10, duration_ms=5)
    job.refresh_from_db()
    assert (job.state, job.size_bytes, job.worker, job.lease_token) == ("ready", 10, "", None)


def test_a_job_fails_for_good_after_three_attempts(job):
    for attempt in range(1, 4):
        claimed = claim("w")
        assert claimed.attempts == attempt
        queue.fail(claimed, "no memory")
        assert claim("w") is None, "not at once"
        EmbeddingJob.objects.filter(pk=job.pk, state="queued").update(not_before=timezone.now())
    job.refresh_from_db()
    assert (job.state, job.error) == ("failed", "no memory")
    assert claim("w") is None


def test_a_permanent_failure_is_not_tried_again(job):
    queue.fail(claim("w"), "damaged", permanent=True)
    job.refresh_from_db()
    assert job.state == "failed"


def test_a_lease_that_ran_out_gives_the_job_to_the_next_worker(job):
    first = claim("dead")
    let_lease_run_out(first)
    second = claim("alive")
    assert (second, second.worker, second.attempts) == (job, "alive", 2)


def test_a_worker_that_comes_back_late_cannot_touch_the_job(job):
    first = claim("slow")
    let_lease_run_out(first)
    claim("next")
    assert queue.renew(first) is False
    with pytest.raises(LeaseLost):
        queue.finish(first, size_bytes=1, duration_ms=1)
    queue.fail(first, "too late")
    job.refresh_from_db()
    assert (job.state, job.worker, job.error) == (
        "running",
        "next",
        "The worker died or was stopped while working on this.",
    )


def test_a_job_that_kills_its_worker_again_and_again_is_given_up(job):
    for _ in range(3):
        let_lease_run_out(claim("doomed"))
    assert claim("next") is None
    job.refresh_from_db()
    assert job.state == "failed" and "3 times" in job.error


def test_a_renewed_lease_lasts(job, settings):
    claimed = claim("w")
    settings.JOB_LEASE_S = 1000
    assert queue.renew(claimed)
    job.refresh_from_db()
    assert job.lease_expires_at > timezone.now() + timedelta(seconds=900)


def test_a_stopping_worker_gives_its_jobs_back_without_counting_the_attempt(job):
    claim("stopping")
    assert queue.release(queue.held_by(EmbeddingJob, "somebody else")) == 0
    assert queue.release(queue.held_by(EmbeddingJob, "stopping")) == 1
    job.refresh_from_db()
    assert (job.state, job.attempts) == ("queued", 0)


# --- order ---
@pytest.fixture
def album(project, alice):
    return [
        intake.ingest_image(project, io.BytesIO(encode_image(seed=seed)), f"{seed}.png").image
        for seed in range(8)
    ]


def claimed_order(count: int) -> list[str]:
    return [claim("w").image.name for _ in range(count)]


def test_uploads_are_embedded_in_their_order(album):
    assert claimed_order(3) == ["0.png", "1.png", "2.png"]


def test_an_opened_image_goes_first_and_the_following_ones_next(album):
    embedding_queue.open_image(album[4])
    assert claimed_order(6) == ["4.png", "5.png", "6.png", "7.png", "0.png", "1.png"]


def test_images_opened_by_two_people_both_go_first(album):
    embedding_queue.open_image(album[7])
    embedding_queue.open_image(album[2])
    assert set(claimed_order(2)) == {"2.png", "7.png"}


def test_positions_count_the_jobs_before(album):
    embedding_queue.open_image(album[4])
    jobs = {job.image.name: job for job in EmbeddingJob.objects.select_related("image")}
    positions = {name: embedding_queue.position(job) for name, job in jobs.items()}
    assert positions["4.png"] == 0 and positions["5.png"] == 1 and positions["0.png"] == 4
    claim("w")
    jobs["4.png"].refresh_from_db()
    assert embedding_queue.position(jobs["4.png"]) is None


def test_opening_again_and_again_sends_no_further_wake_up(album, monkeypatch):
    sent = []
    monkeypatch.setattr(embedding_queue, "wake", lambda: sent.append(1))
    for _ in range(5):
        embedding_queue.open_image(album[4])
    assert len(sent) == 1


# --- bundles come and go ---
def test_without_a_bundle_uploads_work_and_jobs_follow_once_one_is_there(project, bundle, image):
    project.bundle = None
    project.save()
    Bundle.objects.all().delete()
    with pytest.raises(NoBundle):
        bundle_of(project)
    assert embedding_queue.ensure_job_where_possible(image) is None
    bundle.pk = None
    bundle.save()
    assert embedding_queue.ensure_missing() == 1
    assert embedding_queue.ensure_missing() == 0
    assert EmbeddingJob.objects.get().image == image


# --- over HTTP ---
def test_a_waiting_embedding_is_202_with_the_jobs_state(alice, image):
    response = client_of(alice).get(f"/api/images/{image.pk}/embedding/")
    assert response.status_code == 202
    assert response.json() == {"state": "queued", "attempts": 0, "error": "", "position": 0}
    assert EmbeddingJob.objects.get(image=image).priority == EmbeddingJob.Priority.OPENED


def test_a_ready_embedding_is_its_bytes_with_an_etag(alice, ready_image):
    url = f"/api/images/{ready_image.pk}/embedding/"
    response = client_of(alice).get(url)
    content = b"".join(response.streaming_content)
    assert read_embedding(content, expected_bundle_digest=BUNDLE_DIGEST).image_hw == ready_image.hw
    assert response["Cache-Control"] == "private, no-cache"
    assert client_of(alice).get(url, HTTP_IF_NONE_MATCH=response["ETag"]).status_code == 304
    assert client_of(alice).get(url, HTTP_IF_NONE_MATCH='"other"').status_code == 200


def test_an_embedding_asked_for_by_digest_may_be_kept_for_ever(alice, ready_image):
    url = f"/api/images/{ready_image.pk}/embedding/?digest={BUNDLE_DIGEST}"
    assert "immutable" in client_of(alice).get(url)["Cache-Control"]


def test_by_setting_an_embedding_travels_as_int8_with_an_etag_of_its_own(alice, ready_image, settings):
    url = f"/api/images/{ready_image.pk}/embedding/"
    plain = client_of(alice).get(url)
    halves = read_embedding(b"".join(plain.streaming_content))
    settings.EMBEDDING_ENCODING = "int8"
    response = client_of(alice).get(url, HTTP_IF_NONE_MATCH=plain["ETag"])
    assert response.status_code == 200
    content = b"".join(response.streaming_content)
    assert b'"I8"' in content
    assert read_embedding(content, BUNDLE_DIGEST).tensors.keys() == halves.tensors.keys()
    assert client_of(alice).get(url, HTTP_IF_NONE_MATCH=response["ETag"]).status_code == 304


def test_an_embedding_of_another_bundle_is_refused(alice, ready_image):
    response = client_of(alice).get(f"/api/images/{ready_image.pk}/embedding/?digest={'c' * 64}")
    assert (response.status_code, response.json()["error"]["code"]) == (409, "bundle_mismatch")


def test_a_missing_file_behind_a_ready_job_is_made_again(alice, ready_image):
    default_storage.delete(embedding_store.file_name(BUNDLE_DIGEST, ready_image.digest))
    response = client_of(alice).get(f"/api/images/{ready_image.pk}/embedding/")
    assert (response.status_code, response.json()["state"]) == (202, "queued")


def test_a_failed_embedding_can_be_retried(alice, image):
    url = f"/api/images/{image.pk}/embedding/"
    queue.fail(claim("w"), "damaged", permanent=True)
    failed = client_of(alice).get(url).json()
    assert (failed["state"], failed["error"]) == ("failed", "damaged")
    response = client_of(alice).post(url)
    assert (response.status_code, response.json()["state"], response.json()["attempts"]) == (202, "queued", 0)


def test_only_a_failed_embedding_can_be_retried(job):
    with pytest.raises(EmbeddingNotFailed):
        embedding_queue.retry(job)


def test_a_broker_that_is_down_does_not_break_an_upload(installation):
    content = base64.b64encode(encode_image()).decode()
    printed = installation.python(
        f"""
import base64, io, shutil
from django.conf import settings
from annotator.media import intake
from annotator.models import Bundle, EmbeddingJob, Project
shutil.rmtree(settings.BROKER_DIR)
settings.BROKER_DIR.write_text("a file where the broker's folder should be")
bundle = Bundle.objects.create(
    name="b", digest="b", family="sam", input_side=64, embedding={{}}, manifest={{}}, is_default=True
)
file = io.BytesIO(base64.b64decode("{content}"))
file.name = "a.png"
report = intake.ingest_files(Project.objects.create(name="p"), [file])
print(len(report.results), EmbeddingJob.objects.get().state)
"""
    )
    assert printed.strip() == "1 queued"


def test_only_one_of_two_racing_processes_gets_a_job(installation):
    """Twenty jobs, two processes that claim as fast as they can: every job is claimed once."""
    installation.python(
        """
from django.utils import timezone
from annotator.models import *
bundle = Bundle.objects.create(name="b", digest="b" * 64, family="sam", input_side=64, embedding={}, manifest={})
project = Project.objects.create(name="p", bundle=bundle)
for number in range(20):
    image = Image.objects.create(project=project, name="i", width=1, height=1, digest=str(number), size_bytes=1)
    EmbeddingJob.objects.create(image=image, bundle=bundle, queued_at=timezone.now())
"""
    )
    claim_all = """
import django; django.setup()
from annotator.jobs import queue
from annotator.models import EmbeddingJob
import sys
while job := queue.claim(EmbeddingJob.takeable(), sys.argv[1]):
    pass
"""
    processes = [installation.start("-c", claim_all, name) for name in ("one", "two")]
    assert [process.wait(timeout=60) for process in processes] == [0, 0]
    printed = installation.python(
        """
from annotator.models import EmbeddingJob
print(set(EmbeddingJob.objects.values_list("state", "attempts")))
"""
    )
    assert printed.strip() == "{('running', 1)}"


# --- pictures that cannot be read ---
@pytest.mark.parametrize(
    ("harm", "state", "says"),
    [
        (lambda path: path.write_bytes(b"eaten by the disk"), "failed", "upload it again"),
        (lambda path: path.write_bytes(path.read_bytes()[:-40]), "failed", "upload it again"),
        (Path.unlink, "queued", "missing"),  # a drive that is away comes back: tried again
    ],
)
def test_what_fails_is_said_in_words_without_the_servers_paths(image, harm, state, says):
    path = Path(default_storage.path(image.file.name))
    harm(path)
    run_job.run(claim("w"), Postponed())
    job = image.embedding_jobs.get()
    assert (job.state, says in job.error, str(path) in job.error) == (state, True, False)


def test_the_pace_says_images_a_minute_and_when_the_queue_will_be_empty(job, project, bundle):
    assert (pace(1).images_per_minute, pace(1).seconds_left) == (None, None), "nothing was measured yet"
    queue.finish(claim("w"), size_bytes=10, duration_ms=30_000)
    for number in range(4):
        intake.ingest_image(project, io.BytesIO(encode_image(seed=50 + number)), f"{number}.png")
    assert pace(1).images_per_minute == pytest.approx(2, rel=0.05)
    assert pace(2).seconds_left == pytest.approx(4 * 30 / 2)
    assert pace(0).seconds_left is None
    EmbeddingJob.objects.filter(pk=job.pk).update(finished_at=timezone.now() - timedelta(hours=1))
    assert pace(1).images_per_minute is None
