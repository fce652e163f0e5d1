"""Panoptic files: written and read back, read by datumaro and by hand, and damaged."""

from __future__ import annotations

import datetime as dt
import io
import json
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from exporters.errors import InvalidRecord, UnreadableFile
from exporters.reading import ReadReport
from exporters.records import AnnotationRecord, CategoryRecord, DatasetRecord, ImageRecord
from exporters.registry import FORMATS, recognised
from exporters.source import source_of
from segmentation import rle
from tests.exporters.files import files_in, unpacked, zip_of, zip_of_folder
from tests.exporters.packing import members_damaged, picture, read_damaged
from tests.exporters.shapes import annotations_of, sets_of_masks
from tests.exporters.world import HEIGHT, PERSON, WIDTH, annotation, dataset, image, masks, write_as
from tests.readers.ask import ask

DOG = CategoryRecord(7, "dog", "living")


def read(content: bytes) -> tuple[DatasetRecord, list[ImageRecord], ReadReport]:
    report = ReadReport()
    records = FORMATS["coco_panoptic"].read(source_of(io.BytesIO(content), "a.zip"), report)
    return records, list(records.images), report


def left_of(shapes: list[np.ndarray], overlap: str) -> list[np.ndarray]:
    """What painting leaves of each mask, pixel by pixel."""
    order = {
        "later": lambda k: k,
        "earlier": lambda k: -k,
        "smaller": lambda k: (-shapes[k].sum(), k),
    }[overlap]
    owner = np.full(shapes[0].shape, -1)
    for index in sorted(range(len(shapes)), key=order):
        owner[shapes[index]] = index
    return [owner == index for index in range(len(shapes))]


@given(sets_of_masks(), st.sampled_from(["later", "earlier", "smaller"]))
@settings(max_examples=60, deadline=None)
def test_masks_come_back_bit_for_bit_where_no_other_has_their_pixels(shapes, overlap):
    height, width = shapes[0].shape
    written = dataset(annotations_of(shapes), [replace(image(), height=height, width=width)])
    _, [back], report = read(write_as("coco_panoptic", written, overlap=overlap))
    assert report.refusals == []
    expected = {
        f"00000000-0000-4000-8000-{number:012d}": mask
        for number, mask in enumerate(left_of(shapes, overlap), 1)
        if mask.any()
    }
    assert {record.uuid for record in back.annotations} == set(expected)
    for record in back.annotations:
        assert np.array_equal(rle.decode(record.segmentation), expected[record.uuid])
        assert record.area == expected[record.uuid].sum()


def two_parts() -> DatasetRecord:
    """Three images of two parts and none, whose masks do not overlap."""
    shapes = masks()
    ring = replace(
        annotation(1, shapes["ring"]),
        author="alice",
        name="Old tower",
        created_at=dt.datetime(2026, 1, 2, tzinfo=dt.UTC),
        bundle_digest="ab" * 32,
        prompt={"point_coords": [[1.5, 2]], "point_labels": [1]},
    )
    corner = replace(annotation(2, shapes["corner"]), category_id=7)
    images = (
        replace(image(1, "a/cat.jpg"), annotations=(ring, corner), split="train", digest="cd" * 32),
        replace(image(2, "a/cat.png"), annotations=(annotation(3, shapes["two pieces"]),), split="val"),
        replace(image(5, "empty.jpg")),
    )
    person = replace(PERSON, color="")
    return replace(dataset([]), images=images, categories=(person, DOG), image_count=3, annotation_count=3)


def test_parts_pictures_and_origin_come_back():
    written = two_parts()
    written = replace(written, images=tuple(replace(each, open=picture) for each in written.images))
    records, back, report = read(write_as("coco_panoptic", written, include_images=True))
    assert report.refusals == []
    assert replace(records, images=()) == replace(written, images=())
    assert [each.open().read() for each in back] == [picture().getvalue()] * 3
    by_id = {each.id: each for each in back}
    for each in written.images:
        numbers = {record.uuid: record.id for record in by_id[each.id].annotations}
        expected = tuple(replace(record, id=numbers[record.uuid]) for record in each.annotations)
        assert replace(by_id[each.id], open=None) == replace(each, annotations=expected, open=None)


def test_the_same_images_come_with_the_same_numbers_each_time():
    report = ReadReport()
    content = write_as("coco_panoptic", two_parts())
    records = FORMATS["coco_panoptic"].read(source_of(io.BytesIO(content), "a.zip"), report)
    assert list(records.images) == list(records.images)
    assert sorted(record.id for each in records.images for record in each.annotations) == [1, 2, 3]


def test_the_same_dataset_gives_the_same_bytes_and_is_known_again():
    content = write_as("coco_panoptic", two_parts())
    assert content == write_as("coco_panoptic", two_parts())
    assert recognised(source_of(io.BytesIO(content), "a.zip")) == "coco_panoptic"
    instances = write_as("coco", two_parts())
    assert recognised(source_of(io.BytesIO(instances), "instances.json")) == "coco"


def test_the_png_says_of_each_pixel_whose_it_is():
    shapes = masks()
    content = write_as(
        "coco_panoptic", dataset([annotation(4, shapes["disc"]), annotation(9, shapes["row"])])
    )
    files = files_in(content)
    document = json.loads(files["annotations/panoptic_default.json"])
    colors = np.asarray(Image.open(io.BytesIO(files["annotations/panoptic_default/photo.png"])), np.int64)
    ids = colors @ [1, 256, 65536]
    [row] = document["annotations"]
    assert (row["image_id"], row["file_name"]) == (1, "photo.png")
    under, over = row["segments_info"]
    assert np.array_equal(ids == over["id"], shapes["row"])
    assert np.array_equal(ids == under["id"], shapes["disc"] & ~shapes["row"])
    assert under["area"] == (shapes["disc"] & ~shapes["row"]).sum()
    assert under["bbox"] == [21, 10, 39, 41]  # the row has the outermost pixels
    assert document["categories"] == [{"id": 1, "name": "person", "supercategory": "living", "isthing": 1}]
    # A mask that lost pixels is not what the model gave.
    assert under["attributes"] == {"uuid": annotation(4, shapes["disc"]).uuid}
    assert over["attributes"]["predicted_iou"] == 0.875


def test_numbers_beyond_a_byte_are_spread_over_the_channels():
    count = 700
    shapes = [np.zeros((30, 30), bool) for _ in range(count)]
    for number, mask in enumerate(shapes):
        mask.flat[number] = True
    content = write_as(
        "coco_panoptic", dataset(annotations_of(shapes), [replace(image(), height=30, width=30)])
    )
    _, [back], report = read(content)
    assert report.refusals == [] and len(back.annotations) == count
    for record, mask in zip(back.annotations, shapes, strict=True):
        assert np.array_equal(rle.decode(record.segmentation), mask)


def test_datumaro_reads_what_is_written_and_writes_what_is_read(tmp_path):
    written = two_parts()
    written = replace(written, images=tuple(replace(each, open=picture) for each in written.images))
    content = write_as("coco_panoptic", written, include_images=True)
    unpacked(content, tmp_path / "ours")
    told = ask("datumaro_items", "coco_panoptic", tmp_path / "ours", tmp_path / "theirs")
    assert told["categories"] == ["person", "dog"]
    items = told["items"]
    assert set(items) == {"train/a/cat", "val/a/cat", "default/empty"}
    theirs = {
        (name.split("/")[0], found["label"], found["rle"]["counts"], found["attributes"]["uuid"])
        for name, annotations in items.items()
        for found in annotations
    }
    ours = {
        (each.split, {1: "person", 7: "dog"}[record.category_id], record.segmentation["counts"], record.uuid)
        for each in written.images
        for record in each.annotations
    }
    assert theirs == ours
    # And the files that datumaro makes of them.
    records, back, report = read(zip_of_folder(tmp_path / "theirs"))
    assert report.refusals == []
    names = {category.id: category.name for category in records.categories}
    assert {
        (each.split, names[record.category_id], record.segmentation["counts"], record.uuid)
        for each in back
        for record in each.annotations
    } == ours
    assert all(each.open for each in back)


# --- damage ---


def damaged(change, png: bytes | None = None) -> bytes:
    """A sound file of one image, after `change` of its document."""
    files = files_in(write_as("coco_panoptic", dataset(annotations_of([masks()["disc"], masks()["corner"]]))))
    document = json.loads(files["annotations/panoptic_default.json"])
    change(document)
    files["annotations/panoptic_default.json"] = json.dumps(document).encode()
    if png is not None:
        files["annotations/panoptic_default/photo.png"] = png
    return zip_of(files)


SMALL = {"id": 1, "file_name": "a", "width": 1, "height": 1}


def segment(number: int, **changes):
    return lambda document: document["annotations"][0]["segments_info"][number].update(changes)


@pytest.mark.parametrize(
    ("change", "code", "place", "left"),
    [
        (segment(0, category_id=9), "category_unknown", "segments_info[0]", 1),
        (segment(0, category_id=None), "category_unknown", "segments_info[0]", 1),
        (segment(0, iscrowd=1), "crowd_region", "segments_info[0]", 1),
        (segment(0, id="1"), "id_missing", "segments_info[0]", 1),
        (segment(0, id=77), "mask_empty", "segments_info[0]", 1),
        (segment(1, id=1), "mask_empty", "segments_info[1]", 1),
        (segment(0, attributes={"predicted_iou": "x"}), "figure_malformed", "segments_info[0]", 1),
        (lambda d: d["annotations"][0]["segments_info"].pop(), "segment_unlisted", "annotations[0]", 1),
        (lambda d: d["annotations"][0].update(file_name="no.png"), "png_missing", "annotations[0]", 0),
        (lambda d: d["annotations"][0].update(file_name=7), "file_name_missing", "annotations[0]", 0),
        (lambda d: d["annotations"][0].update(segments_info={}), "segments_missing", "annotations[0]", 0),
        (lambda d: d["annotations"][0].update(image_id=10**30), "image_unknown", "annotations[0]", 0),
        (lambda d: d["annotations"][0].update(image_id=3), "image_unknown", "annotations[0]", 0),
        (lambda d: d["images"][0].update(width=81), "mask_size_mismatch", "annotations[0]", 0),
        (lambda d: d["categories"].append({"id": 1, "name": "x"}), "id_twice", "categories[1]", 2),
        (lambda d: d["categories"].append(5), "id_missing", "categories[1]", 2),
        (lambda d: d["images"].append(SMALL), "id_twice", "images[1]", 2),
        (lambda d: d["images"].append(SMALL | {"id": 2, "width": 0}), "size_malformed", "images[1]", 2),
    ],
)
def test_damage_is_reported_by_its_place(change, code, place, left):
    _, [back], report = read(damaged(change))
    assert len(back.annotations) == left
    refusal = report.refusals[0]
    assert (refusal.code, place in refusal.place) == (code, True), refusal
    assert refusal.place.startswith("annotations/panoptic_default.json: ")


@pytest.mark.parametrize("png", [b"", b"\x89PNG\r\n\x1a\nno", b"GIF89a"])
def test_a_damaged_png_costs_its_image_alone(png):
    _, [back], report = read(damaged(lambda _: None, png))
    assert back.annotations == ()
    assert [refusal.code for refusal in report.refusals] == ["png_unreadable"]


def test_grey_pngs_hold_the_numbers_themselves():
    grey = np.zeros((HEIGHT, WIDTH), np.uint8)
    grey[3:9, 4:20] = 2
    stream = io.BytesIO()
    Image.fromarray(grey).save(stream, "PNG")
    _, [back], _ = read(damaged(lambda d: d["annotations"][0]["segments_info"].pop(0), stream.getvalue()))
    assert np.array_equal(rle.decode(back.annotations[0].segmentation), grey == 2)


def test_a_zip_without_panoptic_documents_is_refused():
    with pytest.raises(UnreadableFile, match=r"no \.json file with panoptic"):
        read(zip_of({"a.json": b"{}", "b.json": b"[]", "c.txt": b""}))
    with pytest.raises(UnreadableFile, match=r"panoptic_x.json: line 1, column 13"):
        read(zip_of({"panoptic_x.json": b'{"images": [,'}))


def test_whatever_comes_is_refused_in_a_sentence():
    content = damaged(lambda _: None)
    read_damaged(content, read)
    members_damaged(content, read, 80)


def test_wrong_records_are_refused():
    for wrong, says in (
        ([replace(annotation(1, masks()["disc"]), category_id=9)], "category 9"),
        ([annotation(1, np.ones((2, 2), bool))], "height, width"),
    ):
        with pytest.raises(InvalidRecord, match=says):
            write_as("coco_panoptic", dataset(wrong))
    with pytest.raises(InvalidRecord, match="no file"):
        write_as("coco_panoptic", dataset([]), include_images=True)


def test_a_dataset_without_images_is_a_sound_file():
    empty = replace(dataset([]), images=(), image_count=0)
    records, back, report = read(write_as("coco_panoptic", empty))
    assert (back, report.refusals, len(records.categories)) == ([], [], 1)


def test_records_hold_what_a_reader_says():
    _, [back], _ = read(write_as("coco_panoptic", dataset([annotation(1, masks()["ring"])])))
    assert isinstance(back.annotations[0], AnnotationRecord)
    assert back.annotations[0] == annotation(1, masks()["ring"])
