"""labelme's documents: ours bit for bit, those of labelme itself and of others, and damaged ones."""

from __future__ import annotations

import base64
import io
import json
import zipfile
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from PIL import Image

from exporters.errors import InvalidRecord, UnreadableFile
from exporters.records import CategoryRecord, ImageRecord
from exporters.registry import FORMATS, recognised
from exporters.source import FolderSource, source_of
from segmentation import rle
from tests.exporters.files import unpacked, zip_of
from tests.exporters.mask_strategies import masks as any_mask
from tests.exporters.pictures import png, with_picture
from tests.exporters.reading_back import damage, read_bytes, read_source
from tests.exporters.world import HEIGHT, PERSON, WIDTH, annotation, dataset, image, masks, write_as
from tests.readers.ask import ask

SQUARE = [[2, 2], [8, 2], [8, 8], [2, 8]]
PROMPT = {"points": [{"x": 1, "y": 2, "label": 1}]}


def world():
    """Three images in two folders, two of one stem, every shape on the first."""
    rows = [annotation(number, mask) for number, mask in enumerate(masks().values(), 1)]
    rows[0] = replace(rows[0], author="alice", bundle_digest="ab" * 32, prompt=PROMPT, name="Old tower")
    rows[1] = replace(rows[1], category_id=7)
    images = [
        with_picture(image(number, name))
        for number, name in enumerate(("a/cat.png", "a/Cat.jpg", "b/ü.png"), 1)
    ]
    return replace(dataset(rows, images), categories=(PERSON, CategoryRecord(id=7, name="dög")))


def document(shapes, **more) -> bytes:
    values = {
        "version": "5.0",
        "flags": {},
        "shapes": list(shapes),
        "imagePath": "cat.jpg",
        "imageData": None,
    }
    return json.dumps(values | {"imageHeight": 10, "imageWidth": 20} | more).encode()


def shape(**changes) -> dict:
    return {
        "label": "cat",
        "points": SQUARE,
        "group_id": None,
        "shape_type": "polygon",
        "flags": {},
    } | changes


def drawn(*slices) -> np.ndarray:
    mask = np.zeros((10, 20), bool)
    for rows, columns in slices:
        mask[rows, columns] = True
    return mask


def png_of(mask: np.ndarray, mode: str = "L") -> str:
    stream = io.BytesIO()
    Image.fromarray(mask.astype(np.uint8)).convert(mode).save(stream, "PNG")
    return base64.b64encode(stream.getvalue()).decode()


def the_annotation(content: bytes):
    _, [found], report = read_bytes("labelme", content)
    assert report.refusals == []
    [record] = found.annotations
    return record


# --- round trips ---


def test_what_was_written_comes_back_bit_for_bit_with_pictures_and_origin():
    written = world()
    records, images, report = read_bytes("labelme", write_as("labelme", written, include_images=True))
    assert report.refusals == []
    assert [category.name for category in records.categories] == ["person", "dög"]
    assert [found.file_name for found in images] == ["a/Cat-2.jpg", "a/cat.png", "b/ü.png"]
    first = next(iter(written.images))
    ids = {1: 1, 7: 2}
    images = [images[1], images[0], images[2]]
    assert images[0].annotations == tuple(
        replace(row, category_id=ids[row.category_id]) for row in first.annotations
    )
    for found, image_record in zip(images, written.images, strict=True):
        assert found.open().read() == image_record.open().read()
    assert (records.image_count, records.annotation_count) == (3, len(masks()))


@settings(max_examples=60, deadline=None)
@given(any_mask)
def test_any_mask_comes_back_bit_for_bit(mask):
    size = ImageRecord(1, "a.png", mask.shape[1], mask.shape[0])
    _, [found], report = read_bytes("labelme", write_as("labelme", dataset([annotation(1, mask)], [size])))
    assert report.refusals == []
    assert found.annotations == (annotation(1, mask),)


@settings(max_examples=40, deadline=None)
@given(any_mask)
def test_any_mask_comes_back_from_exact_polygons_with_holes_cut_open(mask):
    size = ImageRecord(1, "a.png", mask.shape[1], mask.shape[0])
    content = write_as("labelme", dataset([annotation(1, mask)], [size]), shapes="polygons", tolerance="0")
    _, [found], report = read_bytes("labelme", content)
    assert report.refusals == []
    assert found.annotations == (annotation(1, mask),)


def test_the_same_dataset_gives_the_same_bytes():
    assert write_as("labelme", world(), include_images=True) == write_as(
        "labelme", world(), include_images=True
    )


def test_progress_counts_images_and_annotations():
    seen = []
    row = FORMATS["labelme"]
    row.write(world(), io.BytesIO(), row.options_from({}), lambda done, total: seen.append((done, total)))
    assert seen[-1] == (3 + len(masks()), 3 + len(masks()))


def test_records_that_would_make_the_file_wrong_are_refused():
    twice = replace(world(), categories=(PERSON, CategoryRecord(id=7, name="person")))
    with pytest.raises(InvalidRecord, match="'person'"):
        write_as("labelme", twice)
    with pytest.raises(InvalidRecord, match="no file"):
        write_as("labelme", dataset([]), include_images=True)


def test_the_choices_in_words_leave_out_those_that_change_nothing():
    row = FORMATS["labelme"]
    assert row.describe(row.options_from({})) == "objects as masks"
    words = row.describe(row.options_from({"shapes": "polygons"}))
    assert words == "objects as polygons, outlines within half a pixel, holes cut open"


# --- labelme itself ---


@pytest.mark.parametrize("shapes", ["masks", "polygons"])
def test_labelme_opens_what_was_written_and_what_it_saves_is_read(tmp_path, shapes):
    content = write_as("labelme", world(), include_images=True, shapes=shapes, tolerance="0")
    folder = unpacked(content, tmp_path / "dataset")
    told = ask("labelme_shapes", folder, tmp_path / "copies")
    assert {name: row["picture"] for name, row in told.items()} == {
        "a/cat.json": "cat.png",
        "a/Cat-2.json": "Cat-2.jpg",
        "b/ü.json": "ü.png",
    }
    found = told["a/cat.json"]
    assert found["size"] == [HEIGHT, WIDTH]
    expected = next(iter(world().images)).annotations
    if shapes == "masks":
        assert [row["rle"] for row in found["shapes"]] == [row.segmentation for row in expected]
        assert [row["label"] for row in found["shapes"]] == [
            "person",
            "dög",
            *["person"] * (len(expected) - 2),
        ]
    else:
        parts = [row for row in found["shapes"] if row["other"]["uuid"] == expected[-2].uuid]
        assert len(parts) == 2 and {row["group"] for row in parts} == {len(expected) - 2}
    assert found["shapes"][0]["description"] == "Old tower"
    assert found["shapes"][0]["other"]["author"] == "alice"
    # Labelme puts the pictures into its own documents.
    _, ours, _ = read_source("labelme", FolderSource(folder))
    _, copies, report = read_source("labelme", FolderSource(tmp_path / "copies"))
    assert report.refusals == []
    by_name = {each.file_name.rpartition("/")[2]: each for each in copies}
    for each in ours:
        copy = by_name[each.file_name.rpartition("/")[2]]
        # Labels come in another order without labels.txt, so the masks are compared.
        assert [row.segmentation for row in copy.annotations] == [
            row.segmentation for row in each.annotations
        ]
        assert copy.open().read() == each.open().read()


# --- what others write ---


def test_shapes_of_one_group_and_label_are_one_object():
    other = [[10, 2], [12, 2], [12, 4], [10, 4]]
    content = document(
        [
            shape(group_id=3),
            shape(label="dog", group_id=3),
            shape(points=other, group_id=3),
            shape(points=other),
        ]
    )
    records, [found], report = read_bytes("labelme", content)
    assert report.refusals == []
    assert [(row.id, row.category_id, row.area) for row in found.annotations] == [
        (1, 1, 40),
        (2, 2, 36),
        (3, 1, 4),
    ]
    assert records.annotation_count == 3


@pytest.mark.parametrize(
    ("changes", "expected", "is_box"),
    [
        ({"shape_type": None}, drawn((slice(2, 8), slice(2, 8))), False),
        ({"shape_type": "rectangle", "points": [[8, 8], [2, 3]]}, drawn((slice(3, 8), slice(2, 8))), True),
        ({"shape_type": "rectangle", "points": SQUARE}, drawn((slice(2, 8), slice(2, 8))), True),
        ({"shape_type": "oriented_rectangle"}, drawn((slice(2, 8), slice(2, 8))), False),
        (
            {"shape_type": "circle", "points": [[5, 5], [5, 7]]},
            drawn((slice(3, 7), slice(4, 6)), (slice(4, 6), slice(3, 7))),
            False,
        ),
        (
            {"shape_type": "mask", "points": [[3, 4], [4, 5]], "mask": png_of(np.array([[1, 0], [1, 1]]))},
            drawn((slice(4, 6), 3), (5, 4)),
            False,
        ),
        (
            {"shape_type": "mask", "points": [[3, 4], [5, 6]], "mask": png_of(255 * np.eye(2), "RGBA")},
            drawn((4, 3), (5, 4)),
            False,
        ),
    ],
)
def test_every_shape_with_an_area_is_a_mask(changes, expected, is_box):
    record = the_annotation(document([shape(**changes)]))
    assert np.array_equal(rle.decode(record.segmentation), expected)
    assert record.is_box is is_box


def test_a_circle_covers_the_pixels_whose_centres_lie_in_it():
    for center, radius in (((7.3, 4.6), 3.2), ((0, 0), 5), ((19.5, 5), 4.25)):
        points = [list(center), [center[0] + radius, center[1]]]
        record = the_annotation(document([shape(shape_type="circle", points=points)]))
        y, x = np.mgrid[:10, :20] + 0.5
        expected = (x - center[0]) ** 2 + (y - center[1]) ** 2 <= radius**2
        assert np.array_equal(rle.decode(record.segmentation), expected)


def test_a_picture_is_found_by_a_path_that_leads_through_other_folders_and_on_windows():
    files = {
        "images/cat.png": png(20, 10),
        "labels/cat.json": document([shape()], imagePath="..\\images\\cat.png"),
    }
    _, [found], report = read_bytes("labelme", zip_of(files))
    assert report.refusals == []
    assert (found.file_name, found.open().read()) == ("images/cat.png", png(20, 10))


def test_the_size_is_the_pictures_where_the_document_has_none():
    sizeless = {"imageHeight": None, "imageWidth": None}
    beside = zip_of({"cat.jpg": png(20, 10), "cat.json": document([shape()], **sizeless)})
    within = document([shape()], imageData=base64.b64encode(png(20, 10)).decode(), **sizeless)
    for content in (beside, within):
        _, [found], report = read_bytes("labelme", content)
        assert report.refusals == []
        assert (found.width, found.height) == (20, 10)
        assert found.open().read() == png(20, 10)


def test_files_of_labelme_are_recognised_and_no_others():
    def is_ours(files) -> bool:
        return recognised(source_of(io.BytesIO(zip_of(files)), "a.zip")) == "labelme"

    assert is_ours({"a/cat.json": document([shape()])})
    assert recognised(source_of(io.BytesIO(write_as("labelme", world())), "a.zip")) == "labelme"
    assert not is_ours({"a.json": b'{"images": [], "annotations": [], "shapes": 1}'})
    assert not is_ours({"a.json": b'[{"shapes": [], "flags": {}}]', "b.json": b"\x00"})


# --- damage ---


@pytest.mark.parametrize(
    ("damaged", "code"),
    [
        ({"label": None}, "label_missing"),
        ({"label": ""}, "label_missing"),
        ({"label": ["cat"]}, "label_missing"),
        ({"points": None}, "points_malformed"),
        ({"points": [[1, 1], [5]]}, "points_malformed"),
        ({"points": [["a", "b"]] * 3}, "points_malformed"),
        ({"points": [[1, float("nan")]] * 3}, "points_malformed"),
        ({"points": [[1, 10**400]] * 3}, "points_malformed"),
        ({"points": [[1, 1], [5, 5]]}, "polygon_malformed"),
        ({"points": [[1, 1], [5, 5], [1e9, 1]]}, "polygon_malformed"),
        ({"points": [[1, 1], [1, 1], [1, 1]]}, "mask_empty"),
        ({"shape_type": "line"}, "shape_without_area"),
        ({"shape_type": "point"}, "shape_without_area"),
        ({"shape_type": "linestrip"}, "shape_without_area"),
        ({"shape_type": "sphere"}, "shape_unknown"),
        ({"shape_type": ["mask"]}, "shape_unknown"),
        ({"shape_type": "circle"}, "points_malformed"),
        ({"shape_type": "circle", "points": [[5, 5], [5, 5]]}, "polygon_malformed"),
        ({"shape_type": "circle", "points": [[5, 5], [5e5, 5]]}, "polygon_malformed"),
        ({"shape_type": "mask"}, "mask_malformed"),
        ({"shape_type": "mask", "points": [[1, 1], [2, 2]], "mask": "?"}, "mask_malformed"),
        ({"shape_type": "mask", "points": [[1, 1], [2, 2]], "mask": "AAAA"}, "mask_malformed"),
        ({"shape_type": "mask", "points": [[1, 1], [5, 2]], "mask": png_of(np.eye(2))}, "mask_size_mismatch"),
        (
            {"shape_type": "mask", "points": [[19, 1], [20, 2]], "mask": png_of(np.eye(2))},
            "rle_size_mismatch",
        ),
        ({"shape_type": "mask", "points": [[1, 1], [2, 2]], "mask": png_of(np.zeros((2, 2)))}, "mask_empty"),
        ({"predicted_iou": "good"}, "figure_malformed"),
    ],
)
def test_a_damaged_shape_is_reported_by_its_place_and_the_others_are_read(damaged, code):
    content = zip_of({"a/cat.json": document([shape(), shape() | damaged, shape()])})
    _, [found], report = read_bytes("labelme", content)
    assert [row.id for row in found.annotations] == [1, 3]
    [refusal] = report.refusals
    assert (refusal.place, refusal.code) == ("a/cat.json: shapes[1]", code)
    assert refusal.message


def test_a_damaged_part_is_reported_and_the_others_make_the_object():
    content = document([shape(group_id=1), shape(group_id=1, points=[[1, 1]]), "text"])
    _, [found], report = read_bytes("labelme", content, "cat.json")
    assert [row.area for row in found.annotations] == [36]
    assert [(refusal.place, refusal.code) for refusal in report.refusals] == [
        ("cat.json: shapes[1]", "polygon_malformed"),
        ("cat.json: shapes[2]", "label_missing"),
    ]


def test_a_damaged_document_is_reported_and_the_others_are_read():
    files = {
        "a.json": document([shape()])[:-20],
        "b.json": b"\xff\xfe\x00",
        "c.json": b'{"images": []}',
        "d.json": document([shape()], imageHeight=0),
        "e.json": document([shape()], imageHeight=None),
        "f.json": document([shape()]),
        "g.json": b"[" * 100_000,
        "h.json": b'{"shapes": [' + b"1" * 5000 + b"]}",
    }
    _, [found], report = read_bytes("labelme", zip_of(files))
    assert len(found.annotations) == 1
    assert {refusal.place for refusal in report.refusals} == set(files) - {"f.json"}
    said = {refusal.place: refusal.message for refusal in report.refusals}
    assert "line 1, column" in said["a.json"] and "a.json" in said["a.json"]
    assert "UTF-8" in said["b.json"] and "'shapes'" in said["c.json"]


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"", "line 1"),
        (b'{"shapes": [\n}', "line 2, column 1"),
        (b"[]", "'shapes'"),
        (zip_of({"cat.jpg": b""}), "no .json"),
    ],
)
def test_files_of_another_kind_are_refused_as_a_whole(content, says):
    with pytest.raises(UnreadableFile, match=says):
        read_bytes("labelme", content)


def test_damaged_files_are_unreadable_or_their_entries_refused_and_never_anything_else():
    mask = shape(shape_type="mask", points=[[3, 4], [4, 5]], mask=png_of(np.eye(2)))
    single = document([shape(), mask, shape(shape_type="circle", points=[[5, 5], [5, 7]])])
    damage("labelme", [single, zip_of({"cat.json": single, "cat.jpg": png(20, 10)})])


def test_labels_that_fit_on_no_line_are_still_the_shapes():
    odd = CategoryRecord(id=1, name="two\nlines")
    content = write_as("labelme", replace(dataset([annotation(1, masks()["disc"])]), categories=(odd,)))
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        assert archive.read("labels.txt") == b"__ignore__\n_background_\n"
    records, _, _ = read_bytes("labelme", content)
    assert [category.name for category in records.categories] == ["two\nlines"]
