"""YOLO boxes out and in again, opened by supervision and datumaro."""

from __future__ import annotations

import io

import numpy as np
import pytest
from hypothesis import given, settings
from pycocotools import mask as coco_mask

from exporters.registry import recognised
from exporters.source import source_of
from tests.exporters.files import (
    files_in,
    masks_of_one_size,
    of_masks,
    picture,
    pixels,
    read_as,
    recognises,
    two_splits,
    unpacked,
    zip_of,
    zip_of_folder,
)
from tests.exporters.world import write_as
from tests.readers.ask import ask


@settings(deadline=None, max_examples=60)
@given(masks_of_one_size())
def test_every_box_comes_back_to_the_pixel(shapes):
    written = of_masks(shapes)
    _, [read_image], report = read_as("yolo_boxes", write_as("yolo_boxes", written))
    assert report.refusals == []
    expected = [record.bbox_xywh for record in next(iter(written.images)).annotations]
    assert [record.bbox_xywh for record in read_image.annotations] == expected
    assert all(record.is_box for record in read_image.annotations)
    for mask, (x, y, width, height) in zip(pixels(read_image), expected, strict=True):
        box = np.zeros(mask.shape, bool)
        box[int(y) : int(y + height), int(x) : int(x + width)] = True
        assert np.array_equal(mask, box)


def boxes_of(written) -> dict[str, list[list[float]]]:
    """By file name without folders: the boxes xywh of the masks."""
    return {
        each.file_name.replace("/", "_"): [
            coco_mask.toBbox(
                dict(record.segmentation, counts=record.segmentation["counts"].encode())
            ).tolist()
            for record in each.annotations
        ]
        for each in written.images
    }


def test_supervision_and_datumaro_read_what_was_written_and_write_what_is_read(tmp_path):
    written = two_splits()
    content = write_as("yolo_boxes", written, include_images=True)
    folder = unpacked(content, tmp_path / "ours")
    expected = boxes_of(written)

    told = ask("supervision_items", "yolo", folder, "train", tmp_path / "theirs")
    assert told["classes"] == ["person", "guide dog"]
    assert set(told["items"]) == {"a_cat.png", "empty.png"}
    for name, items in told["items"].items():
        boxes = [[x, y, right - x, bottom - y] for x, y, right, bottom in (item["xyxy"] for item in items)]
        assert np.allclose(boxes, expected[name], atol=0.01)
    _, read_images, report = read_as("yolo_boxes", zip_of_folder(tmp_path / "theirs"))
    assert report.refusals == []
    for each in read_images:
        assert [list(record.bbox_xywh) for record in each.annotations] == expected[each.file_name]

    told = ask("datumaro_items", "yolo", folder, "yolo", tmp_path / "darknet")
    assert told["categories"] == ["person", "guide dog"]
    found = {item: rows for item, rows in told["items"].items() if rows}
    assert set(found) == {"train/a_cat", "val/b"}
    for item, rows in found.items():
        name = item.partition("/")[2] + ".png"
        assert np.allclose([row["bbox"] for row in rows], expected[name], atol=0.01)
    assert [row["label"] for row in found["train/a_cat"]] == ["person", "guide dog"]
    darknet = zip_of_folder(tmp_path / "darknet")  # obj.names, obj_train_data/*.txt beside the pictures
    records, read_images, report = read_as("yolo_boxes", darknet)
    assert report.refusals == []
    assert [category.name for category in records.categories] == ["person", "guide dog"]
    assert sorted(len(each.annotations) for each in read_images) == [0, 1, 2]
    for each in read_images:
        boxes = [list(record.bbox_xywh) for record in each.annotations]
        assert boxes == expected[each.file_name.rpartition("/")[2]]
    assert recognises("yolo_boxes", darknet)


def test_rows_have_five_numbers_from_0_to_1():
    files = files_in(write_as("yolo_boxes", two_splits()))
    assert files["labels/train/a_cat.txt"].decode().splitlines() == [
        "0 0.4875 0.525 0.8 0.816667",
        "1 0.99375 0.991667 0.0125 0.016667",
    ]
    assert files["labels/train/empty.txt"] == b""


def test_recognised_are_boxes_and_not_outlines():
    ours = write_as("yolo_boxes", two_splits())
    assert recognised(source_of(io.BytesIO(ours), "a.zip")) == "yolo_boxes"
    assert not recognises("yolo_boxes", write_as("yolo_seg", two_splits()))
    assert not recognises("yolo_boxes", write_as("coco", two_splits(), include_images=True))


@pytest.mark.parametrize(
    ("row", "code"),
    [
        ("0 0.5 0.5 0.2", "polygon_malformed"),
        ("0 0.5 0.5 0.2 -0.2", "box_malformed"),
        ("0 120 80 40 30", "coordinates_outside"),
        ("9 0.5 0.5 0.2 0.2", "category_unknown"),
        ("0 0.5 0.5 0.2 O.2", "number_malformed"),
    ],
)
def test_a_damaged_row_is_reported_by_its_line(row, code):
    content = zip_of(
        {
            "classes.txt": "cat",
            "images/a.png": picture(20, 10),
            "labels/a.txt": f"0 0.5 0.5 0.2 0.2\r\n{row}\r\n",
        }
    )
    _, [read_image], report = read_as("yolo_boxes", content)
    assert len(read_image.annotations) == 1
    assert [(refusal.place, refusal.code) for refusal in report.refusals] == [("labels/a.txt line 2", code)]
