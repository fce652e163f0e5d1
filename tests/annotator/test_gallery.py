"""The gallery of a project: tiles and filters."""

from __future__ import annotations

import re

import pytest

from annotator.models import Annotation, EmbeddingJob, Image
from annotator.projects import projects
from tests.annotator.world import browser_of, html


def test_continue_opens_the_first_image_that_is_not_done(bob, image, second_image):
    client = browser_of(bob)
    url = f"/projects/{image.project_id}/continue/"
    assert client.get(url).url == f"/images/{image.pk}/annotate/"
    Image.objects.filter(pk=image.pk).update(state="done")
    assert client.get(url).url == f"/images/{second_image.pk}/annotate/"
    Image.objects.update(state="done")
    assert client.get(url).url == f"/projects/{image.project_id}/"


def test_tiles_tell_both_states(alice, project, image, second_image):
    EmbeddingJob.objects.filter(image=image).update(state="failed")
    Image.objects.filter(pk=second_image.pk).update(state="done")
    page = html(browser_of(alice), f"/projects/{project.pk}/")
    tiles = dict(re.findall(r'data-image-id="(\d+)" ([^>]*)>', page))
    assert 'data-embedding-state="failed"' in tiles[str(image.pk)]
    assert 'data-state="done"' in tiles[str(second_image.pk)]


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("", {"photo.png", "second.png"}),
        ("?state=done", {"second.png"}),
        ("?state=not_started", set()),
        ("?search=PHOTO", {"photo.png"}),
        ("?person=bob", {"photo.png"}),
        ("?person=alice", set()),
        ("?page=99", {"photo.png", "second.png"}),
        ("?state=nonsense&category=x", {"photo.png", "second.png"}),
    ],
)
def test_filters_show_the_images_they_name(query, expected, alice, project, second_image, annotation):
    Image.objects.filter(pk=second_image.pk).update(state="done")
    page = html(browser_of(alice), f"/projects/{project.pk}/{query}")
    tiles = re.findall(r'<li class="tile".*?</li>', page, re.DOTALL)
    shown = {
        name for tile in tiles if 'data-image-id=""' not in tile for name in re.findall(r"\w+\.png", tile)
    }
    assert shown == expected


def test_the_category_filter_forgets_deleted_masks(alice, project, annotation):
    client = browser_of(alice)
    url = f"/projects/{project.pk}/?category={annotation.category_id}"
    assert f'data-image-id="{annotation.image_id}"' in html(client, url)
    Annotation.objects.update(deleted_at="2026-01-01T00:00Z")
    assert f'data-image-id="{annotation.image_id}"' not in html(client, url)


def test_a_hundred_images_cost_no_more_queries_than_two(
    alice, project, image, second_image, django_assert_max_num_queries
):
    client = browser_of(alice)
    rows = [
        Image(
            project=project,
            name=f"{index}.png",
            width=8,
            height=6,
            digest=f"{index:064x}",
            file="x",
            thumbnail="x",
            size_bytes=1,
        )
        for index in range(100)
    ]
    Image.objects.bulk_create(rows)
    with django_assert_max_num_queries(12):
        html(client, f"/projects/{project.pk}/")


def test_tiles_are_drawn_anew_for_the_asked_images_only(alice, project, image, second_image, charlie):
    other = projects.create_project(charlie, name="Charlie's")
    Image.objects.filter(pk=second_image.pk).update(project=other)
    client = browser_of(alice)
    page = html(
        client, f"/projects/{project.pk}/tiles/?ids={image.pk},{second_image.pk},999999,x,-1,{'9' * 40}"
    )
    assert re.findall(r'data-image-id="(\d+)"', page) == [str(image.pk)]


def test_a_failed_embedding_says_why_and_offers_another_try(bob, vera, project, image):
    EmbeddingJob.objects.filter(image=image).update(state="failed", error="out of <memory>")
    page = html(browser_of(bob), f"/projects/{project.pk}/")
    assert "out of &lt;memory&gt;" in page
    assert "data-retry-embedding" in page
    assert "data-retry-embedding" not in html(browser_of(vera), f"/projects/{project.pk}/")
