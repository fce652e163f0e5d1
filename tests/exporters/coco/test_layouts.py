"""COCO as Roboflow, VIA and COCO's own folders lay it out, in files made by hand."""

from __future__ import annotations

import io
import json

import numpy as np
import pytest

from exporters.errors import UnreadableFile
from exporters.fields import MAX_ID
from exporters.records import CategoryRecord
from exporters.registry import recognised
from exporters.source import source_of
from segmentation import rle
from tests.exporters.files import zip_of
from tests.exporters.pictures import png
from tests.exporters.reading_back import damage, read_bytes

SQUARE = [2, 2, 8, 2, 8, 8, 2, 8]  # 6 x 6 pixels
FRUITS = {"id": 0, "name": "fruits", "supercategory": "none"}
APPLE = {"id": 1, "name": "apple", "supercategory": "fruits"}
PEAR = {"id": 2, "name": "pear", "supercategory": "fruits"}


def file_with(
    annotations, categories=(FRUITS, APPLE, PEAR), images=({"id": 0, "file_name": "a.jpg"},), **more
) -> bytes:
    sizes = {"width": 20, "height": 10}
    rows = [sizes | each for each in images]
    return json.dumps(
        {
            "info": {},
            "licenses": [],
            "categories": list(categories),
            "images": rows,
            "annotations": annotations,
        }
        | more
    ).encode()


def row(number=0, **changes) -> dict:
    return {
        "id": number,
        "image_id": 0,
        "category_id": 1,
        "segmentation": [SQUARE],
        "bbox": [2, 2, 6, 6],
    } | changes


def roboflow(**files: bytes) -> bytes:
    layout = {f"{split}/_annotations.coco.json": content for split, content in files.items()}
    pictures = {f"{split}/a.jpg": png(20, 10, shade) for shade, split in enumerate(files)}
    return zip_of(layout | pictures | {"README.roboflow.txt": b""})


# --- Roboflow ---


def test_roboflow_s_folders_are_one_dataset_with_splits():
    content = roboflow(
        test=file_with(
            [row()], (FRUITS, PEAR | {"id": 1}, {"id": 2, "name": "plum", "supercategory": "fruits"})
        ),
        train=file_with([row(0), row(1, category_id=2)]),
        valid=file_with([row(5)]),
    )
    records, images, report = read_bytes("coco", content)
    assert report.refusals == []
    assert [(found.split, found.id) for found in images] == [("test", 1), ("train", 2), ("val", 3)]
    names = {category.id: category.name for category in records.categories}
    # The first of each file's categories only holds the others together.
    assert sorted(names.values()) == ["apple", "pear", "plum"] and len(names) == 3
    assert [[names[each.category_id] for each in found.annotations] for found in images] == [
        ["pear"],
        ["apple", "pear"],
        ["apple"],
    ]
    ids = [each.id for found in images for each in found.annotations]
    assert len(set(ids)) == 4 and min(ids) >= 1
    # Pictures of one name lie in each folder.
    assert [found.open().read() for found in images] == [png(20, 10, shade) for shade in range(3)]
    assert (records.image_count, records.annotation_count) == (3, 4)
    assert recognised(source_of(io.BytesIO(content), "a.zip")) == "coco"


def test_the_same_file_twice_gives_ids_of_their_own():
    one = file_with([row(3), row(4)], (APPLE,), [{"id": 1, "file_name": "a.jpg"}]).replace(
        b'"image_id": 0', b'"image_id": 1'
    )
    _, images, report = read_bytes("coco", roboflow(train=one, valid=one))
    assert report.refusals == []
    assert [found.id for found in images] == [1, 2]
    assert [each.id for found in images for each in found.annotations] == [3, 4, 5, 6]


def test_a_category_0_that_is_used_or_names_no_others_is_a_category():
    for categories, rows, expected in (
        ((FRUITS, APPLE), [row(category_id=0)], [(1, "fruits"), (2, "apple")]),
        ((FRUITS | {"name": "nuts"}, APPLE), [row()], [(1, "nuts"), (2, "apple")]),
        ((FRUITS, APPLE), [row()], [(1, "apple")]),
        ((FRUITS | {"supercategory": "fruits"},), [], [(1, "fruits")]),
    ):
        records, _, _ = read_bytes("coco", file_with(rows, categories))
        assert [(category.id, category.name) for category in records.categories] == expected


def test_damage_is_told_with_its_file():
    content = roboflow(
        train=file_with([row(0), row(1, category_id=9)]), valid=file_with([row(0, image_id=7)])
    )
    _, _, report = read_bytes("coco", content)
    assert {refusal.place: refusal.code for refusal in report.refusals} == {
        "train/_annotations.coco.json: annotations[1] (id 1)": "category_unknown",
        "valid/_annotations.coco.json: annotations[0] (id 0)": "image_unknown",
    }
    with pytest.raises(UnreadableFile, match=r"valid/_annotations\.coco\.json: line 1"):
        read_bytes("coco", roboflow(train=file_with([row(0)]), valid=b"{"))
    huge = [row(0), row(MAX_ID)]
    with pytest.raises(UnreadableFile, match="no room"):
        read_bytes("coco", roboflow(train=file_with(huge), valid=file_with(huge)))


def test_a_detector_s_file_has_boxes_alone():
    rows = [
        row(1, segmentation=[]),
        row(2, segmentation=None),
        row(3, segmentation=[], bbox=[1, 2, "x", 4]),
        row(4),
    ]
    del rows[1]["segmentation"]
    _, [found], report = read_bytes("coco", file_with(rows))
    assert [(each.area, each.is_box) for each in found.annotations] == [(36, True), (36, True), (36, False)]
    assert [(refusal.place, refusal.code) for refusal in report.refusals] == [
        ("annotations[2] (id 3)", "polygon_malformed")
    ]


# --- VIA ---


def test_via_s_ids_as_text_and_its_flat_outlines_are_read():
    content = file_with(
        [row("0", image_id="0", category_id="1", segmentation=SQUARE), row("1", image_id="x")],
        ({"id": "1", "name": "cat", "supercategory": "animal"},),
        [{"id": "0", "file_name": "a.jpg", "width": "20", "height": "10", "license": 0, "coco_url": ""}],
    )
    records, [found], report = read_bytes("coco", content)
    assert records.categories == (CategoryRecord(1, "cat", "animal"),)
    [record] = found.annotations
    expected = np.zeros((10, 20), bool)
    expected[2:8, 2:8] = True
    assert np.array_equal(rle.decode(record.segmentation), expected)
    assert [(refusal.place, refusal.code) for refusal in report.refusals] == [
        ("annotations[1] (id 1)", "image_unknown")
    ]


@pytest.mark.parametrize(
    "missing", [{"width": None, "height": None}, {"width": 0, "height": 0}, {"width": "", "height": ""}]
)
def test_the_size_is_the_picture_s_where_the_file_has_none(missing):
    images = [missing | {"id": 0, "file_name": "a.jpg"}, missing | {"id": 1, "file_name": "gone.jpg"}]
    broken = missing | {"id": 2, "file_name": "broken.jpg"}
    files = {
        "a.json": file_with([row()], images=[*images, broken]),
        "a.jpg": png(20, 10),
        "broken.jpg": b"no picture",
    }
    _, [found], report = read_bytes("coco", zip_of(files))
    assert (found.width, found.height, len(found.annotations)) == (20, 10, 1)
    assert [(refusal.place, refusal.code) for refusal in report.refusals] == [
        ("images[1] (id 1)", "size_malformed"),
        ("images[2] (id 2)", "size_malformed"),
    ]


# --- COCO's own folders, and others ---


@pytest.mark.parametrize(
    ("names", "splits"),
    [
        (["annotations/instances_train2017.json", "annotations/instances_val2017.json"], ["train", "val"]),
        (["annotations/test.json", "annotations/train.json"], ["test", "train"]),
        (["a/test/labels.json", "a/training/labels.json"], ["test", "train"]),
        (["validation.json"], ["val"]),
        (["contest.json"], [""]),
        (["result.json"], [""]),
    ],
)
def test_files_of_splits_are_known_by_their_names_and_folders(names, splits):
    others = {"annotations/captions_train2017.json": b'{"images": [], "annotations": [{"caption": "?"}]}'}
    files = {name: file_with([row()]) for name in names} | (others if len(names) > 1 else {})
    _, images, report = read_bytes("coco", zip_of(files))
    assert report.refusals == []
    assert [found.split for found in images] == splits
    assert [found.id for found in images] == list(range(1, len(names) + 1))


def test_an_image_does_not_get_the_picture_of_another_one_of_its_name():
    content = file_with(
        [row()], images=({"id": 0, "file_name": "a/1.jpg"}, {"id": 1, "file_name": "b/1.jpg"})
    )
    files = {"instances.json": content, "images/b/1.jpg": png(20, 10)}
    _, images, report = read_bytes("coco", zip_of(files))
    assert report.refusals == []
    assert [(found.file_name, found.open is not None) for found in images] == [
        ("a/1.jpg", False),
        ("b/1.jpg", True),
    ]


def test_documents_whose_names_say_nothing_are_all_read():
    files = {
        "about.json": b'{"licence": "CC0"}',
        "batch1.json": file_with([row()]),
        "batch2.json": file_with([row()], images=({"id": 0, "file_name": "b.jpg"},)),
    }
    assert recognised(source_of(io.BytesIO(zip_of(files)), "a.zip")) == "coco"
    _, images, report = read_bytes("coco", zip_of(files))
    assert report.refusals == []
    assert [(found.file_name, len(found.annotations)) for found in images] == [("a.jpg", 1), ("b.jpg", 1)]


def test_a_document_beside_those_whose_names_say_it_is_not_left_out_without_a_word():
    files = {
        "annotations/instances_train.json": file_with([row()]),
        "annotations/captions_train.json": file_with([]),
        "more.json": file_with([row()], images=({"id": 0, "file_name": "b.jpg"},)),
        "settings.json": b"{}",
    }
    _, images, report = read_bytes("coco", zip_of(files))
    assert [found.file_name for found in images] == ["a.jpg"]
    assert [(each.place, each.code) for each in report.refusals] == [("more.json", "file_not_read")]


def test_damaged_files_are_unreadable_or_their_entries_refused_and_never_anything_else():
    one = file_with([row("0", segmentation=SQUARE), row(1, segmentation=[])])
    damage("coco", [one, roboflow(train=one, valid=one)])
