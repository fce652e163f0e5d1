"""Bytes -> Image: what is taken, what is refused, and what is stored."""

from __future__ import annotations

import base64
import io

import pytest
from django.core.files.storage import FileSystemStorage, default_storage

from annotator.files import unowned
from annotator.media import intake, removal
from annotator.models import Image
from annotator.projects import projects
from annotator.worker.housekeeping import CHORES
from tests.annotator.world import client_of, encode_image, upload


def post_files(user, project, *files):
    return client_of(user).post(f"/api/projects/{project.pk}/images/", {"files": files}, format="multipart")


# --- into a project ---
def test_the_same_pixels_twice_give_the_first_row(project, image):
    again = intake.ingest_image(project, io.BytesIO(encode_image(format="BMP")), "again.bmp")
    assert again.duplicate and again.image == image
    assert Image.objects.count() == 1
    assert len(default_storage.listdir(f"images/{project.pk}")[1]) == 1


def test_the_same_pixels_in_another_project_are_another_image(project, image, alice):
    other = projects.create_project(alice, name="Other")
    assert not intake.ingest_image(other, io.BytesIO(encode_image()), "photo.png").duplicate


def test_a_file_that_cannot_be_deleted_now_is_deleted_by_the_next_sweep(project, image, monkeypatch):
    name = image.file.name

    def refuse(name):
        raise PermissionError("read-only for a moment")

    with monkeypatch.context() as patched:
        patched.setattr(default_storage, "delete", refuse)
        removal.delete_images([image])
        unowned.discard([name])
    assert default_storage.exists(name)
    assert name in removal.sweep_unowned(min_age_s=-1)
    assert not default_storage.exists(name)


def test_sweeps_never_list_the_storage(ready_image, monkeypatch):
    def refuse(self, path):
        raise AssertionError(f"{path} was listed")

    monkeypatch.setattr(FileSystemStorage, "listdir", refuse)
    for chore in CHORES.values():
        chore()
    removal.delete_images([ready_image])


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("../../etc/passwd", "passwd"),
        (r"C:\photos\cat.jpg", "cat.jpg"),
        ("", "image"),
        ("a\x00b\n.png", "ab.png"),
        (". ", "image"),
        ("sub/..", "image"),
        (" ...\t", "image"),
    ],
)
def test_a_name_is_the_last_part_of_its_path(name, shown):
    assert intake.display_name(name) == shown


def test_the_same_file_twice_at_the_same_moment_is_one_image(installation):
    printed = installation.python(
        f"""
import base64, io, threading
from django.db import connection
from annotator.files import unowned
from annotator.media import intake
from annotator.models import Image, Project

content = base64.b64decode({base64.b64encode(encode_image())!r})
project = Project.objects.create(name="Race")
barrier, results = threading.Barrier(4), []

def send():
    barrier.wait()
    results.append(intake.ingest_image(project, io.BytesIO(content), "photo.png"))
    connection.close()

threads = [threading.Thread(target=send) for _ in range(4)]
[thread.start() for thread in threads], [thread.join() for thread in threads]
print(sorted(result.duplicate for result in results), Image.objects.count())
"""
    )
    assert printed.strip() == "[False, True, True, True] 1"
    assert len(list((installation.data_dir / "media" / "images").rglob("*.png"))) == 1


# --- over HTTP ---
def test_one_bad_file_fails_alone(alice, project):
    response = post_files(
        alice,
        project,
        upload(encode_image(seed=1), "a.png"),
        upload(b"no image", "b.png"),
        upload(encode_image(seed=2), "c.png"),
    )
    assert response.status_code == 201
    body = response.json()
    assert [row["name"] for row in body["results"]] == ["a.png", "c.png"]
    assert [(row["name"], row["code"]) for row in body["errors"]] == [("b.png", "not_an_image")]


def test_when_every_file_fails_the_answer_is_an_error(alice, project):
    response = post_files(alice, project, upload(b"no", "a.png"), upload(b"", "b.png"))
    assert response.status_code == 400
    body = response.json()
    assert body["error"]["code"] == "all_uploads_failed"
    assert [row["code"] for row in body["errors"]] == ["not_an_image", "empty_file"]


def test_a_single_refused_file_gives_its_own_code(alice, project):
    assert post_files(alice, project, upload(b"no", "a.png")).json()["error"]["code"] == "not_an_image"


def test_a_repeated_upload_says_duplicate(alice, project, image):
    (row,) = post_files(alice, project, upload(encode_image())).json()["results"]
    assert row["id"] == image.pk and row["duplicate"] is True


def test_no_file_is_refused(alice, project):
    assert post_files(alice, project).json()["error"]["code"] == "no_files"


def test_too_many_files_are_refused(alice, project, settings):
    settings.MAX_FILES_PER_REQUEST = settings.DATA_UPLOAD_MAX_NUMBER_FILES = 2
    files = [upload(encode_image(seed=seed), f"{seed}.png") for seed in range(3)]
    response = post_files(alice, project, *files)
    assert (response.status_code, response.json()["error"]["code"]) == (400, "too_many_files")
    assert Image.objects.count() == 0


def test_a_request_announced_too_large_is_not_even_read(alice, project, settings):
    settings.MAX_REQUEST_BYTES = 100
    response = post_files(alice, project, upload(encode_image((64, 64))))
    assert (response.status_code, response.json()["error"]["code"]) == (413, "request_too_large")


def test_the_stored_file_is_served_with_its_type_and_for_ever(alice, image):
    row = client_of(alice).get(f"/api/images/{image.pk}/").json()
    response = client_of(alice).get(row["file_url"])
    assert response["Content-Type"] == "image/png"
    assert "immutable" in response["Cache-Control"]
    assert b"".join(response.streaming_content) == encode_image()
    again = client_of(alice).get(row["file_url"], HTTP_IF_NONE_MATCH=response["ETag"])
    assert again.status_code == 304
