"""PNG masks, held against numpy, and in again."""

from __future__ import annotations

import contextlib
import io
import json
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from PIL import Image

from exporters.errors import InvalidRecord, UnreadableFile
from exporters.overlaps import without_overlaps
from exporters.records import CategoryRecord
from exporters.registry import recognised
from exporters.source import source_of
from tests.exporters.files import (
    damaged_files,
    files_in,
    masks_of_one_size,
    of_masks,
    picture,
    pixels,
    read_as,
    recognises,
    two_splits,
    zip_of,
)
from tests.exporters.world import annotation, dataset, masks, write_as

KINDS = ("semantic", "instance", "objects")
TABLE = '[{"id": 1, "name": "cat"}, {"id": 7, "name": "dog", "color": "#d55e00"}]'


def array(content: bytes) -> np.ndarray:
    return np.asarray(Image.open(io.BytesIO(content)))


def png(labels: np.ndarray) -> bytes:
    stream = io.BytesIO()
    Image.fromarray(labels).save(stream, "PNG")
    return stream.getvalue()


LABELS = np.zeros((10, 20), np.uint8)
LABELS[2:8, 2:8], LABELS[5:9, 12:18] = 1, 7


# --- our own files ---


@settings(deadline=None, max_examples=80)
@given(masks_of_one_size())
def test_one_picture_an_object_keeps_every_mask_bit_for_bit(shapes):
    written = of_masks(shapes)
    _, [read_image], report = read_as("png_masks", write_as("png_masks", written, kind="objects"))
    assert report.refusals == []
    assert read_image.annotations == next(iter(written.images)).annotations


@settings(deadline=None, max_examples=80)
@given(masks_of_one_size())
def test_pictures_of_objects_keep_every_pixel_that_is_to_be_seen(shapes):
    written = of_masks(shapes)
    _, [read_image], report = read_as("png_masks", write_as("png_masks", written, kind="instance"))
    assert report.refusals == []
    expected = without_overlaps(next(iter(written.images)).annotations, "newest")
    assert [(row.uuid, row.segmentation) for row in read_image.annotations] == [
        (row.uuid, row.segmentation) for row in expected
    ]


@settings(deadline=None, max_examples=80)
@given(masks_of_one_size())
def test_pictures_of_categories_keep_the_union(shapes):
    _, [read_image], report = read_as("png_masks", write_as("png_masks", of_masks(shapes), kind="semantic"))
    assert report.refusals == []
    [mask] = pixels(read_image)
    assert np.array_equal(mask, np.any(shapes, axis=0))


@pytest.mark.parametrize("with_pictures", [True, False])
@pytest.mark.parametrize("kind", KINDS)
def test_names_splits_categories_and_provenance_come_back(kind, with_pictures):
    written = two_splits()
    content = write_as("png_masks", written, kind=kind, include_images=with_pictures)
    records, read_images, report = read_as("png_masks", content)
    assert report.refusals == []
    assert records.categories == written.categories
    back = {each.file_name: each for each in read_images}
    for each in written.images:
        found = back.pop(each.file_name)
        assert (found.width, found.height, found.split) == (80, 60, each.split)
        assert (found.open().read() if with_pictures else found.open) == (
            each.open().read() if with_pictures else None
        )
        if kind == "semantic":
            assert [row.segmentation for row in found.annotations] == [
                row.segmentation for row in each.annotations
            ]
        else:
            assert [replace(row, id=0) for row in found.annotations] == [
                replace(row, id=0) for row in each.annotations
            ]
    assert not back
    assert list(records.images)[0].annotations == read_images[0].annotations


def test_the_pictures_are_what_numpy_makes():
    shapes = masks()
    files = {kind: files_in(write_as("png_masks", two_splits(), kind=kind)) for kind in KINDS}
    semantic = array(files["semantic"]["masks/train/a_cat.png"])
    assert semantic.dtype == np.uint8
    assert np.array_equal(semantic, shapes["two pieces"] * 1 + shapes["last pixel"] * 7)
    instance = array(files["instance"]["masks/train/a_cat.png"])
    assert instance.dtype == np.uint16 or instance.dtype == np.int32
    assert np.array_equal(instance, shapes["two pieces"] * 1 + shapes["last pixel"] * 2)
    assert b"\x10" == files["instance"]["masks/train/a_cat.png"][24:25]  # bits of a pixel in PNG's header
    rows = json.loads(files["instance"]["masks/train/a_cat.json"])["instances"]
    assert [(row["value"], row["category"]) for row in rows] == [(1, "person"), (2, "guide dog")]
    objects = files["objects"]
    assert np.array_equal(array(objects["masks/val/b/001_guide dog.png"]), shapes["ring"] * 255)
    assert {name for name in objects if name.startswith("masks/train/a_cat/")} == {
        "masks/train/a_cat/001_person.png",
        "masks/train/a_cat/002_guide dog.png",
        "masks/train/a_cat/objects.json",
    }


def test_categories_beyond_255_take_16_bits_and_beyond_65535_are_refused():
    def records(number: int):
        one = replace(annotation(1, masks()["disc"]), category_id=number)
        return replace(dataset([one]), categories=(CategoryRecord(number, "cat"),))

    files = files_in(write_as("png_masks", records(40_000), kind="semantic"))
    assert np.array_equal(array(files["masks/photo.png"]), masks()["disc"] * 40_000)
    _, [read_image], _ = read_as("png_masks", write_as("png_masks", records(40_000), kind="semantic"))
    assert [row.category_id for row in read_image.annotations] == [40_000]
    with pytest.raises(InvalidRecord, match="more than the 65535"):
        write_as("png_masks", records(65_536), kind="semantic")
    assert read_as("png_masks", write_as("png_masks", records(65_536)))[2].refusals == []


@pytest.mark.parametrize("overlap", ["later", "earlier", "smaller"])
def test_the_overlap_option_says_whose_a_pixel_is(overlap):
    shapes = masks()
    written = dataset([annotation(1, shapes["corner"]), annotation(2, shapes["disc"] | shapes["corner"])])
    labels = array(files_in(write_as("png_masks", written, overlap=overlap))["masks/photo.png"])
    assert labels[0, 0] == (2 if overlap == "later" else 1)


def test_categories_of_any_name_make_safe_files():
    names = ["../../etc", "a/b\\c", "con", "猫 🐈", "x" * 300, "cut \ud83d"]
    categories = tuple(CategoryRecord(number, name) for number, name in enumerate(names, 1))
    shapes = [replace(annotation(n, masks()["disc"]), category_id=n) for n in range(1, 7)]
    content = write_as("png_masks", replace(dataset(shapes), categories=categories), kind="objects")
    assert all(name.count("/") <= 2 and ".." not in name.split("/") for name in files_in(content))
    records, [read_image], report = read_as("png_masks", content)
    assert report.refusals == []
    assert [row.category_id for row in read_image.annotations] == [1, 2, 3, 4, 5, 6]
    assert [category.name for category in records.categories] == names


@pytest.mark.parametrize("kind", KINDS)
def test_the_same_dataset_gives_the_same_bytes_and_is_recognised(kind):
    content = write_as("png_masks", two_splits(), kind=kind)
    assert content == write_as("png_masks", two_splits(), kind=kind)
    assert recognised(source_of(io.BytesIO(content), "a.zip")) == "png_masks"


# --- what people make by hand ---


@pytest.mark.parametrize(
    ("name", "table"),
    [
        ("categories.json", TABLE),
        ("categories.json", '{"1": "cat", "7": "dog"}'),
        ("categories.json", json.dumps({"categories": json.loads(TABLE)})),
        ("labels.txt", "1 cat\n7 dog\n"),
        ("labels.txt", "1: cat\n7: dog"),
        ("labels.txt", "_background_\ncat\nb\nc\nd\ne\nf\ndog"),
        ("classes.txt", "cat\nb\nc\nd\ne\nf\ndog\n"),
    ],
)
def test_a_folder_of_masks_with_a_table_is_read(name, table):
    content = zip_of(
        {
            name: table,
            "data/masks/train/2020_cat.png": png(LABELS),
            "data/images/train/2020_cat.jpg": picture(20, 10, "JPEG"),
            "data/images/val/b.jpg": picture(20, 10, "JPEG"),
        }
    )
    assert recognises("png_masks", content)
    records, [first, second], report = read_as("png_masks", content)
    assert report.refusals == []
    titles = {category.id: category.name for category in records.categories}
    assert [titles[row.category_id] for row in first.annotations] == ["cat", "dog"]
    assert np.array_equal(pixels(first)[1], LABELS == 7)
    assert (first.file_name, first.split, second.file_name, second.split) == (
        "2020_cat.jpg",
        "train",
        "b.jpg",
        "val",
    )
    assert second.annotations == ()


@pytest.mark.parametrize("mode", ["I;16", "P"])
def test_numbers_may_have_any_depth(mode):
    made = Image.fromarray(LABELS.astype(np.uint16 if mode == "I;16" else np.uint8))
    if mode == "P":
        made.putpalette([5, 6, 7] * 256)
    stream = io.BytesIO()
    made.save(stream, "PNG")
    _, [read_image], report = read_as(
        "png_masks", zip_of({"categories.json": TABLE, "masks/a.png": stream.getvalue()})
    )
    assert report.refusals == []
    assert [row.area for row in read_image.annotations] == [36, 24]


def test_colours_are_read_where_the_categories_have_them():
    colours = np.zeros((10, 20, 3), np.uint8)
    colours[5:9, 12:18] = (0xD5, 0x5E, 0)
    colours[0, 0] = 1
    content = zip_of({"categories.json": TABLE, "masks/a.png": png(colours)})
    _, [read_image], report = read_as("png_masks", content)
    assert [(row.category_id, row.area) for row in read_image.annotations] == [(7, 24)]
    assert [refusal.message for refusal in report.refusals] == ["some pixels have a colour of no category"]


def test_one_file_an_object_needs_no_table():
    content = zip_of(
        {
            "masks/a/000_cat.png": png((LABELS == 1).astype(np.uint8) * 255),
            "masks/a/001_guide dog.png": png(LABELS == 7),
            "images/a.jpg": picture(20, 10, "JPEG"),
        }
    )
    records, [read_image], report = read_as("png_masks", content)
    assert report.refusals == []
    assert [category.name for category in records.categories] == ["cat", "guide dog"]
    assert [(row.category_id, row.area) for row in read_image.annotations] == [(1, 36), (2, 24)]
    assert recognises("png_masks", content)


# --- damage ---


def test_255_is_nobody_s_and_other_strangers_are_reported():
    labels = LABELS.copy()
    labels[0, :3], labels[9, :2] = 255, 9
    _, [read_image], report = read_as(
        "png_masks", zip_of({"categories.json": TABLE, "masks/a.png": png(labels)})
    )
    assert [row.category_id for row in read_image.annotations] == [1, 7]
    assert [(refusal.place, refusal.code) for refusal in report.refusals] == [
        ("masks/a.png: value 9", "category_unknown")
    ]


@pytest.mark.parametrize(
    ("files", "place", "code"),
    [
        ({"masks/a.png": b"no picture"}, "masks/a.png", "file_unreadable"),
        (
            {"masks/a.png": png(np.zeros((10, 20, 3), np.uint8)), "categories.json": '{"1": "cat"}'},
            "masks/a.png",
            "mask_has_colours",
        ),
        ({"masks/a.png": png(LABELS), "images/a.png": picture(30, 10)}, "masks/a.png", "mask_size_mismatch"),
        ({"masks/a.png": png(LABELS), "masks/a.json": "{"}, "masks/a.json", "file_unreadable"),
        (
            {
                "masks/a.png": png(LABELS // 7),
                "masks/a.json": '{"instances": [{"value": 2, "category_id": 1}]}',
            },
            "masks/a.png: value 1",
            "object_unknown",
        ),
        (
            {
                "masks/a.png": png(LABELS // 8),
                "masks/a.json": '{"instances": [{"value": 1, "category_id": 2}]}',
            },
            "masks/a.json: instances[0]",
            "category_unknown",
        ),
        (
            {"masks/a.png": png(LABELS // 8), "masks/a.json": '{"instances": [7]}'},
            "masks/a.json: instances[0]",
            "row_malformed",
        ),
        ({"masks/a/0_bird.png": png(LABELS)}, "masks/a/0_bird.png", "category_unknown"),
        ({"masks/a/0_cat.png": png(LABELS * 0)}, "masks/a/0_cat.png", "mask_empty"),
        ({"masks/a/objects.json": "{}"}, "a", "size_missing"),
        (
            {
                "masks/a.png": png(LABELS),
                "categories.json": '[{"id": 1, "name": "cat"}, {"id": 7, "name": "dog"}, {"id": 0, "name": "x"}]',
            },
            "categories.json: [2]",
            "category_malformed",
        ),
        (
            {
                "masks/a.png": png(LABELS),
                "categories.json": '[{"id": 1, "name": "cat"}, {"id": 7, "name": "dog"}, {"id": 7, "name": "x"}]',
            },
            "categories.json: [2]",
            "id_twice",
        ),
        (
            {
                "masks/a.png": png(LABELS),
                "images.csv": "file,name,width,height,split\nimages/a.png,a.png,-1,5,train\n",
            },
            "images.csv line 2",
            "row_malformed",
        ),
        (
            {"masks/a.png": png(LABELS), "images.csv": b"file,name,width,height,split\n\xff\xfe"},
            "images.csv",
            "list_unreadable",
        ),
    ],
)
def test_a_damaged_file_is_reported_by_its_place_and_the_others_are_read(files, place, code):
    content = zip_of(
        {"categories.json": TABLE, "masks/z.png": png(LABELS), "images/z.png": picture(20, 10)} | files
    )
    _, read_images, report = read_as("png_masks", content)
    assert read_images[-1].file_name == "z.png"
    assert (place, code) in [(refusal.place, refusal.code) for refusal in report.refusals]
    assert all(refusal.message for refusal in report.refusals)


@pytest.mark.parametrize(
    ("files", "says"),
    [
        ({"a.png": png(LABELS)}, "a folder called masks"),
        ({"masks/a.png": png(LABELS)}, "nothing says what the numbers mean: add a categories.json"),
        ({"masks/a.png": png(LABELS), "categories.json": "7"}, "must hold a list"),
        ({"masks/a.png": png(LABELS), "categories.json": "[1,\n2"}, "line 2, column 2: the file is not JSON"),
        ({"masks/a.png": png(LABELS), "categories.json": "[" * 100_000}, "not JSON"),
        ({"masks/a.png": png(LABELS), "categories.json": "[" + "9" * 5000 + "]"}, "not JSON"),
    ],
)
def test_a_dataset_of_another_kind_is_refused_as_a_whole(files, says):
    with pytest.raises(UnreadableFile, match=says):
        read_as("png_masks", zip_of(files))


def test_other_formats_are_not_taken_for_png_masks():
    for name in ("coco", "yolo_seg", "voc"):
        assert not recognises("png_masks", write_as(name, two_splits(), include_images=True))


def test_whatever_comes_is_read_refused_or_unreadable():
    for seed, kind in enumerate(KINDS):
        content = write_as("png_masks", two_splits(), kind=kind, include_images=True)
        for broken in damaged_files(content, seed=seed, times=80):
            with contextlib.suppress(UnreadableFile):
                read_as("png_masks", broken)
            recognises("png_masks", broken)


def test_a_record_that_would_make_the_file_wrong_is_refused():
    for wrong in ({"category_id": 9}, {"segmentation": {"size": [80, 60], "counts": "0"}}):
        with pytest.raises(InvalidRecord):
            write_as("png_masks", dataset([replace(annotation(1, masks()["corner"]), **wrong)]))
    with pytest.raises(InvalidRecord, match="no file"):
        write_as("png_masks", dataset([]), include_images=True)
