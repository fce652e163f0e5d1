"""A disk that is really full: a small one of its own, filled to the last byte. Needs the right to mount."""

from __future__ import annotations

import io
import json
import os
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest
from django.core.files.storage import storages

from annotator.media import partial_uploads
from annotator.models import Image, PartialUpload
from annotator.site.full_disk import means_full
from tests.annotator.world import ROOT, Installation, client_of, encode_image, upload

MIB = 2**20


class SmallDisk:
    def __init__(self, path: Path) -> None:
        self.path = path

    def fill(self) -> None:
        with open(self.path / "filling", "wb", buffering=0) as file:
            for size in (MIB, 4096, 1):
                try:
                    while True:
                        file.write(b"\0" * size)
                except OSError as error:
                    assert means_full(error)

    def make_room(self) -> None:
        (self.path / "filling").unlink()

    def files(self) -> set[str]:
        return {
            str(path.relative_to(self.path))
            for path in self.path.rglob("*")
            if path.is_file() and path.name not in ("filling", ".maskwright")
        }


@pytest.fixture
def small_disk(tmp_path):
    path = tmp_path / "small-disk"
    path.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=12m", "tmpfs", str(path)],
        capture_output=True,
        text=True,
        check=False,
    )
    if mounted.returncode:
        pytest.skip(f"no small disk may be mounted here: {mounted.stderr.strip()}")
    yield SmallDisk(path)
    subprocess.run(["umount", "--lazy", str(path)], check=True)


@pytest.fixture
def disk(small_disk, settings) -> SmallDisk:
    """The small disk, with the storage of images on it."""
    settings.STORAGES = settings.STORAGES | {
        "default": settings.STORAGES["default"]
        | {"OPTIONS": {"location": small_disk.path / "media", "base_url": None}}
    }
    storages["default"].put_mark(is_new=True)
    return small_disk


@pytest.fixture
def full_disk(disk) -> SmallDisk:
    disk.fill()
    return disk


def post(user, project, *files):
    return client_of(user).post(f"/api/projects/{project.pk}/images/", {"files": files}, format="multipart")


def test_an_upload_is_told_of_the_full_disk_and_leaves_nothing(alice, project, full_disk):
    answer = post(alice, project, upload(encode_image((300, 300))))
    assert (answer.status_code, answer.json()["error"]["code"]) == (507, "storage_full")
    assert "disk is full" in answer.json()["error"]["message"]
    assert (full_disk.files(), Image.objects.count()) == (set(), 0)
    full_disk.make_room()
    assert post(alice, project, upload(encode_image((300, 300)))).status_code == 201


def test_each_file_of_several_is_told_by_its_name_and_what_was_there_stays(alice, project, disk):
    known = encode_image((50, 50), seed=7)
    assert post(alice, project, upload(known, "known.png")).status_code == 201
    disk.fill()
    new = upload(encode_image((300, 300), seed=8), "new.png")
    bad = upload(b"none", "bad.png")
    answer = post(alice, project, new, bad, upload(known, "known.png")).json()
    assert [row["duplicate"] for row in answer["results"]] == [True]
    assert [(error["name"], error["code"]) for error in answer["errors"]] == [
        ("new.png", "storage_full"),
        ("bad.png", "not_an_image"),
    ]


def zip_of(*seeds: int) -> bytes:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as archive:
        for seed in seeds:
            archive.writestr(f"{seed}.png", encode_image((300, 300), seed=seed))
    return stream.getvalue()


def test_a_zip_is_not_called_damaged_where_the_disk_is_full(alice, project, full_disk):
    answer = post(alice, project, upload(zip_of(1, 2), "photos.zip"))
    assert answer.status_code == 507
    assert [(error["name"], error["code"]) for error in answer.json()["errors"]] == [
        ("1.png", "storage_full"),
        ("2.png", "storage_full"),
    ]
    full_disk.make_room()
    assert len(post(alice, project, upload(zip_of(1, 2), "photos.zip")).json()["results"]) == 2


def test_a_large_upload_is_finished_once_there_is_room(alice, project, disk):
    content = encode_image((300, 300))
    begun = partial_uploads.begin(project, alice, name="photo.png", size_bytes=len(content))
    partial_uploads.append(begun, 0, content)
    disk.fill()
    address = f"/api/uploads/{begun.pk}/finish/"
    answer = client_of(alice).post(address)
    assert (answer.status_code, answer.json()["error"]["code"]) == (507, "storage_full")
    assert PartialUpload.objects.get().parts
    disk.make_room()
    assert client_of(alice).post(address).status_code == 201


def test_a_dataset_is_not_kept_by_half(alice, project, full_disk):
    answer = client_of(alice).post(
        f"/api/projects/{project.pk}/imports/", {"file": upload(zip_of(1), "data.zip")}, format="multipart"
    )
    assert (answer.status_code, answer.json()["error"]["code"]) == (507, "storage_full")
    assert full_disk.files() == set()


SAVES = """
import io, json, os, sqlite3
from pathlib import Path
from django.conf import settings
from django.test import Client
from rest_framework.test import APIClient
from annotator.media import intake
from annotator.models import User
from annotator.projects import categories, projects
from tests.annotator.test_full_disk import SmallDisk
from tests.annotator.world import annotation_body, encode_image
settings.ALLOWED_HOSTS = ["testserver"]
user = User.objects.create_user("alice", password="right-horse")
project = projects.create_project(user, name="Cats")
category = categories.create_category(project, name="cat")
image = intake.ingest_image(project, io.BytesIO(encode_image()), "photo.png", user).image
disk = SmallDisk(Path(settings.DATA_DIR).parent)
other = sqlite3.connect(Path(settings.DATA_DIR) / "maskwright.sqlite3")  # as the site's other processes
other.execute("select count(*) from annotator_image").fetchone()
client = APIClient(raise_request_exception=False)
client.force_authenticate(user)

def ask():
    saved = client.post(f"/api/images/{image.pk}/annotations/", annotation_body(category), format="json")
    export = client.post(f"/api/projects/{project.pk}/exports/", {"format": "coco"}, format="json")
    page = Client(raise_request_exception=False)
    page = page.post("/login/", {"username": "alice", "password": "right-horse"})
    return [[answer.status_code, answer.content.decode()] for answer in (saved, export, page)]

disk.fill()
# What room SQLite has in its own files it may still use.
for _ in range(50):
    full = ask()
    if full[0][0] == 507:
        break
disk.make_room()
print("ANSWERS", json.dumps([full, ask()]))
"""


@pytest.mark.slow
def test_saves_and_exports_say_that_the_disk_is_full_and_go_on_with_room(small_disk, migrated_data_dir):
    installation = Installation(Path(shutil.copytree(migrated_data_dir, small_disk.path / "data")))
    full, roomy = json.loads(installation.python(SAVES).partition("ANSWERS ")[2])
    for status, said in full:
        assert status == 507 and "disk is full" in said.lower(), full
    assert [status for status, _ in roomy] == [201, 202, 302]


@pytest.mark.slow
@pytest.mark.parametrize("room_kib", [0, 64, 4096])
def test_a_first_start_on_a_full_disk_is_told_in_a_sentence(small_disk, room_kib):
    small_disk.fill()
    with open(small_disk.path / "filling", "rb+") as file:
        file.truncate((small_disk.path / "filling").stat().st_size - room_kib * 1024)
    done = subprocess.run(
        [sys.executable, "manage.py", "prepare_site"],
        cwd=ROOT,
        env=os.environ | {"DATA_DIR": str(small_disk.path / "data"), "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.returncode == 1
    assert "Make room" in done.stderr and "DATA_DIR" in done.stderr
    assert "Traceback" not in done.stderr
    assert done.stderr.count("\n") <= 2
