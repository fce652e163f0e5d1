"""Images go, and with them what nobody needs any more."""

from __future__ import annotations

import base64
import io
from pathlib import Path

import numpy as np
import pytest
from django.core.files.storage import default_storage
from PIL import Image as Pillow

from annotator.datasets import exports
from annotator.embeddings import store as embedding_store
from annotator.files import unowned
from annotator.jobs.kinds import KINDS
from annotator.media import intake, pixels, removal
from annotator.models import Bundle, EmbeddingJob, Image, UnownedFile
from annotator.projects import projects
from annotator.worker.run_job import run_next
from tests.annotator.world import encode_image


def files_in(media: Path) -> list[Path]:
    """All but the mark, which is no file of ours to clear away."""
    return [path for path in media.rglob("*") if path.is_file() and path.name != ".maskwright"]


def test_an_upload_makes_a_row_files_and_a_job(project, image):
    assert default_storage.exists(image.file.name)
    assert default_storage.exists(image.thumbnail.name)
    assert EmbeddingJob.objects.get(image=image).state == "queued"
    assert np.array_equal(pixels.read_pixels(image), np.asarray(Pillow.open(io.BytesIO(encode_image()))))


def test_a_row_that_cannot_be_written_leaves_no_files(project, monkeypatch):
    def refuse(*args, **kwargs):
        raise RuntimeError("no row today")

    monkeypatch.setattr(Image.objects, "create", refuse)
    with pytest.raises(RuntimeError):
        intake.ingest_image(project, io.BytesIO(encode_image()), "photo.png")
    assert default_storage.listdir(f"images/{project.pk}")[1] == []
    assert default_storage.listdir(f"thumbnails/{project.pk}")[1] == []


def test_files_without_a_row_are_swept_once_they_are_old(project, image):
    unowned.note(["images/9/orphan.png"])
    default_storage.save("images/9/orphan.png", io.BytesIO(b"left by a killed process"))
    assert removal.sweep_unowned() == []
    assert removal.sweep_unowned(min_age_s=-1) == ["images/9/orphan.png"]
    assert not default_storage.exists("images/9/orphan.png")
    assert default_storage.exists(image.file.name)
    assert not UnownedFile.objects.exists()


def test_a_process_killed_between_file_and_row_leaves_nothing_that_is_not_swept(installation):
    killed = f"""
import base64, io, os, signal
from annotator.media import intake
from annotator.models import Project
from annotator.embeddings import queue

def die(*args, **kwargs):
    os.kill(os.getpid(), signal.SIGKILL)

project = Project.objects.create(name="Killed")
content = io.BytesIO(base64.b64decode({base64.b64encode(encode_image())!r}))
queue.ensure_job_where_possible = die
intake.ingest_image(project, content, "photo.png")
"""
    with pytest.raises(AssertionError):
        installation.python(killed)
    media = installation.data_dir / "media"
    assert len(files_in(media)) == 2
    printed = installation.python(
        """
from annotator.media import removal
from annotator.models import Image
print(Image.objects.count(), len(removal.sweep_unowned()), len(removal.sweep_unowned(min_age_s=-1)))
"""
    )
    assert printed.strip() == "0 0 2"
    assert not files_in(media)


def test_embeddings_of_a_replaced_bundle_and_those_that_came_to_nothing_are_swept_once_they_are_old(
    ready_image, bundle
):
    kept = embedding_store.file_name(bundle.digest, ready_image.digest)
    of_no_image = embedding_store.save(bundle.digest, "0" * 64, b"left by a killed process")
    of_no_bundle = embedding_store.save("1" * 64, ready_image.digest, b"left by a killed process")
    assert embedding_store.sweep_unused() == []
    assert set(embedding_store.sweep_unused(min_age_s=-1)) == {of_no_image, of_no_bundle}

    Bundle.objects.update(is_available=False, is_default=False)  # away, nothing in its place
    assert embedding_store.sweep_unused(min_age_s=-1) == []
    bundle.pk, bundle.digest, bundle.is_default = None, "c" * 64, False
    bundle.save()  # other weights under its name
    assert embedding_store.sweep_unused(min_age_s=-1) == [kept]
    assert not default_storage.exists(kept)
    assert not ready_image.embedding_jobs.exists()


def test_deleting_an_image_deletes_its_files_once_committed(ready_image, django_capture_on_commit_callbacks):
    names = [ready_image.file.name, ready_image.thumbnail.name]
    with django_capture_on_commit_callbacks(execute=True):
        removal.delete_images([ready_image])
    assert not any(map(default_storage.exists, names))
    assert list(default_storage.listdir(f"embeddings/{'b' * 64}")[1]) == []


def test_what_comes_into_a_project_while_it_is_deleted_leaves_no_file(
    project, image, alice, own_folders, monkeypatch, django_capture_on_commit_callbacks
):
    exports.start(project, alice, format="coco")
    original = removal.delete_images

    def meanwhile(*args):
        intake.ingest_image(project, io.BytesIO(encode_image(seed=1)), "second.png")
        run_next(KINDS["exports"], "w")
        return original(*args)

    monkeypatch.setattr(projects, "delete_images", meanwhile)
    with django_capture_on_commit_callbacks(execute=True):
        projects.delete_project(project)
    assert not files_in(own_folders / "media")


def test_an_embedding_another_project_needs_stays(ready_image, alice, django_capture_on_commit_callbacks):
    other = projects.create_project(alice, name="Other")
    intake.ingest_image(other, io.BytesIO(encode_image()), "photo.png")
    with django_capture_on_commit_callbacks(execute=True):
        removal.delete_images([ready_image])
    assert len(default_storage.listdir(f"embeddings/{'b' * 64}")[1]) == 1
