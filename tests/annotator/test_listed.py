"""The list that the workbench goes through: windows of it, and what is found in it."""

from __future__ import annotations

import io

import pytest

from annotator.media import intake
from annotator.models import Image
from annotator.pages import listed
from tests.annotator.world import browser_of, encode_image


@pytest.fixture
def album(project) -> list[Image]:
    names = ("frame_1.png", "frame_2.png", "Cat 3.png", "frame_10.png", "cat.png")
    return [
        intake.ingest_image(project, io.BytesIO(encode_image(seed=seed)), name).image
        for seed, name in enumerate(names)
    ]


@pytest.fixture
def ask(vera, project, album):
    browser = browser_of(vera)
    return lambda query: browser.get(f"/projects/{project.pk}/list/?{query}").json()


def names(answer: dict) -> list[tuple[int, str]]:
    return [(row["position"], row["name"]) for row in answer["images"]]


def test_a_window_of_the_list_says_where_its_images_stand(ask, album):
    answer = ask("start=1&count=2")
    assert (answer["total"], names(answer)) == (5, [(2, "frame_2.png"), (3, "Cat 3.png")])
    row = answer["images"][0]
    assert row["id"] == album[1].pk and row["state"] == "not_started" and row["flagged"] is False
    assert row["thumbnail_url"] == f"/api/images/{album[1].pk}/thumbnail/?digest={album[1].digest}"
    assert names(ask("start=9&count=2")) == []
    assert len(ask("")["images"]) == 5


def test_the_list_keeps_filter_and_order(ask, album):
    Image.objects.filter(pk=album[0].pk).update(state="done")
    answer = ask("state=not_started&sort=name")
    assert (answer["total"], names(answer)) == (
        4,
        [(1, "cat.png"), (2, "Cat 3.png"), (3, "frame_2.png"), (4, "frame_10.png")],
    )


def test_an_image_is_found_by_its_number_first_and_by_a_part_of_its_name(ask):
    assert names(ask("find=CAT")) == [(3, "Cat 3.png"), (5, "cat.png")]
    assert names(ask("find=3")) == [(3, "Cat 3.png")]
    assert names(ask("find=1")) == [(1, "frame_1.png"), (4, "frame_10.png")]
    assert names(ask("find=2&sort=name")) == [(2, "Cat 3.png"), (4, "frame_2.png")]
    assert ask("find=dog")["images"] == ask("find=77")["images"] == []
    assert ask("find=cat&state=done")["images"] == []


def test_no_more_are_given_than_can_be_shown(ask, monkeypatch):
    monkeypatch.setattr(listed, "MOST_AT_ONCE", 3)
    monkeypatch.setattr(listed, "MOST_FOUND", 2)
    assert len(ask("count=100000")["images"]) == 3
    assert len(ask("find=png")["images"]) == 2


@pytest.mark.parametrize(
    "query", ["start=-1&count=x", f"start={10**30}", "find=²", f"find={10**30}", "count=0"]
)
def test_numbers_that_make_no_sense_do_no_harm(ask, query):
    assert ask(query)["total"] == 5


def test_strangers_have_no_list(charlie, project):
    assert browser_of(charlie).get(f"/projects/{project.pk}/list/").status_code == 404
    assert browser_of(None).get(f"/projects/{project.pk}/list/").status_code == 401


def test_a_text_that_no_name_can_have_is_refused(alice, project):
    assert browser_of(alice).get(f"/projects/{project.pk}/list/?find=cat%00").status_code == 400
