"""Large files come in parts: a part that was acknowledged is never lost, and what is not fits nowhere else."""

from __future__ import annotations

import base64
import errno
import io
import os
import time
import uuid
import zipfile
from datetime import timedelta

import pytest
from django.core.files.storage import default_storage, storages
from django.urls import reverse
from django.utils import timezone

from annotator.api.partial_uploads import MOST_BYTES_PER_PART
from annotator.files import unowned
from annotator.media import partial_uploads, removal, trash
from annotator.media.errors import UploadBusy, WrongOffset
from annotator.models import Image, PartialUpload, UnownedFile
from annotator.people import members
from annotator.projects import projects
from annotator.worker.housekeeping import keep_house
from tests.annotator.world import client_of, encode_image

TUS = {"HTTP_TUS_RESUMABLE": "1.0.0"}


def metadata(**pairs: str) -> str:
    return ",".join(f"{key} {base64.b64encode(value.encode()).decode()}" for key, value in pairs.items())


def begin(user, project, size: int, name: str = "photo.png", **pairs: str):
    return client_of(user).post(
        f"/api/projects/{project.pk}/uploads/",
        **TUS,
        HTTP_UPLOAD_LENGTH=str(size),
        HTTP_UPLOAD_METADATA=metadata(filename=name, **pairs),
    )


def patch(user, address: str, offset: int, content: bytes, **headers):
    return client_of(user).generic(
        "PATCH",
        address,
        content,
        content_type="application/offset+octet-stream",
        **(TUS | {"HTTP_UPLOAD_OFFSET": str(offset)} | headers),
    )


def head(user, address: str):
    return client_of(user).head(address, **TUS)


def files_below(folder: str) -> list[str]:
    folders, files = default_storage.listdir(folder) if default_storage.exists(folder) else ([], [])
    return [*files, *(name for inner in folders for name in files_below(f"{folder}/{inner}"))]


@pytest.fixture
def content() -> bytes:
    return encode_image((30, 40))


@pytest.fixture
def address(alice, project, content) -> str:
    answer = begin(alice, project, len(content))
    assert answer.status_code == 201
    assert answer.headers["Tus-Resumable"] == "1.0.0" and "GMT" in answer.headers["Upload-Expires"]
    return answer.headers["Location"]


def test_a_file_arrives_in_parts_and_is_taken_in(
    alice, project, content, address, django_capture_on_commit_callbacks
):
    assert head(alice, address).headers["Upload-Offset"] == "0"
    first = patch(alice, address, 0, content[:100])
    assert (first.status_code, first.headers["Upload-Offset"]) == (204, "100")
    asked = head(alice, address)
    assert (asked.status_code, asked.headers["Upload-Offset"]) == (200, "100")
    assert (asked.headers["Upload-Length"], asked.headers["Cache-Control"]) == (str(len(content)), "no-store")
    assert patch(alice, address, 100, content[100:]).status_code == 204

    with django_capture_on_commit_callbacks(execute=True):
        finished = client_of(alice).post(f"{address}finish/")
    assert finished.status_code == 201
    (row,) = finished.json()["results"]
    assert (row["name"], row["duplicate"], finished.json()["errors"]) == ("photo.png", False, [])
    assert Image.objects.get().pk == row["id"]
    assert files_below("uploads") == []
    assert not default_storage.exists(f"uploads/{PartialUpload.objects.get().pk}"), "an empty folder is left"
    # The answer got lost: asked again, it is the same, and nothing is done twice.
    assert client_of(alice).post(f"{address}finish/").json() == finished.json()
    assert Image.objects.count() == 1


def test_a_zip_in_parts_gives_its_images_in_their_batch(alice, project):
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as archive:
        for seed in range(2):
            archive.writestr(f"{seed}.png", encode_image(seed=seed))
    content = stream.getvalue()
    address = begin(alice, project, len(content), "album.zip", batch="together").headers["Location"]
    patch(alice, address, 0, content)
    assert len(client_of(alice).post(f"{address}finish/").json()["results"]) == 2
    assert {image.batch for image in project.images.all()} == {"together"}


def test_a_part_in_the_wrong_place_is_refused_and_leaves_nothing(alice, content, address):
    patch(alice, address, 0, content[:100])
    for offset in (0, 50, 101, len(content)):
        answer = patch(alice, address, offset, content[:10])
        assert (answer.status_code, answer.json()["error"]["code"]) == (409, "wrong_offset")
    assert head(alice, address).headers["Upload-Offset"] == "100"
    assert len(files_below("uploads")) == 1


def test_of_two_parts_at_once_one_is_written(content, address):
    upload = PartialUpload.objects.get()
    late = PartialUpload.objects.get()
    partial_uploads.append(upload, 0, content[:100])
    with pytest.raises(WrongOffset):
        partial_uploads.append(late, 0, content[:50])
    upload.refresh_from_db()
    assert (upload.offset_bytes, len(upload.parts)) == (100, 1)
    assert len(files_below("uploads")) == 1
    assert not UnownedFile.objects.exists()


def test_more_than_was_announced_is_refused(alice, content, address):
    answer = patch(alice, address, 0, content + b"x")
    assert (answer.status_code, answer.json()["error"]["code"]) == (413, "part_too_long")
    too_long = {"CONTENT_LENGTH": str(MOST_BYTES_PER_PART + 1)}
    assert patch(alice, address, 0, content[:10], **too_long).status_code == 413
    assert head(alice, address).headers["Upload-Offset"] == "0"


def test_a_part_that_was_cut_off_on_the_way_is_not_written(alice, content, address):
    """The body ends before the length that its header announces: the connection broke off."""
    cut = {"wsgi.input": io.BytesIO(content[:60]), "CONTENT_LENGTH": "100"}
    assert patch(alice, address, 0, content[:100], **cut).status_code == 409
    assert head(alice, address).headers["Upload-Offset"] == "0"


def test_what_is_not_whole_cannot_be_taken_in(alice, content, address):
    patch(alice, address, 0, content[:100])
    answer = client_of(alice).post(f"{address}finish/")
    assert (answer.status_code, answer.json()["error"]["code"]) == (409, "upload_incomplete")
    assert not Image.objects.exists()


def test_a_file_that_is_no_image_is_refused_in_the_end(alice, project):
    address = begin(alice, project, 5, "notes.txt").headers["Location"]
    patch(alice, address, 0, b"hello")
    answer = client_of(alice).post(f"{address}finish/")
    assert (answer.status_code, answer.json()["error"]["code"]) == (400, "not_an_image")
    assert answer.json()["errors"][0]["name"] == "notes.txt"


def test_files_that_would_be_refused_anyway_are_refused_at_once(alice, project, settings):
    settings.MAX_IMAGE_BYTES = 1000
    assert begin(alice, project, 1001).json()["error"]["code"] == "file_too_large"
    assert begin(alice, project, 1001, "album.ZIP").status_code == 201
    assert begin(alice, project, 0).json()["error"]["code"] == "empty_file"


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"HTTP_UPLOAD_LENGTH": "many"},
        {"HTTP_UPLOAD_LENGTH": "-1"},
        {"HTTP_UPLOAD_DEFER_LENGTH": "1"},
        {"HTTP_UPLOAD_LENGTH": "10", "HTTP_UPLOAD_METADATA": "filename %%%"},
        {"HTTP_UPLOAD_LENGTH": "10", "HTTP_UPLOAD_METADATA": metadata(batch="a b")},
    ],
)
def test_what_makes_no_sense_begins_nothing(alice, project, headers):
    answer = client_of(alice).post(f"/api/projects/{project.pk}/uploads/", **TUS, **headers)
    assert answer.status_code == 400
    assert not PartialUpload.objects.exists()


def test_another_version_of_the_protocol_is_refused(alice, project, address):
    answer = patch(alice, address, 0, b"x", HTTP_TUS_RESUMABLE="0.2.1")
    assert (answer.status_code, answer.headers["Tus-Version"]) == (412, "1.0.0")
    told = client_of(alice).options(address)
    assert told.status_code == 204
    assert told.headers["Tus-Extension"] == "creation,termination,expiration"
    assert int(told.headers["Tus-Max-Size"]) > 0


def test_nobody_else_goes_on_with_an_upload(alice, bob, charlie, staff, project, content, address):
    members.add_member(project, username="charlie", role="manager")
    for user, status in ((bob, 404), (charlie, 404), (staff, 404)):
        assert head(user, address).status_code == status
        assert patch(user, address, 0, content[:10]).status_code == status
        assert client_of(user).delete(address, **TUS).status_code == status
        assert client_of(user).post(f"{address}finish/").status_code == status
    assert begin(bob, project, 10).status_code == 403


def test_who_may_no_longer_upload_cannot_go_on(alice, charlie, project, content):
    members.add_member(project, username="charlie", role="manager")
    address = begin(charlie, project, len(content)).headers["Location"]
    project.memberships.filter(user=charlie).update(role="annotator")
    assert patch(charlie, address, 0, content[:10]).status_code == 403
    assert client_of(charlie).post(f"{address}finish/").status_code == 403


def test_an_upload_is_given_up(alice, content, address, django_capture_on_commit_callbacks):
    patch(alice, address, 0, content[:100])
    with django_capture_on_commit_callbacks(execute=True):
        assert client_of(alice).delete(address, **TUS).status_code == 204
    assert head(alice, address).status_code == 404
    assert files_below("uploads") == []


def test_housekeeping_forgets_what_nobody_went_on_with(
    alice, project, content, address, django_capture_on_commit_callbacks
):
    patch(alice, address, 0, content[:100])
    fresh = begin(alice, project, len(content)).headers["Location"]
    old = PartialUpload.objects.filter(offset_bytes=100)
    old.update(expires_at=timezone.now() - timedelta(seconds=1))
    with django_capture_on_commit_callbacks(execute=True):
        keep_house()
    assert head(alice, address).status_code == 404
    assert head(alice, fresh).status_code == 200
    assert files_below("uploads") == []


def test_a_project_goes_with_what_has_arrived(
    alice, project, content, address, django_capture_on_commit_callbacks
):
    patch(alice, address, 0, content[:100])
    with django_capture_on_commit_callbacks(execute=True):
        projects.delete_project(project)
    assert not PartialUpload.objects.exists()
    assert files_below("uploads") == []


def test_an_unknown_upload_is_not_found(alice, project):
    address = reverse("api:partial-upload", args=[uuid.uuid4()])
    assert head(alice, address).status_code == 404


def test_of_two_that_finish_an_upload_at_once_one_takes_it_in(alice, content, address):
    patch(alice, address, 0, content)
    upload = PartialUpload.objects.get()
    with partial_uploads.taking_in(upload):
        answer = client_of(alice).post(f"{address}finish/")
        assert (answer.status_code, answer.json()["error"]["code"]) == (503, "upload_busy")
    assert Image.objects.count() == 0
    # That process died; after a while the next one may.
    assert client_of(alice).post(f"{address}finish/").status_code == 503
    PartialUpload.objects.update(taken_in_at=timezone.now() - partial_uploads.HELD_FOR * 1.1)
    assert client_of(alice).post(f"{address}finish/").status_code == 201


def test_an_upload_that_could_not_be_taken_in_is_tried_again(alice, content, address):
    patch(alice, address, 0, content[:10])
    assert client_of(alice).post(f"{address}finish/").json()["error"]["code"] == "upload_incomplete"
    patch(alice, address, 10, content[10:])
    assert client_of(alice).post(f"{address}finish/").status_code == 201


def test_nobody_has_any_number_of_uploads_open(alice, project, content, address, monkeypatch):
    monkeypatch.setattr(partial_uploads, "MOST_OPEN", 2)
    assert begin(alice, project, 10).status_code == 201
    answer = begin(alice, project, 10)
    assert (answer.status_code, answer.json()["error"]["code"]) == (409, "too_many_uploads")
    patch(alice, address, 0, content)
    client_of(alice).post(f"{address}finish/")
    assert begin(alice, project, 10).status_code == 201


def test_a_part_that_arrives_while_its_upload_is_given_up_leaves_no_file(
    alice, content, address, monkeypatch, django_capture_on_commit_callbacks
):
    """The other request commits its part after this one has read the row."""
    upload = PartialUpload.objects.get()
    patch(alice, address, 0, content[:100])
    with django_capture_on_commit_callbacks(execute=True):
        partial_uploads.give_up([upload])
    assert files_below("uploads") == []


def test_an_upload_that_is_given_up_while_a_part_is_stored_is_no_fault(alice, content, address, monkeypatch):
    strike_out = unowned.strike_out

    def then_given_up(names):
        strike_out(names)
        PartialUpload.objects.all().delete()

    monkeypatch.setattr(unowned, "strike_out", then_given_up)
    assert patch(alice, address, 0, content[:100]).status_code == 204


@pytest.mark.django_db(transaction=True)
def test_the_right_to_take_a_file_in_is_kept_while_its_process_lives(address, monkeypatch):
    monkeypatch.setattr(partial_uploads, "HELD_FOR", timedelta(seconds=0.4))
    upload = PartialUpload.objects.get()
    with partial_uploads.taking_in(upload):
        time.sleep(1)
        with pytest.raises(UploadBusy), partial_uploads.taking_in(upload):
            pass


def test_a_full_disk_is_said_and_leaves_what_has_arrived(alice, content, address, monkeypatch):
    """The real errno; a disk that is really full is filled by hand (a small tmpfs)."""
    patch(alice, address, 0, content[:100])

    def full(*_: object) -> str:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(type(storages["default"]), "save", full)
    answer = patch(alice, address, 100, content[100:])
    assert (answer.status_code, answer.json()["error"]["code"]) == (507, "storage_full")
    assert head(alice, address).headers["Upload-Offset"] == "100"


def test_a_finished_upload_whose_image_is_gone_for_good_is_sent_anew(alice, content, address):
    patch(alice, address, 0, content)
    (row,) = client_of(alice).post(f"{address}finish/").json()["results"]
    trash.throw_away([row["id"]], by=alice)
    assert client_of(alice).post(f"{address}finish/").status_code == 201
    removal.delete_images(Image.with_deleted.filter(pk=row["id"]))
    answer = client_of(alice).post(f"{address}finish/")
    assert (answer.status_code, answer.json()["error"]["code"]) == (410, "uploaded_images_gone")
    assert head(alice, address).status_code == 404
