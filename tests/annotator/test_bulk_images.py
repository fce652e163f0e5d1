"""Many images marked or deleted in one request: by their ids, or all that fit the filters."""

from __future__ import annotations

import io

import pytest

from annotator.media import intake, trash
from annotator.models import Image
from annotator.projects import projects
from tests.annotator.world import client_of, encode_image


@pytest.fixture
def album(project) -> list[Image]:
    return [
        intake.ingest_image(project, io.BytesIO(encode_image(seed=seed)), f"{seed}.png").image
        for seed in range(4)
    ]


def post(user, project, what: str, body: dict):
    return client_of(user).post(f"/api/projects/{project.pk}/images/{what}/", body, format="json")


def states(album) -> list[str]:
    return [Image.objects.get(pk=image.pk).state for image in album]


def test_images_are_marked_by_their_ids(bob, project, album):
    answer = post(bob, project, "mark", {"ids": [album[0].pk, album[2].pk], "state": "done"})
    assert (answer.status_code, answer.json()) == (200, {"count": 2})
    assert states(album) == ["done", "not_started", "done", "not_started"]


def test_all_that_fit_are_marked_and_all_others_left(bob, project, album):
    Image.objects.filter(pk=album[1].pk).update(state="in_progress")
    answer = post(
        bob, project, "mark", {"filters": {"state": "not_started", "search": ".png"}, "state": "done"}
    )
    assert answer.json() == {"count": 3}
    assert states(album) == ["done", "in_progress", "done", "done"]
    assert post(bob, project, "mark", {"filters": {}, "state": "not_started"}).json() == {"count": 4}


@pytest.mark.parametrize(("what", "more"), [("mark", {"state": "done"}), ("delete", {})])
def test_nothing_is_done_where_the_filters_find_other_images_than_the_person_saw(
    alice, project, album, what, more
):
    answer = post(alice, project, what, {"filters": {}, "expected": 3, **more})
    assert (answer.status_code, answer.json()["error"]["code"]) == (409, "found_changed")
    assert "4 images by now, not 3" in answer.json()["error"]["message"]
    assert states(album) == ["not_started"] * 4
    assert post(alice, project, what, {"filters": {}, "expected": 4, **more}).json()["count"] == 4


def test_images_are_deleted_by_their_ids(alice, project, album):
    assert post(alice, project, "delete", {"ids": [album[0].pk]}).json()["count"] == 1
    assert list(project.images.all()) == album[1:]


def test_another_projects_images_are_left_alone(alice, project, album):
    other = projects.create_project(alice, name="Other")
    theirs = intake.ingest_image(other, io.BytesIO(encode_image()), "theirs.png").image
    for what, more in (("mark", {"state": "done"}), ("delete", {})):
        assert post(alice, project, what, {"ids": [theirs.pk], **more}).json()["count"] == 0
    theirs.refresh_from_db()
    assert theirs.state == "not_started"


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"ids": [], "filters": {}},
        {"ids": ["x"]},
        {"ids": [10**30]},
        {"ids": list(range(1, 10_002))},
        {"filters": {"colour": "red"}},
        {"filters": {"state": "lost"}},
        {"filters": {"category": "-1"}},
        {"filters": ["state"]},
        {"filters": {"state": "not_started"}, "state": "lost"},
    ],
)
def test_what_makes_no_sense_is_refused_and_nothing_is_done(alice, project, album, body):
    assert post(alice, project, "mark", {"state": "done"} | body).status_code == 400
    if body.get("state") != "lost":
        assert post(alice, project, "delete", body).status_code == 400
    assert states(album) == ["not_started"] * 4


def test_an_image_that_comes_while_a_request_is_read_is_not_among_those_meant(
    alice, project, album, monkeypatch
):
    """The ids are read once: what is done is done to the images that were counted."""
    throw_away = trash.throw_away

    def late(ids, *, by):
        intake.ingest_image(project, io.BytesIO(encode_image(seed=9)), "late.png")
        return throw_away(ids, by=by)

    monkeypatch.setattr(trash, "throw_away", late)
    assert post(alice, project, "delete", {"filters": {}, "expected": 4}).json()["count"] == 4
    assert [image.name for image in project.images.all()] == ["late.png"]
