"""The filters of the gallery are those of the API under the names of its addresses."""

from __future__ import annotations

import re

import pytest
from django.test import Client

from tests.annotator.world import client_of


@pytest.fixture
def gallery(alice, project, annotation, second_image):
    """Primary keys of the images that a project's page shows, by the page's query."""
    client = Client()
    client.force_login(alice)

    def shown(query: str) -> list[int]:
        page = client.get(f"/projects/{project.pk}/?{query}").content.decode()
        return [int(pk) for pk in re.findall(r'data-image-id="(\d+)"', page)]

    return shown


@pytest.mark.parametrize(
    ("of_page", "of_api"),
    [
        ("", ""),
        ("state=in_progress", "state=in_progress"),
        ("state=not_started", "state=not_started"),
        ("embedding=queued", "embedding_state=queued"),
        ("embedding=missing", "embedding_state=missing"),
        ("search=SECOND", "search=SECOND"),
        ("category={category}", "category={category}"),
        ("person={author}", "author={author}"),
        ("person=nobody&state=", "author=nobody"),
    ],
)
def test_page_and_api_find_the_same_images(gallery, alice, project, annotation, of_page, of_api):
    names = {"category": annotation.category_id, "author": annotation.author.username}
    answer = client_of(alice).get(f"/api/projects/{project.pk}/images/?{of_api.format(**names)}")
    assert gallery(of_page.format(**names)) == [row["id"] for row in answer.json()["results"]]


def test_each_filter_leaves_something_out(gallery, annotation, second_image):
    assert gallery("") == [annotation.image_id, second_image.pk]
    assert gallery(f"category={annotation.category_id}") == [annotation.image_id]
    assert gallery(f"person={annotation.author.username}") == [annotation.image_id]
    assert gallery("embedding=ready") == []


@pytest.mark.parametrize(
    "query", ["state=sideways", "embedding=warm", "category=x", "category=-1", f"category={2**70}"]
)
def test_a_filter_that_makes_no_sense_is_left_out_on_the_page(gallery, query):
    assert gallery(query) == gallery("")
