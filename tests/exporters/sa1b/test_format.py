"""SA-1B's files: written and read back, read by pycocotools and datumaro, and damaged."""

from __future__ import annotations

import datetime as dt
import io
import json
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from pycocotools import mask as coco_mask

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
    records = FORMATS["sa1b"].read(source_of(io.BytesIO(content), "sa_1.json"), report)
    return records, list(records.images), report


def two_parts() -> DatasetRecord:
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
        replace(image(9, "empty.jpg")),
        replace(image(1, "a/cat.jpg"), annotations=(ring, noise), split="train"),
        replace(image(2, "a/cat.png"), annotations=(annotation(3, shapes["disc"]),), split="val"),
    )
    person = replace(PERSON, color="", supercategory="")
    return DatasetRecord("", categories=(person, DOG), images=images, image_count=3, annotation_count=3)


@given(sets_of_masks())
@settings(max_examples=50, deadline=None)
def test_masks_come_back_bit_for_bit(shapes):
    height, width = shapes[0].shape
    written = dataset(annotations_of(shapes), [replace(image(), height=height, width=width)])
    _, [back], report = read(write_as("sa1b", written))
    assert report.refusals == []
    assert back.annotations == next(iter(written.images)).annotations


def test_everything_that_is_written_comes_back():
    written = two_parts()
    written = replace(written, images=tuple(replace(each, open=picture) for each in written.images))
    content = write_as("sa1b", written, include_images=True)
    assert content == write_as("sa1b", written, include_images=True)
    assert recognised(source_of(io.BytesIO(content), "a.zip")) == "sa1b"
    records, back, report = read(content)
    assert report.refusals == []
    assert replace(records, images=()) == replace(written, images=())
    assert [each.open().read() for each in back] == [picture().getvalue()] * 3
    assert [replace(each, open=None) for each in back] == [
        replace(each, open=None) for each in written.images
    ]


def test_pycocotools_decodes_the_masks_and_points_are_those_of_the_foreground():
    files = files_in(write_as("sa1b", two_parts()))
    assert set(files) == {"empty.json", "train/a/cat.json", "val/a/cat-2.json"}
    document = json.loads(files["train/a/cat.json"])
    assert document["image"] == {"image_id": 1, "width": 80, "height": 60, "file_name": "a/cat.jpg"}
    ring, noise = document["annotations"]
    assert np.array_equal(coco_mask.decode(ring["segmentation"]).astype(bool), masks()["ring"])
    assert np.array_equal(coco_mask.decode(noise["segmentation"]).astype(bool), masks()["noise"])
    assert (ring["area"], ring["bbox"]) == (int(masks()["ring"].sum()), [20, 10, 41, 41])
    assert (ring["point_coords"], ring["crop_box"]) == ([[1.5, 2]], [0, 0, 80, 60])
    assert (ring["predicted_iou"], noise.get("predicted_iou"), noise["category"]) == (0.875, None, "dog")


def test_datumaro_reads_what_is_written_and_writes_what_is_read(tmp_path):
    shapes = masks()
    written = dataset(
        [annotation(1, shapes["ring"]), annotation(2, shapes["two pieces"])], [replace(image(), open=picture)]
    )
    folder = unpacked(write_as("sa1b", written, include_images=True), tmp_path / "ours")
    told = ask("datumaro_items", "segment_anything", folder, tmp_path / "theirs")
    [(name, found)] = told["items"].items()
    assert name == "default/photo"
    found_masks = [each["rle"]["counts"] for each in found if each["type"] == "mask"]
    counts = [record.segmentation["counts"] for record in next(iter(written.images)).annotations]
    assert found_masks == counts
    assert [each["bbox"] for each in found if each["type"] == "bbox"] == [
        list(record.bbox_xywh) for record in next(iter(written.images)).annotations
    ]
    _, [back], report = read(zip_of_folder(tmp_path / "theirs"))
    assert report.refusals == []
    assert [record.segmentation["counts"] for record in back.annotations] == counts
    assert back.open


def one_file(annotations: list, **image_changes) -> bytes:
    about = {"image_id": 5, "width": 20, "height": 10, "file_name": "sa_5.jpg"} | image_changes
    return json.dumps({"image": about, "annotations": annotations}).encode()


def row(**changes) -> dict:
    return {"id": 535, "segmentation": rle.encode(np.eye(10, 20, dtype=bool))} | changes


def test_a_file_of_meta_s_has_no_categories_and_its_point_is_a_prompt():
    content = one_file(
        [
            row(
                bbox=[0, 0, 1, 1],
                area=1,
                predicted_iou=0.9,
                point_coords=[[3.0, 4.5]],
                crop_box=[0, 0, 20, 10],
            )
        ]
    )
    assert recognised(source_of(io.BytesIO(content), "sa_5.json")) == "sa1b"
    records, [back], report = read(content)
    assert report.refusals == []
    assert [category.name for category in records.categories] == ["object"]
    [record] = back.annotations
    assert (record.area, record.bbox_xywh, record.predicted_iou) == (10, (0, 0, 10, 10), 0.9)
    assert record.prompt == {"point_coords": [[3.0, 4.5]], "point_labels": [1]}
    assert (back.id, back.file_name, back.open) == (5, "sa_5.jpg", None)


@pytest.mark.parametrize(
    ("damaged", "code"),
    [
        (7, "annotation_malformed"),
        (row(segmentation=None), "rle_not_an_object"),
        (row(segmentation={"size": [20, 10], "counts": "T6"}), "rle_size_mismatch"),
        (row(segmentation={"size": [10, 20], "counts": [200]}), "mask_empty"),
        (row(segmentation=[[1, 1, 5, 5]]), "polygon_malformed"),
        (row(predicted_iou=float("nan")), "figure_malformed"),
        (row(stability_score=10**400), "figure_malformed"),
    ],
)
def test_a_damaged_annotation_is_reported_and_the_others_are_read(damaged, code):
    _, [back], report = read(one_file([row(), damaged, row()]))
    assert len(back.annotations) == 2
    assert [(each.place, each.code) for each in report.refusals] == [("sa_1.json: annotations[1]", code)]


@pytest.mark.parametrize(
    ("content", "code", "says"),
    [
        (b"", "json_malformed", "line 1, column 1"),
        (b'{"image":\n}', "json_malformed", "line 2, column 1"),
        (b'\xff{"image": 1}', "file_unreadable", "byte 0 is not UTF-8"),
        (b"[" * 100_000, "json_malformed", "JSON"),
        (b"9" * 5000, "json_malformed", "4300"),
        (b"[]", "not_an_image", "no object 'image'"),
        (one_file([], file_name=""), "file_name_missing", "file_name"),
        (one_file([], width=0), "size_malformed", "width 0"),
        (one_file([], height=float("nan")), "size_malformed", "nan"),
        (one_file([], height=10**9), "size_malformed", "height"),
    ],
)
def test_a_damaged_file_is_reported_and_the_others_are_read(content, code, says):
    _, [back], report = read(zip_of({"a.json": content, "b.json": one_file([row()])}))
    assert (back.file_name, len(back.annotations)) == ("sa_5.jpg", 1)
    [refusal] = report.refusals
    assert (refusal.place, refusal.code) == ("a.json", code)
    assert says in refusal.message
    with pytest.raises(UnreadableFile, match="no file has one image"):
        read(content)


def test_two_images_of_one_id_get_two():
    _, back, _ = read(zip_of({"a.json": one_file([row()]), "b.json": one_file([row()], file_name="b.jpg")}))
    assert [each.id for each in back] == [5, 1]
    assert [record.id for each in back for record in each.annotations] == [1, 2]


def test_whatever_comes_is_refused_in_a_sentence():
    content = write_as("sa1b", two_parts())
    read_damaged(content, read)
    members_damaged(content, read, 60)
    assert read(content)[2].refusals == []


def test_wrong_records_are_refused():
    for wrong, says in (
        ([replace(annotation(1, masks()["disc"]), category_id=9)], "category 9"),
        ([annotation(1, np.ones((2, 2), bool))], "height, width"),
    ):
        with pytest.raises(InvalidRecord, match=says):
            write_as("sa1b", dataset(wrong))
    with pytest.raises(InvalidRecord, match="no file"):
        write_as("sa1b", dataset([]), include_images=True)
