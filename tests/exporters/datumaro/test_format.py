"""Datumaro's own format: written and read back, by datumaro too, and damaged."""

from __future__ import annotations

import datetime as dt
import io
import json
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings

from exporters.errors import InvalidRecord, UnreadableFile
from exporters.reading import ReadReport
from exporters.records import CategoryRecord, DatasetRecord, ImageRecord
from exporters.registry import FORMATS, recognised
from exporters.source import source_of
from segmentation import rle
from tests.exporters.files import files_in, unpacked, zip_of, zip_of_folder
from tests.exporters.packing import members_damaged, picture, read_damaged
from tests.exporters.shapes import annotations_of, sets_of_masks
from tests.exporters.world import PERSON, annotation, dataset, image, masks, write_as
from tests.readers.ask import ask

DOG = CategoryRecord(7, "dog")


def read(content: bytes) -> tuple[DatasetRecord, list[ImageRecord], ReadReport]:
    report = ReadReport()
    records = FORMATS["datumaro"].read(source_of(io.BytesIO(content), "default.json"), report)
    return records, list(records.images), report


def three_parts() -> DatasetRecord:
    shapes = masks()
    ring = replace(
        annotation(1, shapes["ring"]),
        author="alice",
        name="Old tower",
        created_at=dt.datetime(2026, 1, 2, tzinfo=dt.UTC),
        bundle_digest="ab" * 32,
        prompt={"point_coords": [[1.5, 2], [3, 4]], "point_labels": [1, 0]},
    )
    noise = replace(annotation(2, shapes["noise"]), category_id=7, predicted_iou=None)
    images = (
        replace(image(9, "empty.jpg"), digest="cd" * 32, created_at=dt.datetime(2025, 1, 2, 3)),
        replace(image(1, "a/cat.jpg"), annotations=(ring, noise), split="train"),
        replace(image(2, "a/cat.png"), annotations=(annotation(3, shapes["disc"]),), split="train"),
        replace(image(3, "dog.png"), split="val"),
    )
    return DatasetRecord(
        "Gölden",
        description="Two lines\nof text",
        created_at=dt.datetime(2025, 1, 2, 3, 4, 5, tzinfo=dt.UTC),
        categories=(PERSON, DOG),
        images=images,
        image_count=4,
        annotation_count=3,
    )


@given(sets_of_masks())
@settings(max_examples=50, deadline=None)
def test_masks_come_back_bit_for_bit(shapes):
    height, width = shapes[0].shape
    written = dataset(annotations_of(shapes), [replace(image(), height=height, width=width)])
    _, [back], report = read(write_as("datumaro", written))
    assert report.refusals == []
    assert back.annotations == next(iter(written.images)).annotations


def test_everything_that_is_written_comes_back():
    written = three_parts()
    written = replace(written, images=tuple(replace(each, open=picture) for each in written.images))
    content = write_as("datumaro", written, include_images=True)
    assert content == write_as("datumaro", written, include_images=True)
    assert recognised(source_of(io.BytesIO(content), "a.zip")) == "datumaro"
    records, back, report = read(content)
    assert report.refusals == []
    assert replace(records, images=()) == replace(written, images=())
    assert [each.open().read() for each in back] == [picture().getvalue()] * 4
    assert [replace(each, open=None) for each in back] == [
        replace(each, open=None) for each in written.images
    ]
    assert list(files_in(content))[:3] == [f"annotations/{part}.json" for part in ("default", "train", "val")]


def test_one_document_alone_is_read_too():
    content = files_in(write_as("datumaro", three_parts()))["annotations/train.json"]
    assert recognised(source_of(io.BytesIO(content), "train.json")) == "datumaro"
    _, back, report = read(content)
    assert (len(back), report.refusals) == (2, [])


def test_datumaro_reads_what_is_written_and_writes_what_is_read(tmp_path):
    written = three_parts()
    written = replace(written, images=tuple(replace(each, open=picture) for each in written.images))
    folder = unpacked(write_as("datumaro", written, include_images=True), tmp_path / "ours")
    told = ask("datumaro_items", "datumaro", folder, tmp_path / "theirs")
    assert told["categories"] == ["person", "dog"]
    assert set(told["items"]) == {"default/empty", "train/a/cat", "train/a/cat-2", "val/dog"}
    names = {1: "person", 7: "dog"}
    theirs = [
        (found["label"], found["rle"]["counts"], found["attributes"]["uuid"])
        for name in ("train/a/cat", "train/a/cat-2")
        for found in told["items"][name]
    ]
    records = [record for each in written.images for record in each.annotations]
    assert theirs == [
        (names[record.category_id], record.segmentation["counts"], record.uuid) for record in records
    ]
    # And datumaro's own copy of it.
    back_records, back, report = read(zip_of_folder(tmp_path / "theirs"))
    assert report.refusals == []
    assert back_records.categories == written.categories
    assert (
        sorted((record for each in back for record in each.annotations), key=lambda each: each.uuid)
        == records
    )
    assert all(each.open for each in back)


def one_file(annotations: list, **changes) -> bytes:
    item: dict = {
        "id": "a",
        "annotations": annotations,
        "image": {"path": "a.jpg", "size": [10, 20]},
    } | changes
    labels = [{"name": "cat", "parent": ""}, {"name": "dog", "parent": ""}]
    return json.dumps({"categories": {"label": {"labels": labels}}, "items": [item]}).encode()


def row(kind: str = "polygon", **changes) -> dict:
    shapes = {
        "mask": {"rle": rle.encode(np.eye(10, 20, dtype=bool))},
        "polygon": {"points": [2, 2, 8, 2, 8, 8, 2, 8]},
        "bbox": {"bbox": [1, 2, 4, 5]},
    }
    return {"id": 0, "type": kind, "label_id": 0, "group": 0} | shapes.get(kind, {}) | changes


def test_polygons_and_boxes_are_read():
    _, [back], report = read(one_file([row("polygon"), row("bbox", label_id=1), row("mask")]))
    assert report.refusals == []
    polygon, box, mask = back.annotations
    assert (polygon.area, polygon.bbox_xywh, polygon.is_box) == (36, (2, 2, 6, 6), False)
    assert (box.area, box.bbox_xywh, box.is_box, box.category_id) == (20, (1, 2, 4, 5), True, 2)
    assert np.array_equal(rle.decode(mask.segmentation), np.eye(10, 20, dtype=bool))


def test_a_group_of_one_label_is_one_instance():
    parts = [
        row("bbox", group=3),
        row("polygon", group=3),
        row("polygon", group=3, points=[10, 0, 14, 0, 14, 4, 10, 4]),
        row("polygon", group=3, label_id=1),
        row("polygon"),
        row("polygon"),
    ]
    _, [back], report = read(one_file(parts))
    assert report.refusals == []
    assert [(record.category_id, record.area, record.is_box) for record in back.annotations] == [
        (1, 36 + 16, False),
        (2, 36, False),
        (1, 36, False),
        (1, 36, False),
    ]


def test_a_size_that_is_not_told_is_the_picture_s():
    content = one_file([row("bbox")], image={"path": "a.png"})
    pictured = {"annotations/default.json": content, "images/default/a.png": picture(30, 20).getvalue()}
    _, [back], report = read(zip_of(pictured))
    assert (back.width, back.height, report.refusals) == (30, 20, [])
    _, images, report = read(content)
    assert (images, [refusal.code for refusal in report.refusals]) == ([], ["size_malformed"])


@pytest.mark.parametrize(
    ("damaged", "code"),
    [
        (7, "annotation_malformed"),
        (row("points"), "type_unknown"),
        (row(type=[]), "type_unknown"),
        (row(label_id=2), "category_unknown"),
        (row(label_id=-1), "category_unknown"),
        (row(label_id=None), "category_unknown"),
        (row(points=[1, 1, 5, 5]), "polygon_malformed"),
        (row(points=None), "polygon_malformed"),
        (row(points=[1, 1, 5, float("nan"), 3, 3]), "polygon_malformed"),
        (row(points=[1, 1, 5, 10**400, 3, 3]), "polygon_malformed"),
        (row("bbox", bbox=[1, 2, 3]), "polygon_malformed"),
        (row("bbox", bbox=[1, 2, float("inf"), 3]), "polygon_malformed"),
        (row("bbox", bbox=[1, 2, 0, 0]), "mask_empty"),
        (row("bbox", bbox=[1, 2, "x", 0]), "polygon_malformed"),
        (row("mask", rle=None), "rle_not_an_object"),
        (row("mask", rle={"size": [20, 10], "counts": "T6"}), "rle_size_mismatch"),
        (row(attributes={"predicted_iou": "good"}), "figure_malformed"),
    ],
)
def test_a_damaged_annotation_is_reported_and_the_others_are_read(damaged, code):
    _, [back], report = read(one_file([row(), damaged, row()]))
    assert [record.id for record in back.annotations] == [1, 2]
    [refusal] = report.refusals
    assert (refusal.code, refusal.place) == (code, "default.json: items[0]: annotations[1]")


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"image": {"path": "a.jpg", "size": [10]}}, "size_malformed"),
        ({"image": {"path": "a.jpg", "size": [10, -1]}}, "size_malformed"),
        ({"image": 5, "id": None}, "file_name_missing"),
    ],
)
def test_a_damaged_item_is_reported(changes, code):
    _, images, report = read(one_file([row()], **changes))
    assert images == []
    assert [refusal.code for refusal in report.refusals] == [code]


def test_an_item_without_a_list_is_reported():
    content = one_file([]).replace(b'"annotations": []', b'"annotations": 3')
    _, images, report = read(content)
    assert (images, [refusal.place for refusal in report.refusals]) == ([], ["default.json: items[0]"])


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"", "no .json file with Datumaro"),
        (b'{"a": 1}', "no .json file with Datumaro"),
        (b'{"dm_format_version": "1.0", "items": {}}', "default.json: the file has no list 'items'"),
        (b'{"dm_format_version": "1.0",\n "items": [}', "default.json: line 2, column 12"),
    ],
)
def test_a_file_of_another_kind_is_refused_as_a_whole(content, says):
    with pytest.raises(UnreadableFile, match=says):
        read(content)


def test_labels_without_a_name_cost_their_annotations_alone():
    content = one_file([row(), row(label_id=1)]).replace(b'"cat"', b"5")
    records, [back], report = read(content)
    assert [category.name for category in records.categories] == ["dog"]
    assert [record.category_id for record in back.annotations] == [2]
    assert [refusal.code for refusal in report.refusals] == ["name_missing", "category_unknown"]


def test_whatever_comes_is_refused_in_a_sentence():
    content = write_as("datumaro", three_parts())
    read_damaged(content, read)
    members_damaged(content, read, 80)
    read_damaged(one_file([row(), row("bbox"), row("mask")]), read)


def test_wrong_records_are_refused():
    for wrong, says in (
        ([replace(annotation(1, masks()["disc"]), category_id=9)], "category 9"),
        ([annotation(1, np.ones((2, 2), bool))], "height, width"),
    ):
        with pytest.raises(InvalidRecord, match=says):
            write_as("datumaro", dataset(wrong))
    with pytest.raises(InvalidRecord, match="no file"):
        write_as("datumaro", dataset([]), include_images=True)
