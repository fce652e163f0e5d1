"""What the doctor notices of files, devices, packages and a damaged database, and what it says to do."""

from __future__ import annotations

import subprocess
import sys

import pytest
from django.core.files.storage import default_storage

from annotator.embeddings import store as embedding_store
from annotator.models import EmbeddingJob
from annotator.operations import doctor
from annotator.site import extra_packages
from annotator.worker.run_job import run_next
from tests.annotator.test_postponed_jobs import EMBEDDINGS, pictures  # noqa: F401
from tests.annotator.world import ROOT, Installation


def finding(name: str) -> doctor.Finding:
    return doctor._ask(name, doctor.CHECKS_WITH_DATABASE[name])


def test_pictures_that_are_gone_are_noticed(image, second_image):
    assert finding("files").ok
    default_storage.delete(str(image.file))
    found = finding("files")
    assert not found.ok and "1 of 2 pictures" in found.message and "photo.png" in found.message
    assert "backup" in found.advice


@pytest.mark.parametrize("harm", ["cut", "changed", "gone"])
def test_embeddings_that_are_damaged_are_noticed(pictures, harm):  # noqa: F811
    run_next(EMBEDDINGS, "w")
    assert "1 of 1 embeddings" in finding("files").message
    job = EmbeddingJob.objects.get(state="ready")
    name = embedding_store.file_name(job.bundle.digest, job.image.digest)
    path = default_storage.path(name)
    content = open(path, "rb").read()
    default_storage.delete(name)
    if harm != "gone":
        with open(path, "wb") as file:
            file.write(content[:50] if harm == "cut" else content[:-1] + b"x")
    found = finding("files")
    assert found.ok and found.is_warning and "1 of 1 embeddings" in found.message


def test_a_device_that_is_not_there_is_said_with_what_to_do(pictures, settings):  # noqa: F811
    settings.DEVICE = "cuda:63"
    found = finding("device")
    assert not found.ok and "CUDA" in found.message and "DEVICE is 'cuda:63'" in found.advice


def test_a_package_that_a_setting_needs_is_named(monkeypatch):
    monkeypatch.setattr(extra_packages, "find_spec", lambda name: None)
    said = extra_packages.why_missing("postgres://a@b/c", "redis://d")
    assert "DATABASE_URL is an address of postgres" in said and "'psycopg[binary]'" in said
    assert "CELERY_BROKER_URL is an address of redis" in said
    assert extra_packages.why_missing(None, "filesystem://localhost") == ""
    monkeypatch.setattr(extra_packages, "find_spec", lambda name: object())
    assert extra_packages.why_missing("postgres://a@b/c", "redis://d") == ""


def test_a_damaged_database_is_said_to_be_damaged(tmp_path):
    (tmp_path / "maskwright.sqlite3").write_bytes(b"eaten by the disk" * 1000)
    done = subprocess.run(
        [sys.executable, "manage.py", "doctor"],
        cwd=ROOT,
        env=Installation(tmp_path).environment,
        capture_output=True,
        text=True,
        timeout=240,
    )
    said = done.stdout + done.stderr
    assert done.returncode != 0 and "Traceback" not in said
    assert "is damaged" in said and ".recover" in said
