"""The COCO file, read back with pycocotools."""

from __future__ import annotations

import io
import json
import os
import tracemalloc
import zipfile
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from pycocotools.coco import COCO

from exporters.errors import InvalidRecord
from exporters.records import DatasetRecord, ImageRecord, LicenceRecord
from exporters.registry import FORMATS
from tests.exporters.files import files_in, read_as, two_splits, unpacked
from tests.exporters.reading_back import read_bytes
from tests.exporters.world import (
    HEIGHT,
    PERSON,
    WIDTH,
    annotation,
    dataset,
    golden_dataset,
    image,
    masks,
    write_as,
)
from tests.readers.ask import ask

FORMAT = FORMATS["coco"]
GOLDEN = Path(__file__).parents[2] / "data" / "coco"


def write(records: DatasetRecord, **options) -> bytes:
    return write_as("coco", records, **options)


def read(content: bytes, tmp_path: Path) -> COCO:
    path = tmp_path / "instances.json"
    path.write_bytes(content)
    return COCO(str(path))


@pytest.mark.parametrize("segmentation", ["rle", "polygon", "both"])
def test_the_bytes_are_those_that_the_first_exporter_wrote(segmentation):
    written = write(golden_dataset(), segmentation=segmentation, holes="fill")
    assert written == (GOLDEN / f"{segmentation}.json").read_bytes()


@pytest.mark.parametrize("segmentation", ["rle", "both"])
def test_every_mask_comes_back_bit_for_bit(tmp_path, segmentation):
    shapes = masks()
    records = dataset([annotation(number, mask) for number, mask in enumerate(shapes.values(), 1)])
    coco = read(write(records, segmentation=segmentation), tmp_path)
    assert len(coco.anns) == len(shapes)
    for number, (name, mask) in enumerate(shapes.items(), 1):
        row = coco.anns[number]
        assert np.array_equal(coco.annToMask(row).astype(bool), mask), name
        assert row["area"] == mask.sum()
        assert row["iscrowd"] == 0


@pytest.mark.parametrize(
    "name", ["disc", "two pieces", "full", "corner", "row", "column", "one pixel", "last pixel"]
)
def test_masks_without_holes_come_back_from_polygons(tmp_path, name):
    mask = masks()[name]
    coco = read(write(dataset([annotation(1, mask)]), segmentation="polygon"), tmp_path)
    assert isinstance(coco.anns[1]["segmentation"], list)
    assert np.array_equal(coco.annToMask(coco.anns[1]).astype(bool), mask)  # outlines run along pixel edges


@pytest.mark.parametrize("name", list(masks()))
def test_exact_outlines_with_holes_cut_open_are_the_mask_bit_for_bit(tmp_path, name):
    mask = masks()[name]
    coco = read(write(dataset([annotation(1, mask)]), segmentation="polygon"), tmp_path)
    assert np.array_equal(coco.annToMask(coco.anns[1]), mask)


def test_a_tolerance_saves_corners(tmp_path):
    records = dataset([annotation(1, masks()["disc"])])
    exact, near = (
        read(write(records, segmentation="polygon", tolerance=tolerance), tmp_path)
        for tolerance in ("0", "1")
    )
    assert len(near.anns[1]["segmentation"][0]) < len(exact.anns[1]["segmentation"][0]) / 2
    drawn = near.annToMask(near.anns[1])
    assert (drawn & masks()["disc"]).sum() / (drawn | masks()["disc"]).sum() > 0.93


def test_polygons_fill_a_hole_because_coco_has_no_way_to_say_it(tmp_path):
    shapes = masks()
    coco = read(
        write(dataset([annotation(1, shapes["ring"])]), segmentation="polygon", holes="fill"), tmp_path
    )
    read_back = coco.annToMask(coco.anns[1]).astype(bool)
    assert np.array_equal(read_back, shapes["disc"])
    assert coco.anns[1]["area"] == shapes["ring"].sum()  # the figure stays that of the mask


def test_both_gives_rle_first_and_the_outlines_beside_it():
    content = json.loads(write(dataset([annotation(1, masks()["disc"])]), segmentation="both"))
    row = content["annotations"][0]
    assert set(row["segmentation"]) == {"size", "counts"}
    assert all(len(outline) >= 6 and len(outline) % 2 == 0 for outline in row["polygons"])


def test_the_document_has_coco_s_sections_and_the_models_figures():
    records = replace(
        dataset([annotation(1, masks()["corner"])]),
        licences=(LicenceRecord(1, "CC0", "https://example.org"),),
    )
    content = json.loads(write(records))
    assert list(content) == ["info", "licenses", "categories", "images", "annotations"]
    assert content["categories"] == [
        {"id": 1, "name": "person", "supercategory": "living", "color": "#0072b2"}
    ]
    assert content["images"] == [{"id": 1, "file_name": "photo.jpg", "width": 80, "height": 60}]
    row = content["annotations"][0]
    assert row["bbox"] == [0, 0, 5, 5]
    assert row["area"] == 25
    assert row["uuid"] == "00000000-0000-4000-8000-000000000001"
    assert "name" not in row
    assert (row["predicted_iou"], row["stability_score"]) == (0.875, 0.96875)


def test_a_dataset_without_anything_is_still_a_readable_file(tmp_path):
    records = replace(dataset([]), images=(), categories=())
    coco = read(write(records), tmp_path)
    assert (coco.anns, coco.imgs, coco.cats) == ({}, {}, {})


def test_names_in_any_script_and_with_quotes_survive(tmp_path):
    name = 'Ünïcødé "猫" \\ \n 🐈'
    records = replace(
        dataset([], [image(1, "猫 'n' “quotes”.jpg")]), name=name, categories=(replace(PERSON, name=name),)
    )
    content = write(records)
    coco = read(content, tmp_path)
    assert coco.cats[1]["name"] == name
    assert coco.imgs[1]["file_name"] == "猫 'n' “quotes”.jpg"
    assert "猫".encode() in content  # readable, not escaped


def test_half_a_surrogate_pair_in_a_name_does_not_stop_the_export():
    content = write(replace(dataset([]), name="cut \ud83d"))
    assert json.loads(content)["info"]["dataset"] == "cut \ud83d"


def test_a_figure_that_is_no_number_becomes_null():
    records = dataset([replace(annotation(1, masks()["corner"]), predicted_iou=float("nan"))])
    assert json.loads(write(records))["annotations"][0]["predicted_iou"] is None


@pytest.mark.parametrize(
    ("wrong", "says"),
    [
        ({"category_id": 9}, "category 9"),
        ({"segmentation": {"size": [WIDTH, HEIGHT], "counts": "0"}}, "height, width"),
        ({"id": 0}, "below 1"),
    ],
)
def test_a_record_that_would_make_the_file_wrong_is_refused(wrong, says):
    with pytest.raises(InvalidRecord, match=says):
        write(dataset([replace(annotation(1, masks()["corner"]), **wrong)]))


def test_the_same_annotation_id_twice_is_refused():
    twice = annotation(1, masks()["corner"])
    with pytest.raises(InvalidRecord, match="comes twice"):
        write(dataset([twice, twice]))


class GrowsBetweenPasses:
    """Images to which one is added, with its mask, after the first pass."""

    def __init__(self) -> None:
        self.passes = 0

    def __iter__(self) -> Iterator[ImageRecord]:
        self.passes += 1
        yield image(1)
        if self.passes > 1:
            yield replace(image(2), annotations=(annotation(1, masks()["corner"]),))


def test_an_image_that_comes_in_while_the_file_is_written_is_left_out_as_a_whole():
    content = json.loads(write(replace(dataset([]), images=GrowsBetweenPasses())))
    assert [row["id"] for row in content["images"]] == [1]
    assert content["annotations"] == []


def test_progress_counts_to_the_end_and_can_stop_the_export():
    seen: list[tuple[int, int]] = []
    records = dataset([annotation(number, masks()["corner"]) for number in (1, 2, 3)])
    FORMAT.write(
        records, io.BytesIO(), FORMAT.options_from({}), lambda done, total: seen.append((done, total))
    )
    assert seen[-1] == (4, 4)
    assert [done for done, _ in seen] == sorted(done for done, _ in seen)

    class Cancelled(Exception):
        pass

    def cancel(done: int, total: int) -> None:
        raise Cancelled

    with pytest.raises(Cancelled):
        FORMAT.write(records, io.BytesIO(), FORMAT.options_from({}), cancel)


def test_with_images_it_is_a_zip_whose_names_are_those_in_the_document(tmp_path):
    bytes_of = {1: b"first", 2: b"second", 3: b"third"}
    images = [
        replace(image(number, name), open=lambda number=number: io.BytesIO(bytes_of[number]))
        for number, name in ((1, "../../etc/cat.jpg"), (2, "Etc/Cat.jpg"), (3, "a\\b:c.jpg"))
    ]
    seen: list[tuple[int, int]] = []
    stream = io.BytesIO()
    options = FORMAT.options_from({"include_images": True})
    FORMAT.write(
        dataset([annotation(1, masks()["ring"])], images), stream, options, lambda *at: seen.append(at)
    )
    with zipfile.ZipFile(stream) as archive:
        assert archive.testzip() is None
        content = json.loads(archive.read("annotations/instances.json"))
        names = {row["id"]: row["file_name"] for row in content["images"]}
        assert names == {1: "etc/cat.jpg", 2: "Etc/Cat-2.jpg", 3: "a/b_c.jpg"}
        assert {number: archive.read(f"images/{name}") for number, name in names.items()} == bytes_of
    assert FORMAT.file_type(options) == ("application/zip", ".zip")
    assert seen[-1] == (7, 7)


class OnDemand:
    """An iterable that holds nothing: each pass makes its rows anew."""

    def __init__(self, rows) -> None:
        self._rows = rows

    def __iter__(self) -> Iterator:
        return iter(self._rows())


def peak_bytes_of_writing(records: DatasetRecord) -> int:
    with open(os.devnull, "wb") as stream:
        tracemalloc.start()
        FORMAT.write(records, stream, FORMAT.options_from({}), None)
        peak_bytes = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
    return peak_bytes


def test_memory_stays_flat_however_many_masks_an_image_has():
    one = annotation(1, masks()["disc"])
    count = 20_000
    many = OnDemand(lambda: (replace(one, id=number) for number in range(1, count + 1)))
    records = replace(dataset([]), images=(replace(image(), annotations=many),), annotation_count=count)
    # The file has some 6 MB, a list of its rows 40 MB, a set of their ids 2 MB; what remains is one block of text.
    assert peak_bytes_of_writing(records) < 1_000_000


def test_memory_stays_flat_however_many_images_have_masks():
    one = annotation(1, masks()["disc"])

    def rows() -> Iterator[ImageRecord]:
        for number in range(1, 2001):
            annotations = tuple(replace(one, id=10 * number + at) for at in range(10))
            yield replace(image(number, f"{number}.jpg"), annotations=annotations)

    # The same masks as above; 2,000 names besides.
    assert peak_bytes_of_writing(replace(dataset([]), images=OnDemand(rows))) < 5_000_000


# --- parts of the dataset ---
def test_without_pictures_each_image_says_its_part():
    content = write(two_splits())
    document = json.loads(content)
    assert {row["file_name"]: row["split"] for row in document["images"]} == {
        "a/cat.png": "train",
        "b.png": "val",
        "empty.png": "train",
    }
    _, images, report = read_bytes("coco", content, "instances.json")
    assert report.refusals == []
    assert {each.file_name: each.split for each in images} == {
        "a/cat.png": "train",
        "b.png": "val",
        "empty.png": "train",
    }


def test_with_pictures_each_part_has_its_document_and_its_folder(tmp_path):
    content = write(two_splits(), include_images=True)
    files = files_in(content)
    assert set(files) == {
        "annotations/instances_train.json",
        "annotations/instances_val.json",
        "images/train/a/cat.png",
        "images/train/empty.png",
        "images/val/b.png",
    }
    train = read(files["annotations/instances_train.json"], tmp_path)
    assert sorted(train.imgs) == [1, 3] and sorted(train.anns) == [1, 2]
    val = read(files["annotations/instances_val.json"], tmp_path)
    assert sorted(val.imgs) == [2] and sorted(val.anns) == [3]
    _, images, report = read_as("coco", content)
    assert report.refusals == []
    assert {each.file_name: (each.split, len(each.annotations)) for each in images} == {
        "a/cat.png": ("train", 2),
        "b.png": ("val", 1),
        "empty.png": ("train", 0),
    }
    assert all(each.open is not None for each in images)


def test_pictures_of_one_name_in_several_parts_are_found_by_these():
    splits = {"x/cat.png": "train", "y/cat.png": "val", "cat.png": "test", "z/cat.png": ""}
    pictures = [
        replace(image(number, name), split=split, open=lambda number=number: io.BytesIO(b"%d" % number))
        for number, (name, split) in enumerate(splits.items(), 1)
    ]
    records = dataset([], pictures)
    _, images, report = read_as("coco", write(records, include_images=True))
    assert report.refusals == []
    assert {(each.file_name, each.split, each.open().read()) for each in images} == {
        (name, split, b"%d" % number) for number, (name, split) in enumerate(splits.items(), 1)
    }


def test_datumaro_finds_the_parts_of_the_zip(tmp_path):
    folder = unpacked(write(two_splits(), include_images=True), tmp_path / "ours")
    told = ask("datumaro_items", "coco_instances", folder, "coco_instances", tmp_path / "theirs")
    # It gives the box beside each mask.
    masks_of = {item: [row for row in rows if row["type"] == "mask"] for item, rows in told["items"].items()}
    assert {item: len(rows) for item, rows in masks_of.items()} == {
        "train/a/cat": 2,
        "train/empty": 0,
        "val/b": 1,
    }
