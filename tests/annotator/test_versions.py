"""Versions of a dataset: a state that stays, is exported byte for byte again, and is compared with others."""

from __future__ import annotations

import io
import json
import zipfile

import pytest
from django.core.files.storage import default_storage
from django.core.management import CommandError, call_command

from annotator.datasets import versions
from annotator.jobs.kinds import KINDS
from annotator.media.removal import delete_images
from annotator.models import Annotation, DatasetVersion, Export, Image, UnownedFile
from annotator.projects import categories, projects
from annotator.worker.run_job import run_next
from exporters.registry import export_formats
from tests.annotator.test_exports import download
from tests.annotator.world import annotation_body, client_of, encode_image, rectangle_rle


@pytest.fixture
def make(alice, project):
    def do(**body) -> DatasetVersion:
        response = client_of(alice).post(f"/api/projects/{project.pk}/versions/", body, format="json")
        assert response.status_code == 202, response.json()
        assert run_next(KINDS["versions"], "w") is not None
        return DatasetVersion.objects.get(pk=response.json()["id"])

    return do


def export_of(user, version: DatasetVersion, **options) -> bytes:
    response = client_of(user).post(
        f"/api/projects/{version.project_id}/exports/",
        {"format": "coco", "version": version.pk} | options,
        format="json",
    )
    assert response.status_code == 202, response.json()
    run_next(KINDS["exports"], "w")
    return download(user, Export.objects.get(pk=response.json()["id"]))


def difference(user, version: DatasetVersion, to: DatasetVersion | None = None):
    query = {"to": to.pk} if to else {}
    response = client_of(user).get(f"/api/versions/{version.pk}/difference/", query)
    assert response.status_code == 200, response.json()
    return response.json()


def test_a_version_stays_when_the_project_goes_on(make, alice, annotation, category):
    version = make(note="sent to training")
    assert (version.name, version.state, version.image_count, version.annotation_count) == (
        "v1",
        "ready",
        1,
        1,
    )
    before = export_of(alice, version)
    client_of(alice).delete(f"/api/annotations/{annotation.pk}/", {"version": 1}, format="json")
    categories.update_category(category, name="renamed")
    assert export_of(alice, version) == before
    exported = json.loads(before)
    assert [row["uuid"] for row in exported["annotations"]] == [str(annotation.pk)]
    assert exported["categories"][0]["name"] == "cat"


@pytest.mark.parametrize("name", sorted(export_formats()))
def test_what_it_is_called_later_changes_no_byte_of_its_exports(make, alice, annotation, project, name):
    version = make()
    before = export_of(alice, version, format=name)
    client = client_of(alice)
    for address, body in (
        (f"/api/versions/{version.pk}/", {"name": "final", "note": "sent"}),
        (f"/api/projects/{project.pk}/", {"name": "Other", "description": "Other"}),
    ):
        assert client.patch(address, body, format="json").status_code == 200
    assert export_of(alice, DatasetVersion.objects.get(pk=version.pk), format=name) == before


def test_the_same_state_has_the_same_digest(make, alice, image, annotation, category):
    first, second = make(), make()
    assert first.digest == second.digest and (first.name, second.name) == ("v1", "v2")
    client_of(alice).post(f"/api/images/{image.pk}/annotations/", annotation_body(category), format="json")
    assert make().digest != first.digest


def test_a_difference_counts_by_category_and_names_the_images(
    make, alice, annotation, image, second_image, category
):
    before = make()
    assert difference(alice, before)["images"] == []
    dog = categories.create_category(annotation.image.project, name="dog")
    client_of(alice).patch(
        f"/api/annotations/{annotation.pk}/", {"version": 1, "category": dog.pk}, format="json"
    )
    client_of(alice).post(
        f"/api/images/{second_image.pk}/annotations/", annotation_body(category), format="json"
    )
    found = difference(alice, before)
    assert found["annotations"] == {"added": 1, "changed": 1, "removed": 0}
    assert {row["name"]: (row["added"], row["changed"]) for row in found["categories"]} == {
        "cat": (1, 0),
        "dog": (0, 1),
    }
    assert found["categories_added"] == ["dog"]
    assert {row["id"] for row in found["images"]} == {image.pk, second_image.pk}
    after = make()
    assert difference(alice, before, after) == found
    assert difference(alice, after)["images"] == []


def test_a_version_exports_pictures_while_they_are_there(make, alice, annotation, image):
    version = make()
    with zipfile.ZipFile(io.BytesIO(export_of(alice, version, include_images=True))) as archive:
        assert archive.read("images/photo.png") == encode_image()
    delete_images(Image.objects.filter(pk=image.pk))
    response = client_of(alice).post(
        f"/api/projects/{version.project_id}/exports/",
        {"format": "coco", "version": version.pk, "include_images": True},
        format="json",
    )
    run_next(KINDS["exports"], "w")
    failed = Export.objects.get(pk=response.json()["id"])
    assert failed.state == "failed" and "without pictures" in failed.error
    assert json.loads(export_of(alice, version))["images"][0]["file_name"] == "photo.png"


def test_names_are_each_of_one_version(make, alice, project, annotation):
    version = make(name="Training")
    client = client_of(alice)
    taken = client.post(f"/api/projects/{project.pk}/versions/", {"name": "training"}, format="json")
    assert taken.status_code == 400 and "name" in taken.json()["error"]["fields"]
    other = make()
    assert other.name == "v2"
    renamed = client.patch(f"/api/versions/{other.pk}/", {"name": "TRAINING"}, format="json")
    assert renamed.status_code == 400
    renamed = client.patch(f"/api/versions/{other.pk}/", {"name": "Final", "note": "n"}, format="json")
    assert (renamed.json()["name"], renamed.json()["note"]) == ("Final", "n")
    assert client.patch(f"/api/versions/{other.pk}/", {"name": " "}, format="json").status_code == 400
    version.refresh_from_db()
    assert version.name == "Training"


def test_a_version_of_another_project_cannot_be_exported_or_compared(make, alice, annotation):
    version = make()
    other = projects.create_project(alice, name="Dogs")
    client = client_of(alice)
    body = {"format": "coco", "version": version.pk}
    assert client.post(f"/api/projects/{other.pk}/exports/", body, format="json").status_code == 400
    foreign = versions.create(other, alice)
    assert client.get(f"/api/versions/{version.pk}/difference/", {"to": foreign.pk}).status_code == 404
    assert client.get(f"/api/versions/{version.pk}/difference/", {"to": "x"}).status_code == 400


def test_what_is_not_ready_is_neither_exported_nor_compared(alice, project, annotation):
    version = versions.create(project, alice)
    client = client_of(alice)
    body = {"format": "coco", "version": version.pk}
    refused = client.post(f"/api/projects/{project.pk}/exports/", body, format="json")
    assert (refused.status_code, refused.json()["error"]["code"]) == (409, "version_not_ready")
    assert client.get(f"/api/versions/{version.pk}/difference/").status_code == 409
    assert client.delete(f"/api/versions/{version.pk}/").status_code == 204
    assert not DatasetVersion.objects.exists()


def test_states_are_not_chosen_of_a_version(make, alice, annotation):
    version = make()
    response = client_of(alice).post(
        f"/api/projects/{version.project_id}/exports/",
        {"format": "coco", "version": version.pk, "states": ["done"]},
        format="json",
    )
    assert response.status_code == 400 and "states" in response.json()["error"]["fields"]


def test_a_deleted_version_takes_its_file_along_and_leaves_its_exports(
    make, alice, annotation, django_capture_on_commit_callbacks
):
    version = make()
    export_of(alice, version)
    waiting = client_of(alice).post(
        f"/api/projects/{version.project_id}/exports/",
        {"format": "coco", "version": version.pk},
        format="json",
    )
    refused = client_of(alice).delete(f"/api/versions/{version.pk}/")
    assert (refused.status_code, refused.json()["error"]["code"]) == (409, "version_in_use")
    client_of(alice).delete(f"/api/exports/{waiting.json()['id']}/")
    with django_capture_on_commit_callbacks(execute=True):
        assert client_of(alice).delete(f"/api/versions/{version.pk}/").status_code == 204
    assert not default_storage.exists(str(version.file))
    assert not UnownedFile.objects.filter(name=str(version.file)).exists()
    assert Export.objects.filter(state="ready").exists()


def test_a_deleted_project_takes_its_versions_along(
    make, alice, project, annotation, django_capture_on_commit_callbacks
):
    version = make()
    with django_capture_on_commit_callbacks(execute=True):
        projects.delete_project(project)
    assert not default_storage.exists(str(version.file))
    assert not Annotation.objects.exists()


def test_the_command_makes_lists_and_compares(project, annotation, category, alice, image, capsys):
    call_command("dataset_version", "create", project.name, "First", "--note", "n")
    run_next(KINDS["versions"], "w")
    call_command("dataset_version", "list", project.name)
    assert "1 images, 1 masks" in capsys.readouterr().out
    client_of(alice).post(f"/api/images/{image.pk}/annotations/", annotation_body(category), format="json")
    call_command("dataset_version", "diff", project.name, "first")
    assert "cat: 1 added, 0 changed, 0 removed" in capsys.readouterr().out


def test_masks_are_kept_pixel_by_pixel(make, alice, annotation):
    (image,) = versions.dataset(make()).images
    (record,) = image.annotations
    assert record.segmentation["counts"] == rectangle_rle()["counts"]


def test_the_command_line_exports_a_version_byte_for_byte(make, alice, project, annotation, tmp_path):
    version = make(name="v1")
    exported = export_of(alice, version)
    Annotation.objects.all().delete()
    output = tmp_path / "v1.json"
    call_command("export_dataset", project.name, "--output", output, "--dataset-version", "V1")
    assert output.read_bytes() == exported
    for refused, words in (
        (("--dataset-version", "v9"), "it has: v1"),
        (("--dataset-version", "v1", "--min-area", "5"), "exported whole"),
    ):
        with pytest.raises(CommandError, match=words):
            call_command("export_dataset", project.name, "--output", output, *refused)
    DatasetVersion.objects.update(state="running")
    with pytest.raises(CommandError, match="v1 is running"):
        call_command("export_dataset", project.name, "--output", output, "--dataset-version", "v1")
