"""Pascal VOC out and in again, opened by datumaro and supervision."""

from __future__ import annotations

import contextlib
import datetime as dt
import io
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from PIL import Image

from exporters.colour_map import PALETTE
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
    unpacked,
    zip_of,
    zip_of_folder,
)
from tests.exporters.world import annotation, dataset, masks, write_as
from tests.readers.ask import ask


def xml(*objects: str, size: str = "<width>20</width><height>10</height>", name: str = "a.png") -> str:
    return f"<annotation><filename>{name}</filename><size>{size}</size>{''.join(objects)}</annotation>"


def box(name: str = "cat", values: tuple = (3, 3, 8, 8), more: str = "") -> str:
    sides = "".join(
        f"<{side}>{value}</{side}>"
        for side, value in zip(("xmin", "ymin", "xmax", "ymax"), values, strict=True)
    )
    return f"<object><name>{name}</name><bndbox>{sides}</bndbox>{more}</object>"


def indexed(labels: np.ndarray) -> bytes:
    made = Image.fromarray(labels.astype(np.uint8))
    made.putpalette([value for colour in PALETTE for value in colour])
    stream = io.BytesIO()
    made.save(stream, "PNG")
    return stream.getvalue()


# --- our own files ---


@settings(deadline=None, max_examples=100)
@given(masks_of_one_size())
def test_masks_come_back_bit_for_bit_but_for_what_others_hide(shapes):
    written = of_masks(shapes)
    _, [read_image], report = read_as("voc", write_as("voc", written))
    assert report.refusals == []
    expected = {
        record.uuid: record for record in without_overlaps(next(iter(written.images)).annotations, "newest")
    }
    assert len(read_image.annotations) == len(shapes)
    for record in read_image.annotations:
        if record.uuid in expected:
            assert record.segmentation == expected[record.uuid].segmentation
            assert not record.is_box
        else:
            assert record.is_box  # nothing of it is to be seen


def test_all_that_the_format_can_say_comes_back():
    first = replace(
        annotation(1, masks()["ring"]),
        name="Old <tower> & \x01",
        author="alice",
        bundle_digest="ab" * 32,
        prompt={"point_coords": [[1.5, 2.0]], "point_labels": [1]},
        created_at=dt.datetime(2025, 1, 2, 3, 4, 5, tzinfo=dt.UTC),
    )
    written = two_splits()
    images = list(written.images)
    images[0] = replace(images[0], annotations=(first,))
    written = replace(written, images=tuple(images))
    records, read_images, report = read_as("voc", write_as("voc", written, include_images=True))
    assert report.refusals == []
    assert [category.name for category in records.categories] == ["person", "guide dog"]
    back = {each.file_name: each for each in read_images}
    assert back["a/cat.png"].annotations == (replace(first, name="Old <tower> & \ufffd"),)
    assert {name: (each.split, each.width, each.height) for name, each in back.items()} == {
        "a/cat.png": ("train", 80, 60),
        "b.png": ("val", 80, 60),
        "empty.png": ("train", 80, 60),
    }
    assert all(each.open().read() == picture(80, 60) for each in read_images)
    assert list(records.images)[0].annotations == read_images[0].annotations


def test_the_files_are_those_of_voc2012():
    files = files_in(write_as("voc", two_splits(), include_images=True))
    assert sorted(files) == sorted(
        [
            *(f"Annotations/{stem}.xml" for stem in ("a_cat", "b", "empty")),
            *(f"SegmentationClass/{stem}.png" for stem in ("a_cat", "b", "empty")),
            *(f"SegmentationObject/{stem}.png" for stem in ("a_cat", "b", "empty")),
            *(f"JPEGImages/{stem}.png" for stem in ("a_cat", "b", "empty")),
            *(
                f"ImageSets/{task}/{split}.txt"
                for task in ("Main", "Segmentation")
                for split in ("train", "val")
            ),
            "labelmap.txt",
            "images.csv",
        ]
    )
    assert files["ImageSets/Main/train.txt"] == b"a_cat\nempty\n"
    objects = Image.open(io.BytesIO(files["SegmentationObject/a_cat.png"]))
    assert objects.mode == "P"
    assert np.array_equal(np.asarray(objects), masks()["two pieces"] + 2 * masks()["last pixel"])
    classes = Image.open(io.BytesIO(files["SegmentationClass/b.png"]))
    assert np.array_equal(np.asarray(classes), 2 * masks()["ring"])
    assert classes.getpalette()[:9] == [0, 0, 0, 128, 0, 0, 0, 128, 0]  # as the development kit colours them
    assert b"<xmin>80</xmin><ymin>60</ymin><xmax>80</xmax><ymax>60</ymax>" in files["Annotations/a_cat.xml"]


def test_boxes_alone_have_no_masks():
    content = write_as("voc", two_splits(), content="boxes")
    assert not any("Segmentation" in name for name in files_in(content))
    _, read_images, report = read_as("voc", content)
    assert report.refusals == []
    boxes = [record.bbox_xywh for each in read_images for record in each.annotations]
    assert boxes == [record.bbox_xywh for each in two_splits().images for record in each.annotations]


def test_classes_of_one_name_and_odd_names_are_told_apart():
    names = ["cat", "cat", "background", "a:b", "# x", "\n", "a  b"]
    categories = tuple(CategoryRecord(number, name) for number, name in enumerate(names, 1))
    records = replace(dataset([annotation(1, masks()["disc"])]), categories=categories)
    read_records, _, report = read_as("voc", write_as("voc", records))
    assert report.refusals == []
    assert [category.name for category in read_records.categories] == [
        "cat",
        "cat-2",
        "background-3",
        "a_b",
        "x",
        "class 6",
        "a b",
    ]


@pytest.mark.parametrize(
    ("records", "says"),
    [
        (dataset([annotation(number, masks()["corner"]) for number in range(1, 256)]), "255 objects"),
        (
            replace(dataset([]), categories=tuple(CategoryRecord(n, str(n)) for n in range(1, 256))),
            "255 categories",
        ),
        (dataset([replace(annotation(1, masks()["corner"]), category_id=9)]), "category 9"),
    ],
)
def test_what_the_format_cannot_count_is_refused(records, says):
    with pytest.raises(InvalidRecord, match=says):
        write_as("voc", records)


def test_the_same_dataset_gives_the_same_bytes():
    assert write_as("voc", two_splits()) == write_as("voc", two_splits())


# --- independent readers ---


def test_datumaro_reads_masks_boxes_and_provenance_and_writes_what_is_read(tmp_path):
    written = two_splits()
    folder = unpacked(write_as("voc", written, include_images=True), tmp_path / "ours")
    told = ask("datumaro_items", "voc", folder, "voc", tmp_path / "theirs")
    assert told["categories"] == ["background", "person", "guide dog"]
    assert set(told["items"]) == {"train/a_cat", "train/empty", "val/b"}
    for item, name in (("train/a_cat", "a/cat.png"), ("val/b", "b.png")):
        [image] = [each for each in written.images if each.file_name == name]
        found = told["items"][item]
        masks_found = [each["rle"] for each in found if each["type"] == "mask"]
        assert masks_found == [record.segmentation for record in image.annotations]
        boxes = [each for each in found if each["type"] == "bbox"]
        # Its own zero-based reading: xmin as it stands, and xmax - xmin.
        for each, record in zip(boxes, image.annotations, strict=True):
            x, y, width, height = record.bbox_xywh
            assert each["bbox"] == [x + 1, y + 1, width - 1, height - 1]
            assert each["attributes"]["uuid"] == record.uuid
    assert told["items"]["train/a_cat"][0]["attributes"]["author"] == "alice"

    records, read_images, report = read_as("voc", zip_of_folder(tmp_path / "theirs"))
    assert report.refusals == []
    assert [category.name for category in records.categories] == ["person", "guide dog"]
    back = {each.file_name: each for each in read_images}
    assert {name: each.split for name, each in back.items()} == {
        "a_cat.png": "train",
        "b.png": "val",
        "empty.png": "train",
    }
    found = [record.segmentation for name in ("a_cat.png", "b.png") for record in back[name].annotations]
    assert found == [record.segmentation for each in written.images for record in each.annotations]


def test_supervision_reads_boxes_and_writes_outlines_that_are_read(tmp_path):
    written = two_splits()
    folder = unpacked(write_as("voc", written, include_images=True), tmp_path / "ours")
    told = ask("supervision_items", "voc", folder, "", tmp_path / "theirs")
    expected = {
        each.file_name.replace("/", "_"): [list(record.bbox_xywh) for record in each.annotations]
        for each in written.images
    }
    found = {
        name: [[x, y, right - x, bottom - y] for x, y, right, bottom in (item["xyxy"] for item in items)]
        for name, items in told["items"].items()
    }
    assert found == expected
    records, read_images, report = read_as("voc", zip_of_folder(tmp_path / "theirs"))
    assert report.refusals == []
    assert {
        each.file_name: [list(row.bbox_xywh) for row in each.annotations] for each in read_images
    } == expected
    assert {category.name for category in records.categories} == {"person", "guide dog"}


# --- layouts in the wild ---


def test_voc2012_without_a_labelmap_has_voc_s_own_classes_and_its_border_is_nobody_s():
    labels, objects = np.zeros((10, 20), int), np.zeros((10, 20), int)
    labels[2:8, 2:8], objects[2:8, 2:8] = 8, 1
    labels[5:9, 12:18], objects[5:9, 12:18] = 15, 2
    labels[2:8, 8], objects[2:8, 8] = 255, 255
    content = zip_of(
        {
            "VOC2012/Annotations/a.xml": xml(box("cat"), box("person", (13, 6, 18, 9))),
            "VOC2012/SegmentationClass/a.png": indexed(labels),
            "VOC2012/SegmentationObject/a.png": indexed(objects),
            "VOC2012/ImageSets/Segmentation/val.txt": "a\n",
            "VOC2012/ImageSets/Main/cat_train.txt": "a -1\n",
            "VOC2012/JPEGImages/a.png": picture(20, 10),
        }
    )
    records, [read_image], report = read_as("voc", content)
    assert report.refusals == []
    assert [category.name for category in records.categories][7:8] == ["cat"]
    assert [record.category_id for record in read_image.annotations] == [8, 15]
    assert np.array_equal(pixels(read_image)[0], labels == 8)
    assert np.array_equal(pixels(read_image)[1], labels == 15)
    assert read_image.split == "val" and read_image.open is not None
    assert recognises("voc", content)


@pytest.mark.parametrize("mode", ["P", "RGB", "L"])
def test_masks_may_be_numbers_or_colours(mode):
    labels = np.zeros((10, 20), int)
    labels[2:8, 2:8], labels[5:9, 12:18] = 1, 2
    made = Image.open(io.BytesIO(indexed(labels)))
    stream = io.BytesIO()
    (Image.fromarray(labels.astype(np.uint8)) if mode == "L" else made.convert(mode)).save(stream, "PNG")
    content = zip_of(
        {
            "labelmap.txt": "# label:color\nbackground:0,0,0::\ncat:128,0,0::\ndog:0,128,0::\n",
            "Annotations/a.xml": xml(),
            "SegmentationClass/a.png": stream.getvalue(),
            "SegmentationObject/a.png": stream.getvalue(),
        }
    )
    _, [read_image], report = read_as("voc", content)
    assert report.refusals == []
    assert [record.category_id for record in read_image.annotations] == [1, 2]
    assert [int(mask.sum()) for mask in pixels(read_image)] == [36, 24]


def test_class_masks_alone_are_one_mask_a_class_or_its_one_object_s():
    labels = np.zeros((10, 20), int)
    labels[2:8, 2:8], labels[5:9, 12:18] = 8, 15
    content = zip_of(
        {
            "SegmentationClass/a.png": indexed(labels),
            "Annotations/a.xml": xml(box("cat", more="<attributes/>")),
            "SegmentationClass/b.png": indexed(labels),
        }
    )
    _, [first, second], report = read_as("voc", content)
    assert report.refusals == []
    for each in (first, second):
        assert [(record.category_id, record.is_box, record.area) for record in each.annotations] == [
            (8, False, 36),
            (15, False, 24),
        ]


def test_roboflow_s_folders_and_outlines_are_read():
    outline = (
        "<polygon><x1>3</x1><y1>3</y1><x2>9</x2><y2>3</y2><x3>9</x3><y3>9</y3><x4>3</x4><y4>9</y4></polygon>"
    )
    content = zip_of(
        {
            "train/a.png": picture(20, 10),
            "train/a.xml": xml(box("cat", more=outline)),
            "valid/b.png": picture(20, 10),
            "valid/b.xml": xml(box("dog", (9, 9, 1, 1)), name="b.png", size="<width>0</width>"),
        }
    )
    records, [first, second], report = read_as("voc", content)
    assert report.refusals == []
    assert [category.name for category in records.categories] == ["cat", "dog"]
    assert (first.split, second.split) == ("train", "val")
    expected = np.zeros((10, 20), bool)
    expected[2:8, 2:8] = True
    assert np.array_equal(pixels(first)[0], expected)
    [record] = second.annotations  # corners the wrong way round
    assert (record.bbox_xywh, record.is_box) == ((0, 0, 9, 9), True)


# --- damage ---


@pytest.mark.parametrize(
    ("damaged", "code"),
    [
        (box("unicorn"), "category_unknown"),
        ("<object><bndbox/></object>", "category_unknown"),
        ("<object><name>cat</name></object>", "number_malformed"),
        (box(values=("nan", 3, 8, 8)), "number_malformed"),
        (box(values=("9" * 5000, 3, 8, 8)), "number_malformed"),
        (box(values=("1e400", 3, 8, 8)), "number_malformed"),
        (box(values=(50, 3, 80, 8)), "box_outside"),
        (box(more="<polygon><x1>3</x1></polygon>"), "polygon_malformed"),
        (box(more="<polygon><x1>3</x1><y1>3</y1><x2>5</x2><y2>5</y2></polygon>"), "polygon_malformed"),
        (box(more="<polygon/>"), "polygon_malformed"),
    ],
)
def test_a_damaged_object_is_reported_by_its_place_and_the_others_are_read(damaged, code):
    content = zip_of(
        {"labelmap.txt": "cat:::\n", "Annotations/a.xml": xml(box(), damaged, box(values=(1, 1, 2, 2)))}
    )
    _, [read_image], report = read_as("voc", content)
    refused = [(refusal.place, refusal.code) for refusal in report.refusals]
    assert [record.id for record in read_image.annotations] == [1, 2]
    assert refused == [("Annotations/a.xml: object 2", code)]


BOMB = '<!DOCTYPE a [<!ENTITY b "bbbb">]>' + xml(box("&b;"))


@pytest.mark.parametrize(
    ("document", "says"),
    [
        ("<annotation>\n<object>", "a.xml line 2, column 9: the file is not XML"),
        (BOMB, "declares a document type"),
        ("", "not XML"),
        (b"\xff\xfe", "not UTF-8"),
        ("<annotation>" * 50_000, "not XML"),
        ("<html/>", "its root is <html>"),
        (xml(box(), size=""), "neither a <size> nor a picture"),
        (xml(box(), size="<width>99999999</width><height>99999999</height>"), "too many"),
    ],
)
def test_a_damaged_document_is_reported_and_the_others_are_read(document, says):
    content = zip_of({"Annotations/a.xml": document, "Annotations/b.xml": xml(box(), name="b.png")})
    _, [read_image], report = read_as("voc", content)
    assert read_image.file_name == "b.png" and len(read_image.annotations) == 1
    [refusal] = report.refusals
    assert refusal.place == "Annotations/a.xml" and says in refusal.message


@pytest.mark.parametrize(
    ("classes", "code"),
    [(b"no picture", "picture_unreadable"), (indexed(np.zeros((3, 4))), "mask_size_mismatch")],
)
def test_masks_that_do_not_fit_are_reported_and_the_boxes_are_read(classes, code):
    content = zip_of({"Annotations/a.xml": xml(box()), "SegmentationClass/a.png": classes})
    _, [read_image], report = read_as("voc", content)
    assert [record.is_box for record in read_image.annotations] == [True]
    assert [(refusal.place, refusal.code) for refusal in report.refusals] == [
        ("SegmentationClass/a.png", code)
    ]


def test_a_colour_of_no_class_and_a_broken_labelmap_are_reported():
    labels = np.zeros((10, 20), int)
    labels[2:8, 2:8] = 77
    content = zip_of(
        {
            "labelmap.txt": "cat:1,2::\ncat:128,0,0::\ncat:0,1,0::\n",
            "Annotations/a.xml": xml(),
            "SegmentationClass/a.png": indexed(labels),
        }
    )
    _, [read_image], report = read_as("voc", content)
    assert read_image.annotations == ()
    assert [(refusal.place, refusal.code) for refusal in report.refusals] == [
        ("labelmap.txt line 1", "class_malformed"),
        ("labelmap.txt line 3", "class_malformed"),
        ("SegmentationClass/a.png", "category_unknown"),
    ]


def test_other_files_are_not_taken_for_voc_and_cannot_be_read_as_it():
    ours = write_as("voc", two_splits())
    assert recognised(source_of(io.BytesIO(ours), "a.zip")) == "voc"
    for other in (
        write_as("coco", two_splits(), include_images=True),
        write_as("yolo_boxes", two_splits(), include_images=True),
        zip_of({"annotations.xml": "<annotations><image/><size></size></annotations>"}),
        zip_of({"a.xml": "<annotation><imagesize/><object><polygon><pt><x>1</x></pt></polygon></object>"}),
    ):
        assert not recognises("voc", other)
    with pytest.raises(UnreadableFile, match="there is no Annotations"):
        read_as("voc", zip_of({"a.txt": "?"}))


def test_whatever_comes_is_read_refused_or_unreadable():
    content = write_as("voc", two_splits(), include_images=True)
    for broken in damaged_files(content, seed=3, times=150):
        with contextlib.suppress(UnreadableFile):
            read_as("voc", broken)
        recognises("voc", broken)


def test_what_annotations_have_no_room_for_is_said_once_each():
    one = (
        "<object><name>cat</name><difficult>1</difficult><truncated>0</truncated><occluded>1</occluded>"
        "<bndbox><xmin>1</xmin><ymin>1</ymin><xmax>5</xmax><ymax>5</ymax></bndbox></object>"
    )
    size = "<size><width>20</width><height>10</height><depth>3</depth></size>"
    content = zip_of(
        {"Annotations/a.xml": f"<annotation><filename>a.jpg</filename>{size}{2 * one}</annotation>"}
    )
    _, [found], report = read_as("voc", content)
    assert len(found.annotations) == 2
    assert [(each.place, each.code) for each in report.refusals] == [
        ("difficult", "attribute"),
        ("occluded", "attribute"),
    ]
