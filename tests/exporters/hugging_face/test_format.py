"""Data sets for the library `datasets`: written and read back, opened by the library, and damaged."""

from __future__ import annotations

import datetime as dt
import io
import json
import tracemalloc
from dataclasses import replace

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pyarrow import parquet

from exporters.errors import InvalidRecord, UnreadableFile
from exporters.hugging_face import write as write_module
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
LAYOUTS = ["parquet", "imagefolder"]


def read(content: bytes, name: str = "a.zip") -> tuple[DatasetRecord, list[ImageRecord], ReadReport]:
    report = ReadReport()
    records = FORMATS["hugging_face"].read(source_of(io.BytesIO(content), name), report)
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
        replace(image(1, "a/cat.png"), annotations=(ring, noise), split="train", digest="cd" * 32),
        replace(image(9, "empty.png"), split="train", created_at=dt.datetime(2025, 1, 2, 3)),
        replace(image(2, "a/Cat.png"), annotations=(annotation(3, shapes["disc"]),), split="val"),
        replace(image(3, "dog.png"), annotations=(annotation(4, shapes["row"]),), split="test"),
    )
    return DatasetRecord(
        "Gölden | data",
        description="Two lines\nof text",
        created_at=dt.datetime(2025, 1, 2, 3, 4, 5, tzinfo=dt.UTC),
        categories=(PERSON, DOG),
        images=tuple(replace(each, open=picture) for each in images),
        image_count=4,
        annotation_count=4,
    )


def unnumbered(each: ImageRecord) -> ImageRecord:
    """The files come in alphabetical order, and annotations are numbered in theirs."""
    return replace(each, annotations=tuple(replace(row, id=1) for row in each.annotations), open=None)


@given(sets_of_masks(), st.sampled_from(LAYOUTS))
@settings(max_examples=40, deadline=None)
def test_masks_come_back_bit_for_bit(shapes, layout):
    height, width = shapes[0].shape
    written = dataset(annotations_of(shapes), [replace(image(), height=height, width=width)])
    _, [back], report = read(write_as("hugging_face", written, layout=layout))
    assert report.refusals == []
    assert back.annotations == next(iter(written.images)).annotations


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("include_images", [True, False])
def test_everything_that_is_written_comes_back(layout, include_images):
    written = three_parts()
    content = write_as("hugging_face", written, layout=layout, include_images=include_images)
    assert content == write_as("hugging_face", written, layout=layout, include_images=include_images)
    assert recognised(source_of(io.BytesIO(content), "a.zip")) == "hugging_face"
    records, back, report = read(content)
    assert report.refusals == []
    if layout == "parquet":
        assert replace(records, images=()) == replace(written, images=())
    else:
        assert [(row.id, row.name) for row in records.categories] == [(1, "person"), (7, "dog")]
    # Two names that a disk would take for one are told apart.
    renamed = {each.id: each for each in written.images}
    renamed[2] = replace(renamed[2], file_name=next(each.file_name for each in back if each.id == 2))
    renamed[1] = replace(renamed[1], file_name=next(each.file_name for each in back if each.id == 1))
    assert {renamed[1].file_name.lower(), renamed[2].file_name.lower()} <= {
        "a/cat.png",
        "a/cat-1.png",
        "a/cat-2.png",
    }
    assert {each.id: unnumbered(each) for each in back} == {
        number: unnumbered(each) for number, each in renamed.items()
    }
    assert [record.id for each in back for record in each.annotations] == [1, 2, 3, 4]
    if include_images:
        assert [each.open().read() for each in back] == [picture().getvalue()] * 4
        assert back[-1].open().read() == back[0].open().read()
    else:
        assert {each.open for each in back} == {None}


def test_images_of_no_part_are_train():
    content = write_as("hugging_face", dataset([annotation(1, masks()["disc"])]))
    assert "data/train-00000-of-00001.parquet" in files_in(content)
    assert [each.split for each in read(content)[1]] == ["train"]


@pytest.mark.parametrize("layout", LAYOUTS)
def test_load_dataset_opens_the_folder(tmp_path, layout):
    written = three_parts()
    folder = unpacked(
        write_as("hugging_face", written, layout=layout, include_images=True), tmp_path / "ours"
    )
    copy = [tmp_path / "theirs"] if layout == "parquet" else []
    told = ask("hugging_face_rows", folder, tmp_path / "cache", *copy)
    assert list(told) == ["train", "validation", "test"]
    names = {1: "person", 7: "dog"}
    for split, ours in (("train", "train"), ("validation", "val"), ("test", "test")):
        assert told[split]["features"]["image"] == "Image"
        assert told[split]["classes"] == (["person", "dog"] if layout == "parquet" else None)
        expected = [each for each in written.images if each.split == ours]
        rows = {row["image_id"]: row for row in told[split]["rows"]}
        assert set(rows) == {each.id for each in expected}
        for each in expected:
            row = rows[each.id]
            assert row["picture"] == {"size": [80, 60], "mode": "RGB"}
            objects = row["objects"]
            labels = objects["category"]
            classes = told[split]["classes"]
            assert [classes[label] if classes else label for label in labels] == [
                names[record.category_id] for record in each.annotations
            ]
            assert [mask["counts"] for mask in objects["segmentation"]] == [
                record.segmentation["counts"] for record in each.annotations
            ]
            assert objects["bbox"] == [list(record.bbox_xywh) for record in each.annotations]
            assert objects["uuid"] == [record.uuid for record in each.annotations]
            assert objects["predicted_iou"] == [record.predicted_iou for record in each.annotations]
    if copy:
        records, [back], report = read(zip_of_folder(copy[0]))
        assert report.refusals == []
        assert [row.name for row in records.categories] == ["Coverall", "Mask"]
        assert [(record.category_id, record.bbox_xywh, record.is_box) for record in back.annotations] == [
            (2, (1, 2, 3, 2), True),
            (1, (0, 0, 5, 4), True),
        ]
        assert (back.width, back.height, back.split, back.id) == (20, 10, "test", 15)
        assert back.open().read(4) == b"\x89PNG"


def test_a_group_of_rows_is_held_and_no_more(monkeypatch):
    monkeypatch.setattr(write_module, "GROUP_BYTES", 400_000)
    one = annotation(1, masks()["disc"])
    content = b"\0" * 100_000

    class Many:
        def __iter__(self):
            for number in range(1, 401):
                yield replace(
                    image(number, f"{number}.png"), annotations=(one,), open=lambda: io.BytesIO(content)
                )

    records = replace(dataset([]), images=Many(), image_count=400)
    chosen = FORMATS["hugging_face"]

    class Nowhere(io.RawIOBase):
        def writable(self):
            return True

        def write(self, block):
            return len(block)

    write_as("hugging_face", dataset([one]))  # what is imported once is not counted
    before = pa.total_allocated_bytes()
    tracemalloc.start()
    chosen.write(records, Nowhere(), chosen.options_from({"include_images": True}), None)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 3_000_000  # the pictures have 40 MB
    assert pa.default_memory_pool().max_memory() - before < 20_000_000


# --- other people's files, and damage ---


def lines(*rows: dict) -> bytes:
    return zip_of({"train/metadata.jsonl": b"".join(json.dumps(row).encode() + b"\n" for row in rows)})


def row(**changes) -> dict:
    return {
        "file_name": "a.png",
        "width": 20,
        "height": 10,
        "objects": {"bbox": [[1, 2, 4, 5]], "category": ["cat"]},
    } | changes


def test_objects_are_lists_or_objects_and_categories_numbers_or_names():
    many = row(objects=[{"bbox": [1, 2, 4, 5], "label": 3}, {"bbox": [0, 0, 2, 2], "category": "cat"}])
    records, [back], report = read(lines(many))
    assert report.refusals == []
    assert [(each.id, each.name) for each in records.categories] == [(3, "3"), (1, "cat")]
    assert [record.area for record in back.annotations] == [20, 4]


def test_polygons_are_drawn_and_the_size_may_be_the_picture_s():
    files = files_in(
        lines(
            row(width=None, height=None, objects={"category": ["a"], "segmentation": [[[2, 2, 8, 2, 8, 8]]]})
        )
    )
    _, [back], report = read(zip_of(files | {"train/a.png": picture(30, 20).getvalue()}))
    assert report.refusals == []
    assert (back.width, back.height, back.annotations[0].is_box) == (30, 20, False)
    _, [], report = read(zip_of(files))
    assert [refusal.code for refusal in report.refusals] == ["size_malformed"]
    _, [], report = read(zip_of(files | {"train/a.png": b"no picture"}))
    assert [refusal.code for refusal in report.refusals] == ["picture_unreadable"]


@pytest.mark.parametrize(
    ("objects", "code"),
    [
        ({"bbox": [[1, 2, 4]], "category": ["cat"]}, "polygon_malformed"),
        ({"bbox": [[1, 2, float("nan"), 5]], "category": ["cat"]}, "polygon_malformed"),
        ({"bbox": [[1, 2, 4, 5]], "category": [None]}, "category_unknown"),
        ({"bbox": [[1, 2, 4, 5]], "category": [[]]}, "category_unknown"),
        ({"bbox": [[1, 2, 4, 5]], "category": [10**30]}, "category_unknown"),
        ({"category": ["cat"]}, "polygon_malformed"),
        ({"segmentation": [{"size": [20, 10], "counts": "T6"}], "category": ["cat"]}, "rle_size_mismatch"),
        ({"segmentation": [[[1, 1, 5, 5]]], "category": ["cat"]}, "polygon_malformed"),
        ({"bbox": [[1, 2, 4, 5]], "category": ["cat"], "predicted_iou": ["x"]}, "figure_malformed"),
    ],
)
def test_a_damaged_object_is_reported_and_the_others_are_read(objects, code):
    _, back, report = read(lines(row(objects=objects), row()))
    assert [len(each.annotations) for each in back] == [0, 1]
    assert [(each.place, each.code) for each in report.refusals] == [
        ("train/metadata.jsonl line 1: objects[0]", code)
    ]


@pytest.mark.parametrize(
    ("line", "code"),
    [
        (b'{"file_name": ', "json_malformed"),
        (b"\xff\xfe{", "json_malformed"),
        (b"9" * 5000, "json_malformed"),
        (b"[" * 100_000, "json_malformed"),
        (b"[]", "row_malformed"),
        (b'{"width": 0, "height": 3}', "size_malformed"),
        (b'{"width": NaN, "height": 3}', "size_malformed"),
    ],
)
def test_a_damaged_line_is_reported_and_the_others_are_read(line, code):
    sound = json.dumps(row()).encode()
    _, back, report = read(zip_of({"metadata.jsonl": b"\n".join([sound, line, sound])}))
    assert len(back) == 2
    assert [(each.place, each.code) for each in report.refusals] == [("metadata.jsonl line 2", code)]


def test_a_long_line_ends_the_file(monkeypatch):
    monkeypatch.setattr("exporters.hugging_face.rows.MAX_LINE_BYTES", 1000)
    _, back, report = read(lines(row(), row(file_name="x" * 2000)))
    assert len(back) == 1
    assert [refusal.place for refusal in report.refusals] == ["train/metadata.jsonl"]
    assert "line 2: longer than" in report.refusals[0].message


def test_a_damaged_file_is_reported_and_the_others_are_read():
    sound = files_in(write_as("hugging_face", three_parts()))
    broken = sound | {"data/train-00000-of-00001.parquet": b"PAR1 but no more"}
    _, back, report = read(zip_of(broken))
    assert [each.split for each in back] == ["test", "val"]
    assert [(each.place, each.code) for each in report.refusals] == [
        ("data/train-00000-of-00001.parquet", "file_unreadable")
    ]
    with pytest.raises(UnreadableFile, match=r"a\.parquet: .*Parquet"):
        read(b"PAR1 but no more", "a.parquet")
    with pytest.raises(UnreadableFile, match=r"neither a \.parquet file"):
        read(b"", "a.txt")


def test_parquet_of_another_kind_has_no_images():
    stream = io.BytesIO()
    parquet.write_table(pa.table({"text": ["a", "b"]}), stream)
    records, images, report = read(stream.getvalue(), "a.parquet")
    assert (records.categories, images) == ((), [])
    assert [refusal.code for refusal in report.refusals] == ["size_malformed"] * 2


@pytest.mark.parametrize("layout", LAYOUTS)
def test_whatever_comes_is_refused_in_a_sentence(layout):
    content = write_as("hugging_face", three_parts(), layout=layout, include_images=True)
    read_damaged(content, read, 100)
    members_damaged(content, read, 40)


def test_wrong_records_are_refused():
    for wrong, says in (
        (dataset([replace(annotation(1, masks()["disc"]), category_id=9)]), "category 9"),
        (dataset([annotation(1, np.ones((2, 2), bool))]), "height, width"),
        (replace(dataset([]), categories=(PERSON, replace(PERSON, id=2))), "same name"),
    ):
        with pytest.raises(InvalidRecord, match=says):
            write_as("hugging_face", wrong)
    for layout in LAYOUTS:
        with pytest.raises(InvalidRecord, match="no file"):
            write_as("hugging_face", dataset([]), include_images=True, layout=layout)


def test_an_rle_of_the_records_is_that_of_the_file():
    content = files_in(write_as("hugging_face", three_parts()))["data/test-00000-of-00001.parquet"]
    [found] = parquet.read_table(io.BytesIO(content)).to_pylist()
    [mask] = found["objects"]["segmentation"]
    assert np.array_equal(rle.decode(mask), masks()["row"])


def test_rows_without_a_picture_have_none_in_other_peoples_files():
    kind = pa.struct({"bytes": pa.binary(), "path": pa.string()})
    pictures = pa.array(
        [{"bytes": picture().getvalue(), "path": "a.png"}, {"bytes": None, "path": "b.png"}, None], kind
    )
    stream = io.BytesIO()
    parquet.write_table(pa.table({"image": pictures, "width": [80] * 3, "height": [60] * 3}), stream)
    _, back, report = read(stream.getvalue(), "a.parquet")
    assert report.refusals == []
    assert [each.file_name for each in back] == ["1.png", "2", "3"]
    assert [each.open and each.open().read() for each in back] == [picture().getvalue(), None, None]


@pytest.mark.parametrize(
    "wrap", [lambda inner: {"feature": inner, "_type": "Sequence"}, lambda inner: [inner]]
)
def test_class_names_are_those_of_the_category_in_every_version_of_the_library(wrap):
    of_objects = {
        "crowd": {"names": ["no", "yes"], "_type": "ClassLabel"},
        "label": {"names": ["cat", "dog"], "_type": "ClassLabel"},
    }
    features = json.dumps({"info": {"features": {"objects": wrap(of_objects)}}}).encode()
    objects = [[{"bbox": [1.0, 2.0, 4.0, 5.0], "crowd": 0, "label": 1}]]
    table = pa.table({"objects": objects, "width": [20], "height": [10]}).replace_schema_metadata(
        {"huggingface": features}
    )
    stream = io.BytesIO()
    parquet.write_table(table, stream)
    records, [back], report = read(stream.getvalue(), "a.parquet")
    assert report.refusals == []
    assert [(row.id, row.name) for row in records.categories] == [(1, "cat"), (2, "dog")]
    assert [(row.category_id, row.area) for row in back.annotations] == [(2, 20)]
