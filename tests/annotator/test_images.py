"""Lists of images."""

from __future__ import annotations

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from tests.annotator.world import client_of, encode_image, upload


def test_images_are_listed_without_a_query_per_image(alice, project, image):
    client, url = client_of(alice), f"/api/projects/{project.pk}/images/"
    with CaptureQueriesContext(connection) as few:
        client.get(url)
    files = [upload(encode_image(seed=seed), f"{seed}.png") for seed in range(1, 9)]
    client.post(url, {"files": files}, format="multipart")
    with CaptureQueriesContext(connection) as many:
        assert client.get(url).json()["count"] == 9
    assert len(many) == len(few)


@pytest.mark.parametrize(
    ("query", "names"),
    [
        ("", ["photo.png", "second.png"]),
        ("state=not_started", ["second.png"]),
        ("state=in_progress&state=not_started", ["photo.png", "second.png"]),
        ("embedding_state=queued", ["photo.png", "second.png"]),
        ("embedding_state=ready", []),
        ("search=SEC", ["second.png"]),
        ("ordering=-name", ["second.png", "photo.png"]),
        ("ordering=-annotation_count", ["photo.png", "second.png"]),
    ],
)
def test_images_can_be_filtered_and_ordered(alice, project, annotation, second_image, query, names):
    rows = client_of(alice).get(f"/api/projects/{project.pk}/images/?{query}").json()["results"]
    assert [row["name"] for row in rows] == names


def test_images_can_be_found_by_category(alice, project, annotation, category, second_image):
    url = f"/api/projects/{project.pk}/images/?category={category.pk}"
    assert [row["name"] for row in client_of(alice).get(url).json()["results"]] == ["photo.png"]


@pytest.mark.parametrize("query", ["category=1e30", "category=-1", f"id_min={10**30}", "id_max=NaN"])
def test_a_filter_by_what_cannot_be_an_id_is_refused_in_words(alice, project, image, query):
    response = client_of(alice).get(f"/api/projects/{project.pk}/images/?{query}")
    assert (response.status_code, list(response.json()["error"]["fields"])) == (
        400,
        [query.partition("=")[0]],
    )


def test_an_image_row_has_what_the_contract_says(alice, image):
    row = client_of(alice).get(f"/api/images/{image.pk}/").json()
    assert list(row) == [
        *(
            "id",
            "project",
            "position",
            "name",
            "width",
            "height",
            "state",
            "state_by",
            "state_at",
        ),
        *("skip_reason", "skip_note", "flagged", "flagged_by", "flagged_at", "flag_note"),
        *("embedding_state", "annotation_count"),
        *("digest", "file_url", "thumbnail_url", "tiles", "created_at"),
    ]
    assert (row["width"], row["height"]) == (8, 6)
