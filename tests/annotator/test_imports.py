"""Datasets come in: examined first, then image by image, all of it in the test's own process."""

from __future__ import annotations

import csv
import io
import json
import os
import re
import uuid
import zipfile
from datetime import timedelta

import numpy as np
import pytest
from django.core.files.storage import default_storage
from django.utils import timezone

from annotator.annotations import saving
from annotator.annotations.errors import UnknownCategory
from annotator.datasets import imports, records
from annotator.jobs import queue
from annotator.jobs.errors import LeaseLost
from annotator.jobs.kinds import KINDS
from annotator.jobs.lease import LeaseKeeper
from annotator.media import intake, partial_uploads
from annotator.models import Annotation, Import, UnownedFile
from annotator.projects import categories, projects
from annotator.worker.run_job import run_next
from exporters.registry import export_formats, find_format, import_formats
from segmentation import rle
from tests.annotator.world import (
    IMAGE_HW,
    annotation_body,
    client_of,
    encode_image,
    rectangle_rle,
    upload,
)
from tests.exporters.world import write_as

HEIGHT, WIDTH = IMAGE_HW


def a_document(images: list[str], annotations: list[dict], names: tuple[str, ...] = ("cat", "dog")) -> dict:
    """A COCO document; an annotation names its image by the place in the list."""
    return {
        "images": [
            {"id": number, "file_name": name, "height": HEIGHT, "width": WIDTH}
            for number, name in enumerate(images, 1)
        ],
        "categories": [{"id": number, "name": name} for number, name in enumerate(names, 1)],
        "annotations": [
            {"id": number, "image_id": 1, "category_id": 1, "segmentation": rectangle_rle()} | values
            for number, values in enumerate(annotations, 1)
        ],
    }


def a_zip(document: dict, pictures: dict[str, bytes] | None = None) -> bytes:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as archive:
        archive.writestr("annotations/instances.json", json.dumps(document))
        for name, content in (pictures or {}).items():
            archive.writestr(f"images/{name}", content)
    return stream.getvalue()


@pytest.fixture
def bring(alice, project):
    """Sends a file and has it examined; the row as the API tells it."""

    def do(content: bytes | dict, name: str = "set.zip", to=project, **options) -> dict:
        content = json.dumps(content).encode() if isinstance(content, dict) else content
        body = {"file": upload(content, name)} | options
        answer = client_of(alice).post(f"/api/projects/{to.pk}/imports/", body, format="multipart")
        assert answer.status_code == 202, answer.json()
        run_next(KINDS["imports"], "w")
        return client_of(alice).get(f"/api/imports/{answer.json()['id']}/").json()

    return do


@pytest.fixture
def start(alice):
    """Starts an examined import and does it."""

    def do(row: dict, **changes) -> dict:
        client = client_of(alice)
        if changes:
            answer = client.patch(f"/api/imports/{row['id']}/", changes, format="json")
            assert answer.status_code == 200, answer.json()
        answer = client.post(f"/api/imports/{row['id']}/start/")
        assert answer.status_code == 202, answer.json()
        run_next(KINDS["imports"], "w")
        return client.get(f"/api/imports/{row['id']}/").json()

    return do


# --- the examination ---
def test_the_examination_says_what_is_new_known_missing_and_wrong(bring, project, image, category):
    document = a_document(
        ["photo.png", "new.png", "gone.png"],
        [
            {},
            {"category_id": 2},
            {"segmentation": [[1, 1, 4, 4]]},
            {"image_id": 2},
            {"image_id": 3},
            {"image_id": 99},
        ],
    )
    row = bring(a_zip(document, {"new.png": encode_image(seed=5)}))
    assert (row["phase"], row["format"], row["error"]) == ("examined", "coco", "")
    found = row["found"]
    assert found["images"] == {"new": 1, "known": 1, "missing": 1, "not_wanted": 0, "refused": 0}
    assert found["annotations"] == {"new": 3, "here": 0, "boxes": 0, "unplaced": 1}
    assert [(each["name"], each["new"]) for each in found["categories"]] == [("cat", 2), ("dog", 1)]
    assert found["missing"] == ["gone.png"]
    assert {each["code"] for each in found["problems"]["shown"]} == {"polygon_malformed", "image_unknown"}
    assert row["mapping"] == {"1": category.pk, "2": "new"}


def test_the_examination_writes_nothing(bring, project, image, category):
    before = (Annotation.objects.count(), project.categories.count(), project.images.count())
    bring(a_zip(a_document(["photo.png", "new.png"], [{}]), {"new.png": encode_image(seed=5)}))
    assert (Annotation.objects.count(), project.categories.count(), project.images.count()) == before


def test_all_problems_can_be_downloaded(alice, bring, image):
    row = bring(a_document(["photo.png"], [{"category_id": 9} for _ in range(150)]), "a.json")
    problems = row["found"]["problems"]
    assert (problems["count"], len(problems["shown"])) == (150, 100)
    answer = client_of(alice).get(row["problems_url"])
    lines = b"".join(answer.streaming_content).decode().splitlines()
    assert lines[0] == "place,code,message" and len(lines) == 151
    assert lines[150].startswith("annotations[149] (id 150),category_unknown,")


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"nothing of the kind", "look like no format"),
        (b'{"images": [', "not JSON"),
        (b"PK\x03\x04 cut off", "the zip is damaged or cut off"),
    ],
)
def test_files_that_cannot_be_read_fail_in_words(bring, content, words):
    row = bring(content, "a.json")
    assert row["phase"] == "failed" and words in row["error"]
    assert row["found"] is None


def test_pictures_alone_are_sent_to_the_images_page(bring):
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as archive:
        archive.writestr("holiday/a.png", encode_image())
    row = bring(stream.getvalue())
    assert row["phase"] == "failed" and "these belong on the images page" in row["error"]


def encrypted(content: bytes) -> bytes:
    """Says that every entry is."""
    content = bytearray(content)
    for signature, offset in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        at = -1
        while (at := content.find(signature, at + 1)) >= 0:
            content[at + offset] |= 1
    return bytes(content)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (
            encrypted,
            "instances.json: the file is encrypted; pack it without a password",
        ),
        (lambda zip: zip[:-30], "Set.zip: the zip is damaged or cut off"),
        (
            lambda zip: zip.replace(b'"images"', b'"imagez"'),
            "instances.json: the file cannot be read: Bad CRC-32",
        ),
        (lambda zip: zip[-22:-14] + b"\0" * 14, "There are no files in it"),
    ],
)
def test_a_zip_that_cannot_be_unpacked_is_refused_with_the_reason(bring, change, words):
    row = bring(change(a_zip(a_document(["a.png"], [{}]), {"a.png": encode_image(seed=1)})))
    assert row["phase"] == "failed" and words in row["error"]


def test_a_zip_that_unpacks_to_too_much_is_refused(bring, settings):
    settings.MAX_ZIP_UNCOMPRESSED_BYTES = 100
    assert "unpacks to" in bring(a_zip(a_document(["photo.png"], [])))["error"]


def test_it_can_be_brought_in_parts(alice, project, image, start):
    content = a_zip(a_document(["photo.png"], [{}]))
    begun = partial_uploads.begin(project, alice, name="a.json", size_bytes=len(content), is_dataset=True)
    address = f"/api/projects/{project.pk}/imports/"
    client = client_of(alice)
    partial_uploads.append(begun, 0, content[:50])
    answer = client.post(address, {"upload": str(begun.pk)}, format="json")
    assert (answer.status_code, answer.json()["error"]["code"]) == (409, "upload_incomplete")
    begun.refresh_from_db()
    partial_uploads.append(begun, 50, content[50:])
    first = client.post(address, {"upload": str(begun.pk)}, format="json")
    again = client.post(address, {"upload": str(begun.pk)}, format="json")
    assert (first.status_code, first.json()["id"]) == (202, again.json()["id"])
    run_next(KINDS["imports"], "w")
    assert start(first.json())["result"]["annotations"] == 1
    finish = client.post(f"/api/uploads/{begun.pk}/finish/")
    assert (finish.status_code, finish.json()["error"]["code"]) == (409, "upload_handed_over")
    begun.refresh_from_db()
    partial_uploads.give_up([begun])
    assert UnownedFile.objects.count() == 0


# --- it comes in ---
def test_masks_come_in_bit_for_bit_with_their_pictures(bring, start, project, alice):
    mask = np.random.default_rng(3).random(IMAGE_HW) < 0.5
    document = a_document(
        ["a.png", "sub/b.png"], [{"segmentation": rle.encode(mask), "predicted_iou": 0.5}, {"image_id": 2}]
    )
    pictures = {"a.png": encode_image(seed=5), "sub/b.png": encode_image(seed=6)}
    row = start(bring(a_zip(document, pictures)))
    assert (row["phase"], row["error"], row["done"], row["total"]) == ("ready", "", 2, 2)
    assert row["result"] == {
        "images_new": 2,
        "images_known": 0,
        "annotations": 2,
        "here": 0,
        "images_refused": 0,
        "refused": [],
    }
    first, second = project.images.all()
    assert [(each.name, each.folder, each.state) for each in (first, second)] == [
        ("a.png", "", "in_progress"),
        ("b.png", "sub", "in_progress"),
    ]
    annotation = first.annotations.get()
    assert np.array_equal(rle.decode(annotation.segmentation), mask)
    assert (annotation.category.name, annotation.predicted_iou, annotation.number) == ("cat", 0.5, 1)
    assert (annotation.author, annotation.origin) == (alice, {"import_id": row["id"], "file": "set.zip"})
    assert sorted(project.categories.values_list("name", flat=True)) == ["cat", "dog"]


def test_what_an_export_holds_comes_back_into_another_project_bit_for_bit(
    bring, start, alice, project, annotation, second_image
):
    exported = write_as("coco", records.build(project), include_images=True)
    other = projects.create_project(alice, name="Copy")
    row = start(bring(exported, to=other))
    assert (row["result"]["images_new"], row["result"]["annotations"]) == (2, 1)
    copied = Annotation.objects.get(image__project=other)
    assert copied.segmentation == annotation.segmentation and copied.pk != annotation.pk
    assert copied.origin["uuid"] == str(annotation.pk)
    assert sorted(other.images.values_list("digest")) == sorted(project.images.values_list("digest"))


@pytest.mark.parametrize("name", sorted({*import_formats()} & {*export_formats()}))
def test_every_format_that_is_written_comes_in_with_its_pictures_and_twice_changes_nothing(
    bring, start, alice, project, annotation, second_image, name
):
    options = {option.name for option in find_format(name).options}
    exported = write_as(
        name, records.build(project), **({"include_images": True} if "include_images" in options else {})
    )
    other = projects.create_project(alice, name="Copy")
    row = bring(exported, to=other)
    assert (row["phase"], row["format"], row["error"]) == ("examined", name, "")
    result = start(row)["result"]
    assert (result["annotations"], result["images_refused"]) == (1, 0)
    copied = Annotation.objects.get(image__project=other)
    assert (copied.bbox_xywh, copied.category.name) == (annotation.bbox_xywh, "cat")
    assert copied.image.digest == annotation.image.digest
    again = start(bring(exported, to=other))["result"]
    assert (again["annotations"], again["here"], again["images_new"]) == (0, 1, 0)


def test_who_made_a_mask_elsewhere_and_when_is_kept(bring, start, alice, image):
    told = {"author": "dora", "created_at": "2024-05-06T07:08:09+00:00", "bundle_digest": "ab" * 32}
    start(bring(a_document(["photo.png"], [told]), "a.json"))
    [row] = client_of(alice).get(f"/api/images/{image.pk}/annotations/").json()["results"]
    assert {name: row["origin"][name] for name in told} == told


def test_a_box_comes_in_as_its_rectangle_with_a_prompt_to_go_on_from(bring, start, project, annotation):
    exported = write_as("yolo_boxes", records.build(project), include_images=True)
    Annotation.objects.all().delete()
    row = bring(exported)
    assert (row["found"]["annotations"]["boxes"], row["found"]["images"]["known"]) == (1, 1)
    start(row)
    box = Annotation.objects.get()
    assert box.segmentation == rectangle_rle()
    assert (box.prompt["box"], box.prompt["box_step"]) == ([2, 1, 5, 3], 0)


def test_the_same_import_twice_changes_nothing(bring, start, project, image):
    document = a_document(["photo.png", "new.png"], [{}, {"image_id": 2}, {"category_id": 2}])
    content = a_zip(document, {"new.png": encode_image(seed=5)})
    start(bring(content))
    before = list(Annotation.objects.order_by("pk").values())
    again = bring(content)
    assert again["found"]["annotations"] == {"new": 0, "here": 3, "boxes": 0, "unplaced": 0}
    assert again["found"]["images"]["new"] == 0
    assert start(again)["result"]["here"] == 3
    assert list(Annotation.objects.order_by("pk").values()) == before
    assert project.images.count() == 2


def test_a_mapping_made_by_hand_is_proposed_the_next_time(bring, start, project, image, category):
    document = a_document(["photo.png"], [{}, {"category_id": 2}])
    cat, dog = (row["id"] for row in document["categories"])
    document["categories"][0]["name"] = "feline"
    first = bring(document, "a.json")
    assert first["mapping"] == {str(cat): "new", str(dog): "new"}
    start(first, mapping={str(cat): category.pk, str(dog): "skip"})
    document["categories"].reverse()  # known by their names
    again = bring(document, "b.json")
    assert again["mapping"] == {str(cat): category.pk, str(dog): "skip"}
    assert {row["name"]: row["here"] for row in again["found"]["categories"]}["feline"] == 1
    Import.objects.update(state="cancelled")
    assert bring(document, "c.json")["mapping"] == {str(cat): "new", str(dog): "new"}


def test_an_export_into_its_own_project_changes_nothing(bring, start, project, annotation):
    exported = write_as("coco", records.build(project))
    row = start(bring(exported, "back.json"))
    assert (row["result"]["annotations"], row["result"]["here"]) == (0, 1)
    assert list(Annotation.objects.values_list("pk", flat=True)) == [annotation.pk]


def test_a_mask_that_somebody_deleted_or_changed_does_not_come_back(bring, start, image, bob):
    content = a_document(["photo.png"], [{}, {"segmentation": rectangle_rle(top=3)}])
    start(bring(content, "a.json"))
    first, second = image.annotations.order_by("number")
    saving.delete(first, by=bob)
    saving.update(second, version=1, by=bob, segmentation=rectangle_rle(top=4))
    assert start(bring(content, "a.json"))["result"]["annotations"] == 0
    assert image.annotations.count() == 2


def test_a_mask_that_was_changed_elsewhere_is_said_to_stay_as_it_is_here(bring, start, image, bob):
    own = [{"uuid": str(uuid.uuid4())} for _ in range(2)]
    masks = [{"segmentation": rectangle_rle(top=top)} for top in range(4)]
    start(bring(a_document(["photo.png"], [own[0] | masks[0], own[1] | masks[1]]), "a.json"))
    saving.delete(Annotation.objects.get(pk=own[1]["uuid"]), by=bob)
    row = bring(a_document(["photo.png"], [own[0] | masks[2], own[1] | masks[3]]), "b.json")
    assert (row["found"]["annotations"]["new"], row["found"]["annotations"]["here"]) == (0, 2)
    # Who deleted one knows that it differs.
    assert [(each["place"], each["code"]) for each in row["found"]["problems"]["shown"]] == [
        ("image photo.png, annotation 1", "annotation_differs")
    ]
    assert Annotation.objects.get(pk=own[0]["uuid"]).segmentation == rectangle_rle(top=0)


def test_a_copy_that_somebody_made_elsewhere_comes_in_beside_the_first_one(bring, start, image):
    own = {"uuid": str(uuid.uuid4())}
    start(bring(a_document(["photo.png"], [own]), "a.json"))
    with_copy = a_document(["photo.png"], [own | {"segmentation": rectangle_rle(top=3)}, own])
    row = bring(with_copy, "b.json")
    assert (row["found"]["annotations"]["new"], row["found"]["problems"]["count"]) == (1, 0)
    assert start(row)["result"]["annotations"] == 1
    again = bring(with_copy, "b.json")["found"]
    assert (again["annotations"]["new"], again["problems"]["count"]) == (0, 0)


def test_the_same_mask_twice_in_a_file_comes_in_once_and_is_said(bring, start, image):
    row = bring(a_document(["photo.png"], [{}, {}]), "a.json")
    assert [each["code"] for each in row["found"]["problems"]["shown"]] == ["annotation_twice"]
    assert start(row)["result"]["annotations"] == 1


def test_categories_are_mapped_made_and_skipped(bring, start, project, image, category):
    bird = categories.create_category(project, name="bird")
    content = a_document(
        ["photo.png"],
        [{}, {"category_id": 2}, {"category_id": 3, "segmentation": rectangle_rle(top=3)}],
        names=("CAT ", "dog", "Fish"),
    )
    row = bring(content, "a.json")
    assert row["mapping"] == {"1": category.pk, "2": "new", "3": "new"}
    row = start(row, mapping={"1": "skip", "2": bird.pk})
    assert row["result"]["annotations"] == 2
    names = image.annotations.order_by("number").values_list("category__name", flat=True)
    assert list(names) == ["bird", "Fish"]


def test_what_categories_become_is_not_kept_for_those_of_another_format(bring, alice, image, category):
    """The ids are numbers that each reader gives: here both formats have a category 1."""
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as archive:
        archive.writestr("annotations/instances.json", json.dumps(a_document(["photo.png"], [{}])))
        archive.writestr("data.yaml", "names: [dog, cat]")
        archive.writestr("images/photo.png", encode_image())
        archive.writestr("labels/photo.txt", "0 0.5 0.5 0.5 0.5")
    row = bring(stream.getvalue())
    assert (row["format"], row["mapping"]) == ("coco", {"1": category.pk, "2": "new"})
    client_of(alice).patch(f"/api/imports/{row['id']}/", {"format": "yolo_boxes"}, format="json")
    run_next(KINDS["imports"], "w")
    row = client_of(alice).get(f"/api/imports/{row['id']}/").json()
    assert (row["format"], row["mapping"]) == ("yolo_boxes", {"1": "new", "2": category.pk})


def test_two_changes_at_one_time_do_not_undo_each_other(bring, image):
    row = bring(a_document(["photo.png"], [{}, {"category_id": 2}]), "a.json")
    first, second = (Import.objects.get(pk=row["id"]) for _ in range(2))
    imports.change(first, mapping={"1": "skip"})
    imports.change(second, mapping={"2": "skip"}, to_check=True)
    assert Import.objects.get().mapping == {"1": "skip", "2": "skip"}
    assert first.mapping == {"1": "skip", "2": "new"} and second.to_check


@pytest.mark.parametrize("mapping", [{"1": 10_000}, {"1": "old"}, {"7": "new"}, {"1": True}, {"1": [1]}, [1]])
def test_a_mapping_that_makes_no_sense_is_refused(bring, alice, image, mapping):
    row = bring(a_document(["photo.png"], [{}]), "a.json")
    answer = client_of(alice).patch(f"/api/imports/{row['id']}/", {"mapping": mapping}, format="json")
    assert (answer.status_code, list(answer.json()["error"]["fields"])) == (400, ["mapping"])


def test_a_category_that_is_gone_by_then_fails_in_words_and_can_be_chosen_anew(
    bring, start, project, image, category
):
    row = bring(a_document(["photo.png"], [{}]), "a.json")
    categories.delete_category(category)
    row = start(row)
    assert row["phase"] == "failed" and "'cat' was to become is gone" in row["error"]
    assert start(row, mapping={"1": "new"})["result"]["annotations"] == 1


def test_masks_to_check_say_so_until_somebody_changes_them(bring, start, alice, image, bob):
    row = start(bring(a_document(["photo.png"], [{}]), "a.json"), to_check=True)
    annotation = image.annotations.get()
    assert annotation.to_check
    wire = client_of(alice).get(f"/api/annotations/{annotation.pk}/").json()
    assert (wire["to_check"], wire["origin"]) == (True, {"import_id": row["id"], "file": "a.json"})
    # The workbench sends the whole of a mask with every change.
    as_it_was = {"category": annotation.category_id, "segmentation": annotation.segmentation}
    saving.update(annotation, version=1, by=bob, name="Tom", **as_it_was)
    assert Annotation.objects.get().to_check
    saving.update(Annotation.objects.get(), version=2, by=bob, segmentation=rectangle_rle(top=3))
    assert not Annotation.objects.get().to_check


def test_masks_of_an_image_that_is_marked_done_are_checked(bring, start, alice, project, image):
    start(bring(a_document(["photo.png"], [{}]), "a.json", to_check=True))
    client, found = client_of(alice), f"/api/projects/{project.pk}/images/?masks=to-check"
    assert client.get(found).json()["count"] == 1
    client.patch(f"/api/images/{image.pk}/", {"state": "done"}, format="json")
    assert client.get(found).json()["count"] == 0
    assert not image.annotations.get().to_check


def test_one_can_say_that_a_mask_is_checked(bring, start, alice, image):
    start(bring(a_document(["photo.png"], [{}]), "a.json", to_check=True))
    address = f"/api/annotations/{image.annotations.get().pk}/"
    answer = client_of(alice).patch(address, {"version": 1, "to_check": False}, format="json")
    assert (answer.status_code, answer.json()["to_check"]) == (200, False)


# --- which image is meant ---
def test_an_image_of_another_size_is_refused_with_all_its_masks(bring, start, image):
    document = a_document(["photo.png"], [])
    document["images"][0] |= {"width": WIDTH + 1}
    document["annotations"] = [
        {"id": 1, "image_id": 1, "category_id": 1, "segmentation": rectangle_rle((HEIGHT, WIDTH + 1))}
    ]
    row = bring(document, "a.json")
    assert row["found"]["images"]["refused"] == 1
    assert row["found"]["problems"]["shown"][0]["code"] == "image_size_differs"
    row = start(row)
    assert (row["result"]["images_refused"], row["result"]["annotations"]) == (1, 0)
    assert "8 x 6 pixels" in row["result"]["refused"][0]["message"]


def test_a_new_picture_of_another_size_does_not_come_in(bring, start, project):
    content = a_zip(a_document(["a.png"], [{}]), {"a.png": encode_image((9, 9))})
    row = start(bring(content))
    assert (row["result"]["images_refused"], project.images.count()) == (1, 0)
    assert not default_storage.exists("images") or default_storage.listdir(f"images/{project.pk}")[1] == []


def test_a_damaged_picture_stops_no_other_one(bring, start, project):
    pictures = {"a.png": encode_image()[:60], "b.png": encode_image(seed=6)}
    row = start(bring(a_zip(a_document(["a.png", "b.png"], [{}, {"image_id": 2}]), pictures)))
    assert (row["phase"], row["result"]["images_refused"], row["result"]["annotations"]) == ("ready", 1, 1)
    assert row["result"]["refused"][0]["place"] == "image a.png"


def test_pictures_that_are_not_wanted_stay_out(bring, start, project):
    content = a_zip(a_document(["a.png"], [{}]), {"a.png": encode_image()})
    row = bring(content, new_images=False)
    assert row["found"]["images"]["not_wanted"] == 1
    assert start(row)["result"]["annotations"] == 0
    assert project.images.count() == 0


def test_equal_pixels_are_one_image_whatever_the_name(bring, start, image):
    content = a_zip(a_document(["other.png"], [{}]), {"other.png": encode_image()})
    row = start(bring(content))
    assert (row["result"]["images_new"], row["result"]["images_known"]) == (0, 1)
    assert image.annotations.count() == 1
    assert bring(content, match="digest")["found"]["images"]["known"] == 1


def test_the_examination_knows_equal_pixels_under_another_name_before_anything_comes_in(bring, start, image):
    content = a_zip(
        a_document(["other.png", "new.png"], [{}, {"image_id": 2}]),
        {"other.png": encode_image(), "new.png": encode_image(seed=5)},
    )
    row = bring(content)
    assert (row["found"]["images"]["new"], row["found"]["images"]["known"]) == (1, 1)
    start(row)
    found = bring(content)["found"]
    assert (found["images"]["new"], found["images"]["known"]) == (0, 2)
    assert (found["annotations"]["new"], found["annotations"]["here"]) == (0, 2)


def test_pictures_known_by_their_pixels_get_their_masks_where_no_new_ones_are_wanted(bring, start, image):
    content = a_zip(a_document(["other.png"], [{}]), {"other.png": encode_image()})
    row = bring(content, new_images=False)
    assert row["found"]["images"]["not_wanted"] == 0
    assert start(row)["result"]["annotations"] == 1


def test_names_that_a_file_has_in_several_folders_are_told_apart_by_these(bring, start, project):
    document = a_document(
        ["train/a.png", "val/a.png"], [{}, {"image_id": 2, "segmentation": rectangle_rle(top=3)}]
    )
    content = a_zip(document, {"train/a.png": encode_image(seed=1), "val/a.png": encode_image(seed=2)})
    start(bring(content))
    assert bring(content)["found"]["annotations"]["here"] == 2
    swapped = {"val/a.png": encode_image(seed=9)}
    project.images.filter(folder="val").update(folder="elsewhere")
    assert bring(a_zip(document, swapped))["found"]["images"] == {
        "new": 1,
        "known": 1,
        "missing": 0,
        "not_wanted": 0,
        "refused": 0,
    }


@pytest.mark.parametrize("name", ["coco", "yolo_seg", "cvat", "datumaro"])
def test_images_of_one_name_in_several_folders_leave_and_are_found_again_by_these(
    bring, start, project, alice, category, name
):
    for seed, path in enumerate(("a/1.png", "b/1.png"), 1):
        image = intake.ingest_image(project, io.BytesIO(encode_image(seed=seed)), path, alice).image
        mask = rectangle_rle(top=seed)
        saving.create(image, author=alice, id=uuid.uuid4(), category=category.pk, segmentation=mask)
    exported = records.build(project)
    assert [each.file_name for each in exported.images] == ["a/1.png", "b/1.png"]
    found = bring(write_as(name, exported), "back.json" if name == "coco" else "back.zip")["found"]
    assert found["images"] == {"new": 0, "known": 2, "missing": 0, "not_wanted": 0, "refused": 0}
    assert (found["annotations"]["here"], found["problems"]["count"]) == (2, 0)


def test_an_image_in_the_trash_is_said(bring, start, alice, image):
    document = a_document(["photo.png"], [{}])
    document["images"][0]["digest"] = image.digest
    client_of(alice).delete(f"/api/images/{image.pk}/")
    row = bring(a_zip(document, {"photo.png": encode_image()}))
    assert row["found"]["problems"]["shown"][0]["code"] == "image_in_trash"
    assert "in the trash" in start(row)["result"]["refused"][0]["message"]


def test_changing_how_images_are_matched_has_the_files_examined_again(bring, alice, image):
    row = bring(a_document(["photo.png"], [{}]), "a.json")
    answer = client_of(alice).patch(f"/api/imports/{row['id']}/", {"match": "path"}, format="json")
    assert answer.json()["phase"] == "uploaded"
    run_next(KINDS["imports"], "w")
    assert client_of(alice).get(f"/api/imports/{row['id']}/").json()["phase"] == "examined"


# --- killed, cancelled, deleted ---
@pytest.mark.parametrize("half", ["a\ud800b", "\udfff", "a\0b"])
def test_what_no_answer_can_hold_of_a_name_is_marked_and_the_list_of_imports_still_opens(
    bring, start, alice, project, half
):
    mask = {"author": half, "name": half, "bundle_digest": half, "uuid": half}
    document = a_document(["a.png", f"{half}.png"], [mask], names=(half,))
    document["categories"][0] |= {"supercategory": half, "color": half}
    row = bring(a_zip(document, {"a.png": encode_image(seed=1)}))
    assert row["phase"] == "examined", row["error"]
    assert row["found"]["images"] == {"new": 1, "known": 0, "missing": 1, "not_wanted": 0, "refused": 0}
    start(row)
    client = client_of(alice)
    for address in ("imports/", "categories/", "images/"):
        assert client.get(f"/api/projects/{project.pk}/{address}").status_code == 200, address
    client.force_login(alice)
    assert client.get(f"/projects/{project.pk}/imports/").status_code == 200
    [saved] = Annotation.objects.filter(image__project=project)
    assert client.get(f"/api/images/{saved.image_id}/annotations/").status_code == 200
    assert saved.category.name.isprintable() and saved.category.name


def test_objects_that_were_copied_with_their_id_come_in_both_and_once(bring, start, project):
    twins = [{"uuid": str(uuid.uuid4())}, {"segmentation": rectangle_rle(top=0, left=0, height=5, width=5)}]
    twins[1]["uuid"] = twins[0]["uuid"]
    content = a_zip(a_document(["a.png"], twins), {"a.png": encode_image(seed=1)})
    row = bring(content)
    assert row["found"]["annotations"]["new"] == 2
    result = start(row)["result"]
    assert (result["annotations"], result["images_refused"]) == (2, 0), result["refused"]
    assert start(bring(content))["result"]["here"] == 2
    assert Annotation.objects.filter(image__project=project).count() == 2


@pytest.mark.parametrize("names", [("Cup", "cup "), ("x" * 100 + "a", "x" * 100 + "b"), ("a b", "a\n b")])
def test_categories_that_become_one_are_said_before(bring, start, project, names):
    row = bring(a_zip(a_document(["a.png"], [{}], names=names), {"a.png": encode_image(seed=1)}))
    [problem] = row["found"]["problems"]["shown"]
    assert problem["code"] == "category_merged" and problem["place"].endswith("(id 2)")
    start(row)
    assert project.categories.count() == 1
    # The second time, the category is known by the name that it got.
    again = bring(a_zip(a_document(["a.png"], [{}], names=names)))
    assert again["found"]["annotations"]["here"] == 1
    assert set(again["mapping"].values()) == {project.categories.get().pk}


def test_thousands_of_categories_come_in_by_a_handful_of_questions(
    bring, alice, project, django_assert_max_num_queries
):
    names = tuple(f"kind {number}" for number in range(2000))
    row = bring(a_zip(a_document(["a.png"], [{}], names=names), {"a.png": encode_image(seed=1)}))
    client_of(alice).post(f"/api/imports/{row['id']}/start/")
    with django_assert_max_num_queries(100):
        run_next(KINDS["imports"], "w")
    made = list(project.categories.values_list("name", "coco_id", "position"))
    assert made == [(name, number, number - 1) for number, name in enumerate(names, 1)]


def test_a_page_of_many_categories_offers_each_of_them_once(bring, start, alice, project):
    document = a_document(["a.png"], [{}], names=tuple(f"kind {number}" for number in range(120)))
    start(bring(a_zip(document, {"a.png": encode_image(seed=1)})))
    bring(a_zip(document))
    client = client_of(alice)
    client.force_login(alice)
    page = client.get(f"/projects/{project.pk}/imports/").content.decode()
    assert page.count("data-short") == 120
    for category in project.categories.all():
        # For all lists together, and in its own, where it is chosen.
        assert page.count(f'<option value="{category.pk}"') == 1
        assert len(re.findall(rf'value="{category.pk}"\s+selected', page)) == 1


def test_a_damaged_picture_stops_no_other_one_where_pixels_are_compared(bring, start):
    pictures = {"a.png": encode_image(seed=1), "b.png": encode_image(seed=2)}
    content = a_zip(a_document(["a.png", "b.png"], [{}]), pictures)
    damaged = content.replace(pictures["b.png"][-30:], b"?" * 30)
    assert damaged != content
    row = bring(damaged, match="digest")
    assert row["phase"] == "examined", row["error"]
    result = start(row)["result"]
    assert (result["images_new"], result["images_refused"]) == (1, 1)


def test_problems_are_no_formulas_to_a_spreadsheet(alice, bring):
    name = "=cmd|'calc'!A0"
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as archive:
        archive.writestr("data.yaml", "names: [cat]")
        archive.writestr(f"{name}.png", encode_image(seed=1))
        archive.writestr(f"{name}.txt", "0 .5 .5 .1 .1\n9 .5 .5 .1 .1\n")
    row = bring(stream.getvalue())
    table = b"".join(client_of(alice).get(row["problems_url"]).streaming_content).decode()
    [_, line] = csv.reader(io.StringIO(table))
    assert line[0] == f"'{name}.txt line 2"


class Killed(BaseException):
    pass


def three_images() -> bytes:
    names = ["a.png", "b.png", "c.png"]
    annotations = [{"image_id": number} for number in (1, 2, 3)]
    pictures = {name: encode_image(seed=seed) for seed, name in enumerate(names)}
    return a_zip(a_document(names, annotations), pictures)


def test_a_killed_import_goes_on_where_it_stopped(bring, alice, project, monkeypatch):
    row = bring(three_images())
    client_of(alice).post(f"/api/imports/{row['id']}/start/")
    real, calls = saving.create_many, []

    def dies_in_the_second(image, annotations, *, author):
        count = real(image, annotations, author=author)
        calls.append(image.name)
        if len(calls) == 2:
            raise Killed
        return count

    monkeypatch.setattr(saving, "create_many", dies_in_the_second)
    job = queue.claim(KINDS["imports"].takeable("imports"), "w")
    with pytest.raises(Killed):
        KINDS["imports"].run(job)
    job.refresh_from_db()
    assert (job.done, project.images.count(), Annotation.objects.count()) == (1, 1, 1)
    monkeypatch.setattr(saving, "create_many", lambda *a, **k: calls.append(a[0].name) or real(*a, **k))
    queue.end_leases(Import.objects.all())
    run_next(KINDS["imports"], "w")
    job.refresh_from_db()
    assert (job.phase, job.attempts) == ("ready", 2)
    assert calls == ["a.png", "b.png", "b.png", "c.png"]
    assert (job.result["images_new"], job.result["annotations"]) == (3, 3)
    assert Annotation.objects.count() == 3


def test_one_that_is_cancelled_on_the_way_keeps_whole_images_and_can_be_started_again(
    bring, start, alice, project, monkeypatch
):
    row = bring(three_images())
    client_of(alice).post(f"/api/imports/{row['id']}/start/")
    real, calls = intake.ingest_image, []

    def cancelled_before_the_second(*arguments, **options):
        calls.append(arguments)
        if len(calls) == 2:
            imports.cancel_or_delete(Import.objects.get())
        return real(*arguments, **options)

    monkeypatch.setattr(intake, "ingest_image", cancelled_before_the_second)
    run_next(KINDS["imports"], "w")
    monkeypatch.undo()
    job = Import.objects.get()
    assert (job.phase, job.done, len(calls)) == ("cancelled", 1, 2)
    assert (project.images.count(), Annotation.objects.count()) == (1, 1)
    assert len(default_storage.listdir(f"images/{project.pk}")[1]) == 1
    result = start(row)["result"]
    assert (result["images_new"], result["annotations"], result["here"]) == (2, 2, 1)
    assert (project.images.count(), Annotation.objects.count()) == (3, 3)


def test_a_cancelled_import_writes_no_further_image(bring, alice, project, monkeypatch):
    row = bring(three_images())
    client_of(alice).post(f"/api/imports/{row['id']}/start/")
    job = queue.claim(KINDS["imports"].takeable("imports"), "w")
    assert client_of(alice).delete(f"/api/imports/{row['id']}/").status_code == 204
    with pytest.raises(LeaseLost), LeaseKeeper(job):
        KINDS["imports"].run(job)
    job.refresh_from_db()
    assert (job.phase, project.images.count()) == ("cancelled", 0)
    client_of(alice).post(f"/api/imports/{row['id']}/start/")
    run_next(KINDS["imports"], "w")
    job.refresh_from_db()
    assert (job.phase, project.images.count()) == ("ready", 3)


def test_one_that_is_under_way_or_in_cannot_be_changed_or_started(bring, start, alice, image):
    client = client_of(alice)
    row = bring(a_document(["photo.png"], [{}]), "a.json")
    client.patch(f"/api/imports/{row['id']}/", {"match": "path"}, format="json")
    answer = client.post(f"/api/imports/{row['id']}/start/")
    assert (answer.status_code, answer.json()["error"]["code"]) == (409, "import_not_examined")
    run_next(KINDS["imports"], "w")
    start(row)
    for answer in (
        client.post(f"/api/imports/{row['id']}/start/"),
        client.patch(f"/api/imports/{row['id']}/", {"to_check": True}, format="json"),
    ):
        assert (answer.status_code, answer.json()["error"]["code"]) == (409, "import_busy")


def test_its_files_go_once_it_is_in_and_the_rest_with_the_row(
    bring, start, alice, project, image, django_capture_on_commit_callbacks
):
    row = bring(a_document(["photo.png"], [{}, {"category_id": 9}]), "a.json")
    (part,), problems = Import.objects.values_list("parts", "problems_file").get()
    assert default_storage.exists(part) and default_storage.exists(problems)
    start(row)
    assert not default_storage.exists(part) and default_storage.exists(problems)
    with django_capture_on_commit_callbacks(execute=True):
        client_of(alice).delete(f"/api/imports/{row['id']}/")
    assert not default_storage.exists(problems)
    assert (Import.objects.count(), UnownedFile.objects.count(), Annotation.objects.count()) == (0, 0, 1)


def test_a_project_that_is_deleted_takes_the_files_of_its_imports_along(
    bring, project, image, django_capture_on_commit_callbacks
):
    bring(a_document(["photo.png"], [{"category_id": 9}]), "a.json")
    (part,), problems = Import.objects.values_list("parts", "problems_file").get()
    with django_capture_on_commit_callbacks(execute=True):
        projects.delete_project(project)
    assert [default_storage.exists(name) for name in (part, problems)] == [False, False]
    assert UnownedFile.objects.count() == 0


@pytest.mark.parametrize("is_waiting", [False, True])
def test_the_admin_deletes_one_with_its_files_and_cancels(
    bring, admin_client, project, image, django_capture_on_commit_callbacks, is_waiting
):
    bring(a_document(["photo.png"], [{"category_id": 9}]), "a.json")
    job = Import.objects.get()
    page = admin_client.get("/admin/annotator/import/")
    assert page.status_code == 200 and "a.json" in page.content.decode()
    assert admin_client.get(f"/admin/annotator/import/{job.pk}/change/").status_code == 200
    if is_waiting:
        imports.start(job)
        action = {"action": "cancel", "_selected_action": [job.pk]}
        assert (
            "1 cancelled"
            in admin_client.post("/admin/annotator/import/", action, follow=True).content.decode()
        )
        imports.start(Import.objects.get())
    with django_capture_on_commit_callbacks(execute=True):
        admin_client.post(f"/admin/annotator/import/{job.pk}/delete/", {"post": "yes"})
    assert Import.objects.count() == UnownedFile.objects.count() == 0
    assert [default_storage.exists(name) for name in (*job.parts, job.problems_file)] == [False, False]


def test_old_ones_are_forgotten(bring, django_capture_on_commit_callbacks, image):
    bring(a_document(["photo.png"], []), "a.json")
    assert imports.delete_old() == 0
    Import.objects.update(finished_at=timezone.now() - timedelta(days=31))
    with django_capture_on_commit_callbacks(execute=True):
        assert imports.delete_old() == 1
    assert Import.objects.count() == 0


# --- who, and from where ---
def test_folders_of_the_server_are_for_admins_and_within_the_roots(
    settings, tmp_path, alice, staff, project, image, start
):
    root = tmp_path / "sets"
    (root / "mine").mkdir(parents=True)
    document = json.dumps(a_document(["photo.png"], [{}]))
    (root / "mine" / "instances.json").write_text(document)
    (tmp_path / "instances.json").write_text(document)
    (root / "out").symlink_to(tmp_path)
    (root / "circle").symlink_to(root / "circle")
    os.mkfifo(root / "pipe")
    address = f"/api/projects/{project.pk}/imports/"

    def send(user, path):
        return client_of(user).post(address, {"path": str(path)}, format="json")

    assert send(staff, root / "mine").status_code == 400  # no roots
    settings.IMPORT_ROOTS = [root]
    assert send(alice, root / "mine").status_code == 403
    strangers = (tmp_path / "instances.json", root / ".." / "instances.json", root / "out", root / "none")
    for path in (*strangers, root / "circle", root / "pipe", root / ("a" * 300)):
        assert send(staff, path).json()["error"]["fields"].keys() == {"path"}
    answer = send(staff, root / "mine")
    assert answer.status_code == 202
    run_next(KINDS["imports"], "w")
    assert start(answer.json())["result"]["annotations"] == 1


@pytest.mark.parametrize(
    "body", [{}, {"upload": str(uuid.uuid4()), "path": "/x"}, {"format": "none", "path": "/x"}]
)
def test_a_request_that_brings_nothing_is_refused(alice, project, body):
    answer = client_of(alice).post(f"/api/projects/{project.pk}/imports/", body, format="json")
    assert answer.status_code == 400


def test_a_format_that_cannot_be_read_is_refused(bring, alice, image):
    row = bring(a_document(["photo.png"], []), "a.json")
    for name in ("csv", "none"):
        answer = client_of(alice).patch(f"/api/imports/{row['id']}/", {"format": name}, format="json")
        assert (answer.status_code, list(answer.json()["error"]["fields"])) == (400, ["format"])


def test_an_upload_of_somebody_else_is_not_found(alice, staff, project):
    begun = partial_uploads.begin(project, alice, name="a.zip", size_bytes=1)
    address = f"/api/projects/{project.pk}/imports/"
    assert client_of(staff).post(address, {"upload": str(begun.pk)}, format="json").status_code == 404


def test_saving_many_takes_no_category_of_another_project(alice, image, category, bob):
    foreign = categories.create_category(projects.create_project(alice, name="Other"), name="cat")
    bodies = [annotation_body(category), annotation_body(foreign)]
    with pytest.raises(UnknownCategory):
        saving.create_many(image, [body | {"id": uuid.UUID(body["id"])} for body in bodies], author=bob)
    assert image.annotations.count() == 0


def test_saving_many_is_all_or_nothing(image, category, bob):
    good, bad = annotation_body(category), annotation_body(category, segmentation=rectangle_rle((5, 5)))
    with pytest.raises(Exception, match="5 x 5"):
        saving.create_many(image, [body | {"id": uuid.UUID(body["id"])} for body in (good, bad)], author=bob)
    assert image.annotations.count() == 0
