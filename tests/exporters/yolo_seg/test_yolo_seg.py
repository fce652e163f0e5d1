"""YOLO segmentation out and in again, and opened by supervision."""

from __future__ import annotations

import contextlib
import io
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from exporters.errors import InvalidRecord, UnreadableFile
from exporters.polygons import iou
from exporters.registry import recognised
from exporters.source import source_of
from segmentation import rle
from tests.exporters.files import (
    MASKS,
    damaged,
    damaged_files,
    files_in,
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

NAMES = "names: [cat, dog]\n"
SQUARE = "0 0.1 0.2 0.4 0.2 0.4 0.8 0.1 0.8"  # of 20 x 10 pixels: x 2..8, y 2..8


# Each line stands for ten times the values of the line before.
ENDLESS = "a0: &a0 [cat]\n" + "".join(
    f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]\n" for n in range(1, 10)
)
ENDLESS += "names: [*a9]"


def labels(*rows: str, name: str = "data.yaml", content: str = NAMES) -> bytes:
    return zip_of(
        {
            name: content,
            "images/train/a.png": picture(20, 10),
            "labels/train/a.txt": "\n".join(rows),
        }
    )


@settings(deadline=None, max_examples=60)
@given(MASKS)
def test_exact_outlines_give_the_mask_back_but_for_bridges(mask):
    content = write_as("yolo_seg", of_masks([mask]), tolerance="0", include_images=True)
    _, [read_image], report = read_as("yolo_seg", content)
    assert report.refusals == []
    [back] = pixels(read_image)
    # A bridge has no width, but pycocotools' rule for which pixel lies inside may take some of those that it crosses.
    assert (mask & ~back).sum() == 0
    assert (back & ~mask).sum() <= 0.25 * mask.size


@settings(deadline=None, max_examples=60)
@given(
    MASKS,
    st.sampled_from(["0", "0.5", "2"]),
    st.sampled_from(["one", "own"]),
    st.sampled_from(["cut", "fill"]),
)
def test_every_row_is_one_that_ultralytics_takes(mask, tolerance, parts, holes):
    content = write_as("yolo_seg", of_masks([mask]), tolerance=tolerance, parts=parts, holes=holes)
    rows = files_in(content)["labels/train/photo.txt"].decode().splitlines()
    assert rows
    for row in rows:
        values = [float(value) for value in row.split()]
        # ultralytics/data/utils.py, verify_image_label: a class, and three corners or more, all from 0 to 1.
        assert len(values) >= 7 and len(values) % 2 == 1
        assert values[0] == 0 and all(0 <= value <= 1 for value in values)


@settings(deadline=None, max_examples=60)
@given(MASKS)
def test_parts_as_objects_of_their_own_cover_the_mask_bit_for_bit(mask):
    content = write_as("yolo_seg", of_masks([mask]), tolerance="0", parts="own", include_images=True)
    _, [read_image], report = read_as("yolo_seg", content)
    assert report.refusals == []
    assert np.array_equal(np.any(pixels(read_image), axis=0), mask)


@pytest.mark.parametrize(
    "name", ["disc", "ring", "two pieces", "full", "corner", "row", "column", "last pixel"]
)
@pytest.mark.parametrize("tolerance", ["0", "0.5", "1"])
def test_one_row_is_one_object_and_near_the_mask(name, tolerance):
    mask = masks()[name]
    content = write_as("yolo_seg", of_masks([mask]), tolerance=tolerance, include_images=True)
    _, [read_image], _ = read_as("yolo_seg", content)
    [record] = read_image.annotations
    # An outline of a line of one pixel that may be a pixel off can be half of it.
    at_least = {"0": 0.99, "0.5": 0.97, "1": 0.49 if name in ("row", "column") else 0.9}
    assert iou(record.segmentation, rle.encode(mask)) > at_least[tolerance]


def test_supervision_reads_what_was_written_and_writes_what_is_read(tmp_path):
    written = two_splits()
    content = write_as("yolo_seg", written, tolerance="0", include_images=True)
    folder = unpacked(content, tmp_path / "ours")
    told = ask("supervision_items", "yolo_seg", folder, "train", tmp_path / "theirs")
    assert told["classes"] == ["person", "guide dog"]
    assert set(told["items"]) == {"a_cat.png", "empty.png"} and told["items"]["empty.png"] == []
    found = {item["class"]: item for item in told["items"]["a_cat.png"]}
    assert set(found) == {"person", "guide dog"}
    # OpenCV draws the outline itself too, and so the bridge: the mask comes back a pixel fatter on the right and below.
    assert iou(found["person"]["rle"], rle.encode(masks()["two pieces"])) > 0.8
    records, read_images, report = read_as("yolo_seg", zip_of_folder(tmp_path / "theirs"))
    assert report.refusals == []
    assert [category.name for category in records.categories] == ["person", "guide dog"]
    [theirs] = [each for each in read_images if each.annotations]
    assert theirs.split == "train" and theirs.file_name == "a_cat.png"
    both = np.any(pixels(theirs), axis=0)
    assert iou(rle.encode(both), rle.encode(masks()["two pieces"] | masks()["last pixel"])) > 0.75


@pytest.mark.parametrize("with_pictures", [True, False])
def test_names_splits_sizes_and_categories_come_back(with_pictures):
    written = two_splits()
    content = write_as("yolo_seg", written, include_images=with_pictures)
    records, read_images, report = read_as("yolo_seg", content)
    assert report.refusals == []
    assert [(category.id, category.name) for category in records.categories] == [
        (1, "person"),
        (2, "guide dog"),
    ]
    told = {
        each.file_name: (each.width, each.height, each.split, each.open is not None) for each in read_images
    }
    assert told == {each.file_name: (80, 60, each.split, with_pictures) for each in written.images}
    ids = [record.id for each in read_images for record in each.annotations]
    assert sorted(ids) == [1, 2, 3]
    again = list(records.images)  # gone through a second time, nothing else comes
    assert [replace(each, open=None) for each in again] == [replace(each, open=None) for each in read_images]


def test_the_same_dataset_gives_the_same_bytes():
    assert write_as("yolo_seg", two_splits()) == write_as("yolo_seg", two_splits())


def test_data_yaml_says_every_name_and_the_parts_that_ultralytics_asks_for():
    names = ["no", '"quoted" \\ #', "a\nb\x7f\x85", "猫 🐈", "cut \ud83d", " 7"]
    records = two_splits()
    categories = tuple(replace(records.categories[0], id=n, name=name) for n, name in enumerate(names, 1))
    records = replace(records, categories=categories, images=(), name="x\ny: [")
    document = files_in(write_as("yolo_seg", records))["data.yaml"].decode()
    content = yaml.safe_load(document)
    assert list(content["names"].values()) == [name.replace("\ud83d", "\ufffd") for name in names]
    assert list(content["names"]) == list(range(6))
    assert {"train", "val"} <= set(content)


def test_ultralytics_finds_the_pictures_from_whatever_folder_it_is_run_in(tmp_path, monkeypatch):
    """By the rule of its check_det_dataset: `path`, against the folder one stands in, else the file's own folder."""
    content = write_as("yolo_seg", two_splits(), include_images=True)
    folder = unpacked(content, tmp_path / "ours")
    monkeypatch.chdir(tmp_path)
    document = yaml.safe_load((folder / "data.yaml").read_text())
    root = Path(document.get("path") or folder)
    assert all((root / document[part]).is_dir() for part in ("train", "val"))


def test_names_that_would_meet_are_told_apart_by_number():
    pictures = [
        replace(two_splits().images[0], id=number, file_name=name, annotations=())
        for number, name in ((1, "a/b.png"), (2, "a_b.jpg"), (3, "A_B.png"))
    ]
    content = write_as("yolo_seg", dataset([], pictures), include_images=True)
    assert {name for name in files_in(content) if name.startswith("images/")} == {
        "images/train/a_b.png",
        "images/train/a_b-2.jpg",
        "images/train/A_B-3.png",
    }
    assert {each.file_name for each in read_as("yolo_seg", content)[1]} == {"a/b.png", "a_b.jpg", "A_B.png"}


@pytest.mark.parametrize("wrong", [{"category_id": 9}, {"segmentation": {"size": [80, 60], "counts": "0"}}])
def test_a_record_that_would_make_the_file_wrong_is_refused(wrong):
    with pytest.raises(InvalidRecord):
        write_as("yolo_seg", dataset([replace(annotation(1, masks()["corner"]), **wrong)]))


# --- layouts in the wild ---


@pytest.mark.parametrize(
    ("files", "splits"),
    [
        (["images/train/{}.png", "labels/train/{}.txt"], "train"),
        (["coco8/images/val/{}.png", "coco8/labels/val/{}.txt"], "val"),
        (["valid/images/{}.png", "valid/labels/{}.txt"], "val"),
        (["obj_train_data/{}.png", "obj_train_data/{}.txt"], ""),
        (["images/{}.png", "labels/{}.txt"], ""),
        (["images/deep/images/{}.png", "images/deep/labels/{}.txt"], ""),
    ],
)
def test_labels_are_found_in_every_layout(files, splits):
    of_picture, of_label = (name.format("a") for name in files)
    for names_file, names in (("data.yaml", NAMES), ("classes.txt", "cat\ndog\n"), ("obj.names", "cat\ndog")):
        content = zip_of({names_file: names, of_picture: picture(20, 10), of_label: SQUARE})
        records, [read_image], report = read_as("yolo_seg", content)
        assert report.refusals == []
        assert [category.name for category in records.categories] == ["cat", "dog"]
        assert (read_image.file_name.endswith("a.png"), read_image.split) == (True, splits)
        expected = np.zeros((10, 20), bool)
        expected[2:8, 2:8] = True
        assert np.array_equal(pixels(read_image)[0], expected)
        assert recognises("yolo_seg", content)


def test_the_list_of_classes_is_no_images_labels_where_labelimg_puts_it():
    content = zip_of(
        {"images/a.png": picture(20, 10), "labels/a.txt": SQUARE, "labels/classes.txt": "cat\ndog\n"}
    )
    records, read_images, report = read_as("yolo_seg", content)
    assert (report.refusals, records.image_count) == ([], 1)
    assert [each.file_name for each in read_images] == ["a.png"]


@pytest.mark.parametrize(
    "document",
    [
        "names: {0: cat, 1: dog}\ntrain: photos/first\nval: photos/second",
        "names:\n- cat\n- dog\ntrain: ../photos/first\nval:\n- ./photos/second",
        "path: /content/data\ntrain: /content/data/photos/first\nvalid: data/photos/second\nnames: [cat, dog]",
        "names: [cat, dog]\ntrain: lists/first.txt\nval: lists/second.txt",
    ],
)
def test_data_yaml_says_which_part_a_picture_belongs_to(document):
    content = zip_of(
        {
            "data.yaml": document,
            "photos/first/a.png": picture(20, 10),
            "photos/first/a.txt": SQUARE,
            "photos/second/b.png": picture(20, 10),
            "lists/first.txt": "./photos/first/a.png\n",
            "lists/second.txt": "/content/data/photos/second/b.png",
        }
    )
    records, read_images, report = read_as("yolo_seg", content)
    assert report.refusals == []
    assert {each.file_name: each.split for each in read_images} == {
        "photos/first/a.png": "train",
        "photos/second/b.png": "val",
    }
    assert [category.id for category in records.categories] == [1, 2]


def test_names_that_yaml_would_take_for_other_things_stay_names():
    content = labels("1 " + SQUARE[2:], content="names: [yes, 1.0, null]\nkpt: 3")
    records, _, _ = read_as("yolo_seg", content)
    assert [category.name for category in records.categories] == ["yes", "1.0", "null"]


def test_a_box_among_outlines_is_a_box():
    _, [read_image], report = read_as(
        "yolo_seg", labels(SQUARE, "1 0.5 0.5 0.2 0.4", "1 0.5 0.5 0.2 0.4 0.9")
    )
    assert report.refusals == []
    assert [record.is_box for record in read_image.annotations] == [False, True, True]
    assert read_image.annotations[1].bbox_xywh == (8, 3, 4, 4)


def test_pictures_of_one_name_in_two_parts_keep_their_folders():
    content = zip_of(
        {"data.yaml": NAMES} | {f"{part}/images/a.png": picture(20, 10) for part in ("train", "valid")}
    )
    assert [(each.file_name, each.split) for each in read_as("yolo_seg", content)[1]] == [
        ("train/images/a.png", "train"),
        ("valid/images/a.png", "val"),
    ]


# --- damage ---


@pytest.mark.parametrize(
    ("row", "code"),
    [
        ("2 " + SQUARE[2:], "category_unknown"),
        ("-1 " + SQUARE[2:], "category_unknown"),
        ("0.5 " + SQUARE[2:], "category_unknown"),
        ("cat " + SQUARE[2:], "number_malformed"),
        ("0 0.1 0.2 nan 0.2 0.4 0.8", "number_malformed"),
        ("0 0.1 0.2 inf 0.2 0.4 0.8", "number_malformed"),
        ("0 0.1 0.2 1e999 0.2 0.4 0.8", "number_malformed"),
        ("0 0.1 0.2 " + "9" * 5000 + " 0.2 0.4 0.8", "number_malformed"),
        ("0 0.1 0.2 35 0.2 0.4 0.8", "coordinates_outside"),
        ("0", "polygon_malformed"),
        ("0 0.1 0.2", "polygon_malformed"),
        ("0 0.1 0.2 0.3 0.4 0.5 0.6 0.7", "polygon_malformed"),
        ("0 0.5 0.5 0 0.1", "box_malformed"),
        ("0 0.5 0.5 -0.1 0.1", "box_malformed"),
        ("0 1.5 0.5 0.1 0.1", "box_outside"),
        ("0 0.1 0.1 0.1 0.1 0.1 0.1", "mask_empty"),
    ],
)
def test_a_damaged_row_is_reported_by_its_line_and_the_others_are_read(row, code):
    _, [read_image], report = read_as("yolo_seg", labels(SQUARE, "", row, SQUARE))
    assert [record.id for record in read_image.annotations] == [1, 2]
    assert [(refusal.place, refusal.code) for refusal in report.refusals] == [
        ("labels/train/a.txt line 3", code)
    ]


def test_what_is_missing_or_no_picture_is_reported_and_the_rest_is_read():
    content = zip_of(
        {
            "data.yaml": "names: [cat, {a: b}, '']\nkpt_shape: [17, 3]",
            "images/a.png": picture(20, 10),
            "images/b.png": b"no picture",
            "images/c.png": picture(20, 10),
            "labels/a.txt": "0 0.5 0.5 0.5 0.5 0.1 0.1 2",
            "labels/c.txt": b"0 0.5 \xff\xfe",
            "labels/lost.txt": SQUARE,
        }
    )
    records, read_images, report = read_as("yolo_seg", content)
    assert [category.name for category in records.categories] == ["cat"]
    assert [(each.file_name, len(each.annotations)) for each in read_images] == [("a.png", 1), ("c.png", 0)]
    assert {(refusal.place, refusal.code) for refusal in report.refusals} == {
        ("data.yaml: names['1']", "name_missing"),
        ("data.yaml: names['2']", "name_missing"),
        ("data.yaml: kpt_shape", "keypoints"),
        ("images/b.png", "picture_unreadable"),
        ("labels/c.txt", "file_unreadable"),
        ("labels/lost.txt", "picture_missing"),
    }


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (labels(SQUARE, name="notes.txt"), "nothing says the names of the classes: add a data.yaml"),
        (labels(SQUARE, content="names: [cat\ndog: ["), "line 2, column 4: the file is not YAML"),
        (labels(SQUARE, content="names: 7"), "names must be a list"),
        (labels(SQUARE, content=ENDLESS), "line 2, column 10: the file is not YAML: it refers to &a0"),
        (labels(SQUARE, content="names: \x01"), "data.yaml: the file is not YAML"),
        (labels(SQUARE, content="names: " + "[" * 20_000), "data.yaml"),
        (zip_of({"data.yaml": NAMES}), "no picture and no label"),
        (zip_of({"readme.md": "?"}), "nothing says"),
    ],
)
def test_a_file_of_another_kind_is_refused_as_a_whole(content, says):
    with pytest.raises(UnreadableFile, match=says):
        read_as("yolo_seg", content)


def test_recognised_are_outlines_even_without_names_and_nothing_else():
    ours = write_as("yolo_seg", two_splits())
    assert recognised(source_of(io.BytesIO(ours), "a.zip")) == "yolo_seg"
    assert recognises("yolo_seg", labels(SQUARE, name="notes.txt"))
    for other in (
        write_as("coco", two_splits(), include_images=True),
        labels("0 0.5 0.5 0.1 0.1"),
        labels("cat 1 2 3 4 5 6 7"),
        labels("0.5 1 2 3 4 5 6 7"),
        labels(""),
        zip_of({"data.yaml": NAMES, "images/a.png": picture(20, 10), "notes.txt": SQUARE}),
    ):
        assert not recognises("yolo_seg", other)


def test_whatever_comes_is_read_refused_or_unreadable():
    content = write_as("yolo_seg", two_splits(), include_images=True)
    for broken in damaged_files(content, seed=1, times=120):
        with contextlib.suppress(UnreadableFile):
            read_as("yolo_seg", broken)
        recognises("yolo_seg", broken)
    random = np.random.default_rng(2)
    for _ in range(60):
        with contextlib.suppress(UnreadableFile):
            read_as("yolo_seg", damaged(content, random))
