"""Images keep the natural order of their names, and the workbench goes through the list that the gallery showed."""

from __future__ import annotations

import io
import zipfile
from pathlib import Path

import pytest
from django.test import Client

from annotator.api.images import WEAK_BELOW
from annotator.media import intake
from annotator.models import Annotation, Image
from annotator.projects.image_order import ORDERS
from annotator.site.name_key import name_key
from tests.annotator.world import client_of, encode_image, upload

FRAMES = ["frame_10.png", "frame_2.png", "frame_1.png", "Frame_3.png"]


def names_of(alice, project, query: str = "") -> list[str]:
    rows = client_of(alice).get(f"/api/projects/{project.pk}/images/{query}").json()["results"]
    return [row["name"] for row in rows]


@pytest.mark.parametrize(
    "names",
    [
        ["img 2.png", "img 10.png", "img 010b.png"],
        ["cat.jpg", "cat 2.jpg", "cat-3.jpg"],
        ["a.png", "B.png", "c.png"],
        ["x9999999999999999998.png", "x9999999999999999999.png", "x10000000000000000000.png"],
        ["１.png", "2.png"],
    ],
)
def test_names_sort_as_people_expect(names):
    backwards = names[::-1]
    assert sorted(backwards, key=name_key) == names


def test_a_name_of_digits_only_has_a_key_that_fits_its_column():
    assert len(name_key("1a" * 127)) <= 1024


def test_files_of_one_batch_are_ordered_by_name_whatever_arrives_first(alice, project):
    for seed, name in enumerate(FRAMES):
        data = {"files": [upload(encode_image(seed=seed), name)], "batch": "b-1"}
        client_of(alice).post(f"/api/projects/{project.pk}/images/", data, format="multipart")
    assert names_of(alice, project) == ["frame_1.png", "frame_2.png", "Frame_3.png", "frame_10.png"]


def test_a_later_batch_follows_whatever_its_names(alice, project):
    for batch, name in [("one", "z.png"), ("two", "a.png"), ("one", "y.png")]:
        data = {"files": [upload(encode_image(seed=len(name) + ord(name[0])), name)], "batch": batch}
        client_of(alice).post(f"/api/projects/{project.pk}/images/", data, format="multipart")
    assert names_of(alice, project) == ["y.png", "z.png", "a.png"]


def test_a_zip_is_a_batch(project):
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        for seed, name in enumerate(FRAMES):
            archive.writestr(name, encode_image(seed=seed))
    packed.seek(0)
    packed.name = "frames.zip"
    intake.ingest_files(project, [packed])
    assert [image.name for image in project.images.all()] == [
        *("frame_1.png", "frame_2.png", "Frame_3.png", "frame_10.png")
    ]


def test_a_batch_that_is_no_name_is_refused(alice, project):
    data = {"files": [upload(encode_image(), "a.png")], "batch": "no name"}
    response = client_of(alice).post(f"/api/projects/{project.pk}/images/", data, format="multipart")
    assert response.status_code == 400
    assert not Image.objects.exists()


@pytest.fixture
def frames(project) -> dict[str, Image]:
    made = {}
    for seed, name in enumerate(["b.png", "a.png", "d.png", "c.png"], 11):
        made[name[0]] = intake.ingest_image(project, io.BytesIO(encode_image(seed=seed)), name).image
    Image.objects.filter(pk=made["a"].pk).update(state="done")
    Image.objects.filter(pk=made["d"].pk).update(state="in_progress")
    return made


def siblings_of(alice, image: Image, query: str) -> dict:
    client = Client()
    client.force_login(alice)
    return client.get(f"/images/{image.pk}/annotate/scene/{query}").json()["siblings"]


def walk(alice, frames, query: str, way: str = "next") -> str:
    """The names one comes by, from the end of the list that one starts from."""
    by_id = {image.pk: name for name, image in frames.items()}
    opposite = "previous" if way == "next" else "next"
    (at,) = [image for image in frames.values() if siblings_of(alice, image, query)[opposite] is None]
    walked = by_id[at.pk]
    while (following := siblings_of(alice, at, query)[way]) is not None:
        at = frames[by_id[following]]
        walked += by_id[following]
    return walked


@pytest.mark.parametrize("sort", ORDERS)
def test_the_workbench_goes_through_every_order_as_the_gallery_shows_it(alice, frames, annotation, sort):
    Image.objects.filter(name="photo.png").delete()  # the annotation's
    client = Client()
    client.force_login(alice)
    page = client.get(f"/projects/{frames['a'].project_id}/?sort={sort}").context["page"]
    shown = "".join(image.name[0] for image in page.object_list)
    assert sorted(shown) == list("abcd")
    assert walk(alice, frames, f"?sort={sort}") == shown
    assert walk(alice, frames, f"?sort={sort}", "previous") == shown[::-1]
    places = [siblings_of(alice, frames[name], f"?sort={sort}")["position"] for name in shown]
    assert places == [1, 2, 3, 4]


@pytest.mark.parametrize(
    ("sort", "shown"), [("", "badc"), ("name", "abcd"), ("-created_at", "cdab"), ("state", "bcda")]
)
def test_orders_are_what_they_are_called(alice, frames, sort, shown):
    assert walk(alice, frames, f"?sort={sort}") == shown


def test_an_order_by_masks_and_one_by_the_last_change_look_at_the_masks(alice, project, annotation, frames):
    client = Client()
    client.force_login(alice)
    for sort, at in [("-masks", 0), ("masks", -1)]:
        page = client.get(f"/projects/{project.pk}/?sort={sort}").context["page"]
        assert page.object_list[at].pk == annotation.image_id
    page = client.get(f"/projects/{project.pk}/?sort=-changed_at").context["page"]
    assert page.object_list[0].name != "photo.png"
    annotation.save()
    page = client.get(f"/projects/{project.pk}/?sort=-changed_at").context["page"]
    assert page.object_list[0].name == "photo.png"


def test_a_filter_is_kept_from_image_to_image(alice, frames):
    query = "?state=not_started&sort=name"
    first = siblings_of(alice, frames["b"], query)
    assert (first["previous"], first["next"], first["position"], first["total"]) == (
        *(None, frames["c"].pk),
        *(1, 2),
    )
    Image.objects.filter(pk=frames["b"].pk).update(state="done")
    left = siblings_of(alice, frames["b"], query)
    assert (left["next"], left["total"]) == (frames["c"].pk, 1)


def test_the_next_image_that_is_not_done_comes_after_this_one_or_else_from_the_beginning(alice, frames):
    assert siblings_of(alice, frames["b"], "")["next_open"] == frames["d"].pk
    assert siblings_of(alice, frames["c"], "")["next_open"] == frames["b"].pk
    Image.objects.update(state="done")
    assert siblings_of(alice, frames["c"], "")["next_open"] is None


def test_the_gallery_leads_to_the_workbench_and_back_with_its_filters_and_order(alice, project, frames):
    client = Client()
    client.force_login(alice)
    page = client.get(f"/projects/{project.pk}/?state=not_started&sort=name&page=1").content.decode()
    assert f'href="/images/{frames["b"].pk}/annotate/?state=not_started&amp;sort=name"' in page
    workbench = client.get(f"/images/{frames['b'].pk}/annotate/?state=not_started&sort=name")
    assert f'href="/projects/{project.pk}/?state=not_started&amp;sort=name"' in workbench.content.decode()


def test_images_with_weak_masks_and_without_any_can_be_found(alice, project, annotation, frames):
    def shown(masks: str) -> list[str]:
        query = f"/api/projects/{project.pk}/images/?masks={masks}"
        return [row["name"] for row in client_of(alice).get(query).json()["results"]]

    Annotation.objects.update(predicted_iou=0.69)
    assert (shown("weak"), shown("none")) == (["photo.png"], ["b.png", "a.png", "d.png", "c.png"])
    Annotation.objects.update(predicted_iou=0.7)
    assert shown("weak") == []
    Annotation.objects.update(predicted_iou=0.1, deleted_at=annotation.created_at)
    assert (shown("weak"), len(shown("none"))) == ([], 5)


def test_weak_masks_are_the_same_for_the_browser():
    source = Path("static/js/core/quality.js").read_text()
    assert f"FAIR_FROM = {WEAK_BELOW};" in source


def test_an_order_that_is_none_is_the_usual_one(alice, project, frames):
    assert walk(alice, frames, "?sort=nonsense") == "badc"
