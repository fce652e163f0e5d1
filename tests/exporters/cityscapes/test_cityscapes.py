"""Cityscapes out and in again, opened by datumaro."""

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
from segmentation import rle
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
    unpacked,
    zip_of,
    zip_of_folder,
)
from tests.exporters.world import annotation, dataset, image, masks, write_as
from tests.readers.ask import ask

OWN_NAMES = "gtFine/train/aachen/aachen_000000_000019_gtFine"


def array(content: bytes) -> np.ndarray:
    return np.asarray(Image.open(io.BytesIO(content))).astype(int)


def png(labels: np.ndarray) -> bytes:
    stream = io.BytesIO()
    Image.fromarray(labels).save(stream, "PNG")
    return stream.getvalue()


def document(*objects: object, **more: object) -> str:
    return json.dumps({"imgHeight": 10, "imgWidth": 20, "objects": objects} | more)


def shape(label: object = "car", polygon: object = ([2, 2], [8, 2], [8, 8], [2, 8]), **more: object) -> dict:
    return {"label": label, "polygon": polygon} | more


def of_cityscapes():
    """A road below a person and a car, with the names of Cityscapes."""
    shapes = masks()
    categories = (CategoryRecord(1, "road"), CategoryRecord(2, "person"), CategoryRecord(3, "car"))
    annotations = [
        replace(annotation(n, shapes[name]), category_id=category)
        for n, (name, category) in enumerate((("full", 1), ("ring", 2), ("corner", 3), ("last pixel", 3)), 1)
    ]
    one = replace(image(1, "aachen_000000_000019_leftImg8bit.png"), split="train")
    return replace(dataset(annotations, [one]), categories=categories)


# --- our own files ---


@settings(deadline=None, max_examples=80)
@given(masks_of_one_size())
def test_masks_come_back_bit_for_bit_but_for_what_others_hide(shapes):
    written = of_masks(shapes)
    content = write_as("cityscapes", written, tolerance="0")
    _, [read_image], report = read_as("cityscapes", content)
    assert report.refusals == []
    expected = without_overlaps(next(iter(written.images)).annotations, "newest")
    found = {(row.uuid, row.segmentation["counts"]) for row in read_image.annotations}
    assert found == {(row.uuid, row.segmentation["counts"]) for row in expected}
    # The polygons alone say the same.
    files = {name: data for name, data in files_in(content).items() if not name.endswith(".png")}
    _, [of_polygons], report = read_as("cityscapes", zip_of(files))
    assert report.refusals == []
    assert {(row.uuid, row.segmentation["counts"]) for row in of_polygons.annotations} == found


@pytest.mark.parametrize("overlap", ["later", "earlier", "smaller"])
def test_polygons_are_in_the_order_in_which_they_are_to_be_painted(overlap):
    shapes = masks()
    written = dataset(
        [annotation(1, shapes["disc"]), annotation(2, shapes["full"]), annotation(3, shapes["ring"])]
    )
    content = write_as("cityscapes", written, tolerance="0", overlap=overlap)
    _, [by_pixels], _ = read_as("cityscapes", content)
    files = {name: data for name, data in files_in(content).items() if not name.endswith(".png")}
    _, [by_polygons], _ = read_as("cityscapes", zip_of(files))
    assert {(row.uuid, row.area) for row in by_pixels.annotations} == {
        (row.uuid, row.area) for row in by_polygons.annotations
    }


@pytest.mark.parametrize("with_pictures", [True, False])
def test_names_splits_categories_and_provenance_come_back(with_pictures):
    written = two_splits()
    content = write_as("cityscapes", written, include_images=with_pictures)
    records, read_images, report = read_as("cityscapes", content)
    assert report.refusals == []
    assert records.categories == tuple(
        replace(category, id=number) for number, category in enumerate(written.categories, 1)
    )
    back = {each.file_name: each for each in read_images}
    for each in written.images:
        found = back.pop(each.file_name)
        assert (found.width, found.height, found.split) == (80, 60, each.split)
        assert (found.open is not None) == with_pictures
        told = [replace(row, id=0, category_id=0) for row in found.annotations]
        assert told == [replace(row, id=0, category_id=0) for row in each.annotations]
    assert not back
    assert list(records.images)[0].annotations == read_images[0].annotations


def test_cityscapes_own_categories_have_its_numbers_and_its_stuff_is_one_region():
    files = files_in(write_as("cityscapes", of_cityscapes()))
    assert {name for name in files if name.endswith(".png")} == {
        f"{OWN_NAMES}_{kind}.png" for kind in ("labelIds", "labelTrainIds", "instanceIds", "color")
    }
    assert "label_colors.txt" not in files
    shapes = masks()
    labels = np.full((60, 80), 7)
    labels[shapes["ring"]] = 24
    labels[shapes["corner"] | shapes["last pixel"]] = 26
    assert np.array_equal(array(files[f"{OWN_NAMES}_labelIds.png"]), labels)
    instances = np.where(labels == 7, 7, labels * 1000)
    instances[-1, -1] = 26_001
    assert np.array_equal(array(files[f"{OWN_NAMES}_instanceIds.png"]), instances)
    trained = np.select([labels == 7, labels == 24, labels == 26], [0, 11, 13])
    assert np.array_equal(array(files[f"{OWN_NAMES}_labelTrainIds.png"]), trained)
    assert array(files[f"{OWN_NAMES}_color.png"])[0, 0].tolist() == [0, 0, 142]
    records, [read_image], report = read_as("cityscapes", write_as("cityscapes", of_cityscapes()))
    assert report.refusals == []
    titles = {category.id: category.name for category in records.categories}
    assert len(titles) == 34 and titles[33] == "bicycle"
    assert [titles[row.category_id] for row in read_image.annotations] == ["road", "person", "car", "car"]
    assert read_image.file_name == "aachen_000000_000019_leftImg8bit.png"


def test_a_dataset_that_came_with_license_plates_keeps_cityscapes_numbers():
    """The reader gives all 34 categories, so that every real dataset has this one."""
    plate = replace(annotation(5, masks()["one pixel"]), category_id=34)
    records = of_cityscapes()
    (only,) = records.images
    records = replace(
        records,
        categories=(*records.categories, CategoryRecord(id=34, name="license plate")),
        images=(replace(only, annotations=(*only.annotations, plate)),),
    )
    content = write_as("cityscapes", records)
    files = files_in(content)
    assert "label_colors.txt" not in files
    assert set(np.unique(array(files[f"{OWN_NAMES}_labelTrainIds.png"]))) == {0, 11, 13, 255}
    assert set(np.unique(array(files[f"{OWN_NAMES}_labelIds.png"]))) == {7, 24, 26, 255}
    back, [read_image], report = read_as("cityscapes", content)
    titles = {category.id: category.name for category in back.categories}
    assert report.refusals == []
    assert [titles[row.category_id] for row in read_image.annotations] == [
        "road",
        "license plate",
        "person",
        "car",
        "car",
    ]


def test_pictures_that_differ_by_the_ending_alone_are_told_apart():
    images = [image(1, "x_leftImg8bit.png"), image(2, "x.png"), image(3, "b/x.png")]
    files = files_in(write_as("cityscapes", dataset([], images)))
    assert {name for name in files if name.endswith("_color.png")} == {
        "gtFine/train/all/x_gtFine_color.png",
        "gtFine/train/all/x-2_gtFine_color.png",
        "gtFine/train/b/b_x_gtFine_color.png",
    }
    assert {
        each.file_name for each in read_as("cityscapes", write_as("cityscapes", dataset([], images)))[1]
    } == {
        "x_leftImg8bit.png",
        "x.png",
        "b/x.png",
    }


def test_the_same_dataset_gives_the_same_bytes_and_is_recognised():
    content = write_as("cityscapes", two_splits())
    assert content == write_as("cityscapes", two_splits())
    assert recognised(source_of(io.BytesIO(content), "a.zip")) == "cityscapes"
    for name in ("coco", "yolo_seg", "voc", "png_masks"):
        assert not recognises("cityscapes", write_as(name, two_splits(), include_images=True))


@pytest.mark.parametrize(
    ("records", "says"),
    [
        (dataset([annotation(n, masks()["corner"]) for n in range(1, 1002)]), "more than 1000 objects"),
        (
            replace(dataset([]), categories=tuple(CategoryRecord(n, str(n)) for n in range(1, 66))),
            "65 categories",
        ),
        (dataset([replace(annotation(1, masks()["corner"]), category_id=9)]), "category 9"),
    ],
)
def test_what_the_format_cannot_count_is_refused(records, says):
    with pytest.raises(InvalidRecord, match=says):
        write_as("cityscapes", records)


# --- the independent reader ---


def test_datumaro_reads_what_was_written_and_writes_what_is_read(tmp_path):
    written = two_splits()
    folder = unpacked(write_as("cityscapes", written, include_images=True), tmp_path / "ours")
    told = ask("datumaro_items", "cityscapes", folder, "cityscapes", tmp_path / "theirs")
    assert told["categories"] == ["unlabeled", "person", "guide_dog"]
    found = {item: [(row["label"], row["rle"]) for row in rows] for item, rows in told["items"].items()}
    shapes = {name: rle.encode(mask) for name, mask in masks().items()}
    assert found == {
        "train/a/a_cat": [("person", shapes["two pieces"]), ("guide_dog", shapes["last pixel"])],
        "train/all/empty": [],
        "val/all/b": [("guide_dog", shapes["ring"])],
    }
    records, read_images, report = read_as("cityscapes", zip_of_folder(tmp_path / "theirs"))
    assert report.refusals == []
    titles = {category.id: category.name for category in records.categories}
    assert {
        (each.split, each.file_name, titles[row.category_id], row.segmentation["counts"])
        for each in read_images
        for row in each.annotations
    } == {
        ("train", "a_cat_leftImg8bit.png", "person", shapes["two pieces"]["counts"]),
        ("train", "a_cat_leftImg8bit.png", "guide_dog", shapes["last pixel"]["counts"]),
        ("val", "b_leftImg8bit.png", "guide_dog", shapes["ring"]["counts"]),
    }
    assert len(read_images) == 3


# --- files in the wild ---


def test_cityscapes_files_are_read_with_its_labels():
    instances = np.full((10, 20), 7, np.uint16)
    instances[2:8, 2:8], instances[5:9, 12:18], instances[0] = 26_000, 26_001, 0
    instances[9, 0], instances[9, 1] = 65_535, 1
    content = zip_of(
        {
            f"{OWN_NAMES}_instanceIds.png": png(instances),
            f"{OWN_NAMES}_polygons.json": document(),
            "leftImg8bit/train/aachen/aachen_000000_000019_leftImg8bit.png": picture(20, 10),
            "leftImg8bit/test/bonn/bonn_000000_000019_leftImg8bit.png": picture(20, 10),
            "gtCoarse/train_extra/ulm/ulm_0_0_gtCoarse_labelIds.png": png(
                (instances // 1000 % 65).astype(np.uint8)
            ),
        }
    )
    records, read_images, report = read_as("cityscapes", content)
    assert report.refusals == []
    titles = {category.id: category.name for category in records.categories}
    told = {
        each.file_name: (each.split, [(titles[row.category_id], row.area) for row in each.annotations])
        for each in read_images
    }
    assert told == {
        "aachen_000000_000019_leftImg8bit.png": (
            "train",
            [("ego vehicle", 1), ("road", 118), ("car", 36), ("car", 24), ("license plate", 1)],
        ),
        "bonn_000000_000019_leftImg8bit.png": ("test", []),
        "ulm_0_0_leftImg8bit.png": ("", [("car", 60)]),
    }


def test_polygons_alone_are_painted_one_over_the_other():
    content = zip_of(
        {
            f"{OWN_NAMES}_polygons.json": document(
                shape("road", [[0, 0], [20, 0], [20, 10], [0, 10]]),
                shape("cargroup"),
                shape("person", [[4, 4], [6, 4], [6, 6], [4, 6]]),
                shape("person", deleted=1),
                shape("unlabeled"),
            )
        }
    )
    _, [read_image], report = read_as("cityscapes", content)
    assert report.refusals == []
    assert [(row.category_id, row.area) for row in read_image.annotations] == [(7, 164), (26, 32), (24, 4)]
    assert not np.any(np.sum(pixels(read_image), axis=0) > 1)


@pytest.mark.parametrize(
    "colours", ["0 0 0 void\n1 2 3 cat\n4 5 6 guide dog", "# r g b\nvoid\n\ncat\nguide dog\n"]
)
def test_a_label_table_says_the_numbers(colours):
    labels = np.zeros((10, 20), np.uint8)
    labels[2:8, 2:8] = 2
    content = zip_of({"label_colors.txt": colours, f"{OWN_NAMES}_labelIds.png": png(labels)})
    records, [read_image], report = read_as("cityscapes", content)
    assert report.refusals == []
    assert [(category.id, category.name) for category in records.categories] == [(1, "cat"), (2, "guide dog")]
    assert [(row.category_id, row.area) for row in read_image.annotations] == [(2, 36)]


# --- damage ---


@pytest.mark.parametrize(
    ("damaged", "code"),
    [
        (7, "object_malformed"),
        (shape("unicorn"), "category_unknown"),
        (shape(None), "category_unknown"),
        (shape(["car"]), "category_unknown"),
        (shape(polygon=None), "polygon_malformed"),
        (shape(polygon=[1, 2, 3]), "polygon_malformed"),
        (shape(polygon=[[1, 2], [3, 4]]), "polygon_malformed"),
        (shape(polygon=[[1, 2], [3, "4"], [5, 6]]), "polygon_malformed"),
        (shape(polygon=[[1, 2], [3, float("nan")], [5, 6]]), "polygon_malformed"),
        (shape(polygon=[[1, 2], [3, 10**400], [5, 6]]), "polygon_malformed"),
        (shape(polygon=[[1, 2], [3, 1e8], [5, 6]]), "polygon_malformed"),
        (shape(polygon=[[1, 2], [1, 2], [1, 2]]), "mask_empty"),
    ],
)
def test_a_damaged_object_is_reported_by_its_place_and_the_others_are_read(damaged, code):
    name = f"{OWN_NAMES}_polygons.json"
    far = shape("person", [[12, 2], [15, 2], [15, 5], [12, 5]], instance=[])
    _, [read_image], report = read_as("cityscapes", zip_of({name: document(shape(), damaged, far)}))
    assert [row.id for row in read_image.annotations] == [1, 2]
    assert [(refusal.place, refusal.code) for refusal in report.refusals] == [(f"{name}: objects[1]", code)]


@pytest.mark.parametrize(
    ("kind", "content", "code"),
    [
        ("polygons.json", "{", "file_unreadable"),
        ("polygons.json", b"\xff\xfe", "file_unreadable"),
        ("polygons.json", "[" * 100_000, "file_unreadable"),
        ("polygons.json", "[]", "document_malformed"),
        ("polygons.json", '{"objects": []}', "size_missing"),
        ("polygons.json", document(imgHeight=10**9), "size_malformed"),
        ("polygons.json", document(imgHeight=10**4000), "size_malformed"),
        ("instanceIds.png", b"no picture", "file_unreadable"),
        ("labelIds.png", b"", "file_unreadable"),
        ("labelIds.png", png(np.zeros((10, 20, 3), np.uint8)), "mask_has_colours"),
    ],
)
def test_a_damaged_file_is_reported_and_the_others_are_read(kind, content, code):
    files = {
        f"{OWN_NAMES}_{kind}": content,
        "gtFine/val/z/z_gtFine_polygons.json": document(shape()),
    }
    _, read_images, report = read_as("cityscapes", zip_of(files))
    assert read_images[-1].file_name == "z_leftImg8bit.png" and len(read_images[-1].annotations) == 1
    assert (f"{OWN_NAMES}_{kind}", code) in [(refusal.place, refusal.code) for refusal in report.refusals]


def test_pixels_of_another_size_and_of_no_label_are_reported():
    labels = np.full((10, 20), 99, np.uint8)
    files = {
        f"{OWN_NAMES}_labelIds.png": png(labels),
        f"{OWN_NAMES}_polygons.json": document(),
        "gtFine/val/z/z_gtFine_labelIds.png": png(labels[:5]),
        "gtFine/val/z/z_gtFine_polygons.json": document(),
        "label_colors.txt": "0 0 0 void\n999 0 0 cat\n",
    }
    _, _, report = read_as("cityscapes", zip_of(files))
    assert [(refusal.place, refusal.code) for refusal in report.refusals] == [
        ("label_colors.txt line 2", "category_malformed"),
        (f"{OWN_NAMES}_labelIds.png: value 99", "category_unknown"),
        ("gtFine/val/z/z_gtFine_labelIds.png", "mask_size_mismatch"),
    ]


def test_a_dataset_of_another_kind_is_refused_as_a_whole():
    with pytest.raises(UnreadableFile, match="there is no"):
        read_as("cityscapes", zip_of({"a.png": picture(3, 3)}))


def test_whatever_comes_is_read_refused_or_unreadable():
    content = write_as("cityscapes", two_splits(), include_images=True)
    documents = {name: data for name, data in files_in(content).items() if not name.endswith(".png")}
    for seed, sound in enumerate((content, zip_of(documents))):
        for broken in damaged_files(sound, seed=seed, times=120):
            with contextlib.suppress(UnreadableFile):
                read_as("cityscapes", broken)
            recognises("cityscapes", broken)
