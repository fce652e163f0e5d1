"""Deleted images lie in a trash, with their masks, until they are restored or their days are over."""

from __future__ import annotations

import io
from datetime import timedelta

import pytest
from django.core.files.storage import default_storage
from django.test import Client
from django.utils import timezone

from annotator.annotations import saving
from annotator.datasets import records
from annotator.embeddings import queue as embedding_queue
from annotator.media import intake, trash
from annotator.media.errors import ImageInTrash
from annotator.models import Annotation, EmbeddingJob, Image, Project
from annotator.models.figures import with_annotation_count, with_progress
from annotator.projects import dashboards, projects
from annotator.projects.errors import CategoryInUse
from annotator.worker.housekeeping import keep_house
from tests.annotator.world import client_of, encode_image, upload


@pytest.fixture
def album(project) -> list[Image]:
    return [
        intake.ingest_image(project, io.BytesIO(encode_image(seed=seed)), f"{seed}.png").image
        for seed in range(4)
    ]


def post(user, project, what: str, body: dict):
    return client_of(user).post(f"/api/projects/{project.pk}/{what}/", body, format="json")


def trashed_ids(user, project) -> list[int]:
    answer = client_of(user).get(f"/api/projects/{project.pk}/trash/images/")
    return [row["id"] for row in answer.json()["results"]]


def age(image: Image, days: float) -> None:
    Image.with_deleted.filter(pk=image.pk).update(deleted_at=timezone.now() - timedelta(days=days))


def test_a_deleted_image_vanishes_from_everything(alice, project, image, annotation, category):
    assert client_of(alice).delete(f"/api/images/{image.pk}/").status_code == 204

    client = client_of(alice)
    for address in ("", "file/", "embedding/", "annotations/"):
        assert client.get(f"/api/images/{image.pk}/{address}").status_code == 404, address
    assert client.get(f"/api/annotations/{annotation.pk}/").status_code == 404
    assert client.patch(f"/api/annotations/{annotation.pk}/", {"version": 1}).status_code == 404
    page = Client()
    page.force_login(alice)
    assert page.get(f"/images/{image.pk}/annotate/").status_code == 404
    assert page.get(f"/images/{image.pk}/masks/").status_code == 404
    assert client.get(f"/api/projects/{project.pk}/images/").json()["count"] == 0
    shown = with_progress(Project.objects.filter(pk=project.pk)).get()
    assert (shown.image_count, shown.annotation_count, shown.open_count) == (0, 0, 0)
    assert with_annotation_count(project.categories.all()).get().annotation_count == 0
    figures = dashboards.figures(shown)
    assert (figures["by_person"], figures["by_category"][0].masks, figures["masks_shown"]) == ([], 0, 0)
    dataset = records.build(project)
    assert (dataset.image_count, dataset.annotation_count, list(dataset.images)) == (0, 0, [])


def test_it_comes_back_as_it_was(alice, bob, project, image, annotation):
    position = image.position
    client_of(bob).patch(f"/api/images/{image.pk}/", {"state": "done"}, format="json")
    client_of(alice).delete(f"/api/images/{image.pk}/")
    assert trashed_ids(alice, project) == [image.pk]
    assert post(alice, project, "trash/images/restore", {"ids": [image.pk]}).json() == {"count": 1}

    back = Image.objects.get(pk=image.pk)
    assert (back.state, back.position, back.deleted_by) == ("done", position, None)
    assert list(back.annotations.live()) == [annotation]
    assert trashed_ids(alice, project) == []
    assert EmbeddingJob.objects.get(image=back).state == "queued"


def test_the_trash_says_who_and_how_long(alice, project, image, second_image):
    client_of(alice).delete(f"/api/images/{image.pk}/")
    client_of(alice).delete(f"/api/images/{second_image.pk}/")
    age(image, 12.5)
    second, first = client_of(alice).get(f"/api/projects/{project.pk}/trash/images/").json()["results"]
    assert (first["name"], first["deleted_by"], first["days_left"]) == ("photo.png", "alice", 18)
    assert (second["name"], second["days_left"]) == ("second.png", 30)


def test_what_was_deleted_together_comes_back_together(alice, project, album):
    post(alice, project, "images/delete", {"ids": [album[0].pk]})
    answer = post(alice, project, "images/delete", {"filters": {}}).json()
    assert answer["count"] == 3
    restored = post(alice, project, "trash/images/restore", {"filters": {"deleted_at": answer["deleted_at"]}})
    assert restored.json() == {"count": 3}
    assert list(project.images.all()) == album[1:]


def test_no_embedding_is_made_for_it(project, image, alice):
    trash.throw_away([image.pk], by=alice)
    assert not EmbeddingJob.objects.exists()
    assert embedding_queue.ensure_missing() == 0
    # One that was running and is given back waits until the image is restored.
    EmbeddingJob.objects.create(
        image=image, bundle=project.bundle, state="queued", queued_at=timezone.now(), priority=0
    )
    assert not EmbeddingJob.takeable().exists()
    trash.restore(project, [each.pk for each in Image.with_deleted.all()])
    assert EmbeddingJob.takeable().count() == 1


def test_files_stay_until_it_is_removed_for_good(
    alice, project, image, annotation, django_capture_on_commit_callbacks
):
    names = [str(image.file), str(image.thumbnail)]
    with django_capture_on_commit_callbacks(execute=True):
        client_of(alice).delete(f"/api/images/{image.pk}/")
    assert all(default_storage.exists(name) for name in names)
    assert client_of(alice).get(f"/api/images/{image.pk}/thumbnail/").status_code == 200
    with django_capture_on_commit_callbacks(execute=True):
        assert post(alice, project, "trash/images/remove", {"filters": {}}).json() == {"count": 1}
    assert not any(default_storage.exists(name) for name in names)
    assert not Image.with_deleted.exists() and not Annotation.objects.exists()


def test_only_managers_see_a_picture_of_the_trash(alice, bob, image):
    client_of(alice).delete(f"/api/images/{image.pk}/")
    assert client_of(bob).get(f"/api/images/{image.pk}/thumbnail/").status_code == 404


def test_only_what_is_in_the_trash_can_be_removed_for_good(alice, project, album):
    trash.throw_away([album[0].pk], by=alice)
    ids = [image.pk for image in album]
    assert post(alice, project, "trash/images/remove", {"ids": ids}).json() == {"count": 1}
    assert list(project.images.all()) == album[1:]


def test_another_projects_trash_is_left_alone(alice, charlie, project, image):
    trash.throw_away([image.pk], by=alice)
    other = projects.create_project(charlie, name="Charlie's")
    for what in ("restore", "remove"):
        assert post(charlie, other, f"trash/images/{what}", {"ids": [image.pk]}).json() == {"count": 0}
        assert post(charlie, other, f"trash/images/{what}", {"filters": {}}).json() == {"count": 0}
    assert Image.with_deleted.get().deleted_at


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"ids": [1], "filters": {}},
        {"filters": {"state": "done"}},
        {"filters": {"deleted_at": "soon"}},
        {"ids": "all"},
    ],
)
def test_what_makes_no_sense_changes_nothing(alice, project, image, body):
    trash.throw_away([image.pk], by=alice)
    for what in ("restore", "remove"):
        assert post(alice, project, f"trash/images/{what}", body).status_code == 400
    assert Image.with_deleted.get().deleted_at


def test_housekeeping_removes_what_has_been_there_long_enough(
    alice, project, album, settings, django_capture_on_commit_callbacks
):
    trash.throw_away([image.pk for image in album[:2]], by=alice)
    age(album[0], 30.1)
    age(album[1], 29.9)
    with django_capture_on_commit_callbacks(execute=True):
        keep_house()
    assert set(Image.with_deleted.all()) == set(album[1:])
    assert not default_storage.exists(str(album[0].file))
    assert default_storage.exists(str(album[1].file))


def test_an_upload_of_the_same_pixels_says_that_they_are_in_the_trash(alice, project, image):
    trash.throw_away([image.pk], by=alice)
    answer = client_of(alice).post(
        f"/api/projects/{project.pk}/images/",
        {"files": [upload(encode_image(), "again.png"), upload(encode_image(seed=9), "new.png")]},
        format="multipart",
    )
    assert [row["name"] for row in answer.json()["results"]] == ["new.png"]
    (error,) = answer.json()["errors"]
    assert (error["name"], error["code"], error["image"]) == ("again.png", "image_in_trash", image.pk)
    assert "in the trash as photo.png" in error["message"]

    alone = client_of(alice).post(
        f"/api/projects/{project.pk}/images/", {"files": upload(encode_image())}, format="multipart"
    )
    assert (alone.status_code, alone.json()["error"]["code"]) == (400, "image_in_trash")
    assert alone.json()["errors"][0]["image"] == image.pk
    with pytest.raises(ImageInTrash):
        intake.ingest_image(project, io.BytesIO(encode_image()), "photo.png")


def test_a_new_upload_does_not_take_the_place_of_a_deleted_one(alice, project, album):
    trash.throw_away([album[3].pk], by=alice)
    new = intake.ingest_image(project, io.BytesIO(encode_image(seed=9)), "0.png").image
    trash.restore(project, [each.pk for each in Image.with_deleted.all()])
    assert list(project.images.all()) == [*album, new]


def test_a_category_of_masks_in_the_trash_stays(alice, project, image, annotation, category):
    trash.throw_away([image.pk], by=alice)
    answer = client_of(alice).delete(f"/api/categories/{category.pk}/")
    assert answer.status_code == 409
    assert answer.json()["error"]["code"] == CategoryInUse.code
    assert answer.json()["error"]["message"].startswith("1 mask (1 in the trash) has the category cat")


def test_a_project_goes_with_its_trash(alice, project, image, annotation, django_capture_on_commit_callbacks):
    trash.throw_away([image.pk], by=alice)
    with django_capture_on_commit_callbacks(execute=True):
        projects.delete_project(project)
    assert not Image.with_deleted.exists()
    assert not default_storage.exists(str(image.file))


def test_the_project_lists_its_deleted_masks(alice, project, image, annotation, bob):
    saving.delete(annotation, by=bob)
    there = client_of(alice).get(f"/api/projects/{project.pk}/trash/annotations/").json()
    assert [row["id"] for row in there["results"]] == [str(annotation.pk)]
    assert (there["results"][0]["image"], there["results"][0]["updated_by"]) == (image.pk, "bob")
    assert client_of(alice).post(f"/api/annotations/{annotation.pk}/restore/").status_code == 200
    assert client_of(alice).get(f"/api/projects/{project.pk}/trash/annotations/").json()["count"] == 0


@pytest.mark.parametrize("moment", ["0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-14:00", "x"])
def test_moments_that_no_time_zone_has_are_refused(alice, project, moment):
    client = client_of(alice)
    for name in ("deleted_at", "deleted_before"):
        answer = client.get(f"/api/projects/{project.pk}/trash/images/", {name: moment})
        assert (answer.status_code, answer.json()["error"]["fields"].keys()) == (400, {name})
    assert client.get(f"/api/projects/{project.pk}/progress/", {"since": moment}).status_code == 400
