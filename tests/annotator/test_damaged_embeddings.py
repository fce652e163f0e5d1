"""A disk that damages an embedding file: noticed by its size, its checksum or the page, and made anew."""

from __future__ import annotations

import io
import os
from pathlib import Path

import pytest
from django.core.files.storage import default_storage

from annotator.embeddings import store as embedding_store
from annotator.media import intake
from annotator.models import EmbeddingJob, Project
from annotator.people import members
from annotator.worker.run_job import run_next
from segmentation.embedding_file import read_embedding
from tests.annotator.test_postponed_jobs import EMBEDDINGS, pictures  # noqa: F401
from tests.annotator.world import client_of

PAST_CACHES = {"HTTP_CACHE_CONTROL": "no-cache"}  # as a browser's fetch with cache: "reload" sends it


@pytest.fixture
def job(pictures) -> EmbeddingJob:  # noqa: F811
    members.add_member(Project.objects.get(name="Tiny things"), username="alice", role="manager")
    run_next(EMBEDDINGS, "w")
    return EmbeddingJob.objects.get(state="ready")


def path_of(job: EmbeddingJob) -> Path:
    return Path(
        default_storage.path(embedding_store.file_name(job.bundle.digest, job.image.digest, job.region))
    )


def get(alice, job: EmbeddingJob, **headers: str):
    return client_of(alice).get(
        f"/api/images/{job.image_id}/embedding/?digest={job.bundle.digest}", **headers
    )


def flip(path: Path) -> None:
    """One bit, as a disk does it: neither size nor time tell."""
    stat = path.stat()
    content = bytearray(path.read_bytes())
    content[-5] ^= 1
    path.write_bytes(content)
    os.utime(path, ns=(stat.st_atime_ns, stat.st_mtime_ns))


HARMS = {
    "empty": lambda path: path.write_bytes(b""),
    "half": lambda path: path.write_bytes(path.read_bytes()[:100]),
    "garbage": lambda path: path.write_bytes(b"x" * path.stat().st_size),
}


def test_row_and_file_know_size_and_checksum(job):
    content = path_of(job).read_bytes()
    assert job.size_bytes == len(content)
    assert len(job.checksum) == 8 and embedding_store.checksum(content) == job.checksum


@pytest.mark.parametrize("harm", HARMS)
@pytest.mark.parametrize("was_served_before", [True, False])
def test_a_damaged_file_is_made_anew_instead_of_being_served(job, alice, harm, was_served_before):
    if was_served_before:
        assert get(alice, job).status_code == 200
    HARMS[harm](path_of(job))
    answer = get(alice, job)
    assert (answer.status_code, answer.json()["state"]) == (202, "queued")
    assert "damaged" in answer.json()["error"]
    run_next(EMBEDDINGS, "w")
    answer = get(alice, job)
    assert read_embedding(b"".join(answer.streaming_content), job.bundle.digest).image_hw == job.image.hw


def test_a_flipped_bit_is_noticed_when_the_file_is_first_read(job, alice):
    flip(path_of(job))
    assert get(alice, job).status_code == 202


def test_a_bit_that_flips_later_is_noticed_once_a_page_says_so(job, alice):
    assert get(alice, job).status_code == 200
    flip(path_of(job))
    assert get(alice, job).status_code == 200, (
        "read once, then known by size and time: the page's checksum notices it"
    )
    assert get(alice, job, **PAST_CACHES).status_code == 202
    run_next(EMBEDDINGS, "w")
    assert get(alice, job, **PAST_CACHES).status_code == 200


def test_a_file_made_before_checksums_is_judged_by_its_size_and_its_form(job, alice):
    EmbeddingJob.objects.filter(pk=job.pk).update(checksum="")
    assert get(alice, job, **PAST_CACHES).status_code == 200
    HARMS["garbage"](path_of(job))
    assert get(alice, job, **PAST_CACHES).status_code == 202


def test_two_projects_share_the_file_that_was_made_anew(job, alice):
    twin_project = Project.objects.create(name="Twin", bundle=job.bundle)
    content = default_storage.open(str(job.image.file)).read()
    twin = intake.ingest_image(twin_project, io.BytesIO(content), "twin.png", alice).image
    while run_next(EMBEDDINGS, "w"):
        pass
    other = twin.embedding_jobs.get()
    assert other.checksum == job.checksum
    HARMS["half"](path_of(job))
    assert get(alice, job).status_code == 202
    while run_next(EMBEDDINGS, "w"):
        pass
    job.refresh_from_db()
    assert embedding_store.is_sound(job) and embedding_store.is_sound(other)
