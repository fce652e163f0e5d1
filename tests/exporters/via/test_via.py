"""VIA's files, made by hand as VIA 1 and VIA 2 lay them out."""

from __future__ import annotations

import csv
import io
import json
import math

import numpy as np
import pytest

from exporters.errors import UnreadableFile
from exporters.registry import export_formats, recognised
from exporters.source import source_of
from segmentation import rle
from tests.exporters.files import zip_of
from tests.exporters.pictures import png
from tests.exporters.reading_back import damage, read_bytes

SQUARE = {"name": "polygon", "all_points_x": [2, 8, 8, 2], "all_points_y": [2, 2, 8, 8]}
PICTURES = {"cat.png": png(20, 10)}


def region(shape=SQUARE, **attributes) -> dict:
    return {"shape_attributes": shape, "region_attributes": attributes or {"class": "cat"}}


def image(*regions, name="cat.png", **changes) -> dict:
    return {
        name + "123": {"filename": name, "size": 123, "regions": list(regions), "file_attributes": {}}
        | changes
    }


def project(images: dict, **attributes) -> bytes:
    settings = {"ui": {}, "core": {}, "project": {"name": "cats"}}
    content = {"_via_settings": settings, "_via_img_metadata": images}
    return json.dumps(content | {"_via_attributes": {"region": attributes, "file": {}}}).encode()


def table(
    *rows,
    head="filename,file_size,file_attributes,region_count,region_id,region_shape_attributes,region_attributes",
):
    stream = io.StringIO()
    stream.write(head + "\n")
    csv.writer(stream).writerows(rows)
    return stream.getvalue().encode()


def drawn(*slices) -> np.ndarray:
    mask = np.zeros((10, 20), bool)
    for rows, columns in slices:
        mask[rows, columns] = True
    return mask


def read(document: bytes, name="via.json"):
    return read_bytes("via", zip_of(PICTURES | {name: document}))


@pytest.mark.parametrize(
    "document",
    [
        project(image(region(), region())),
        json.dumps(image(region(), region())).encode(),
        # VIA 1 numbers its regions.
        json.dumps(image(regions={"0": region(), "1": region()}, base64_img_data="", fileref="")).encode(),
    ],
)
def test_a_project_an_export_and_one_of_via_1_are_read(document):
    records, [found], report = read(document)
    assert report.refusals == []
    assert [(row.id, row.area, row.category_id) for row in found.annotations] == [(1, 36, 1), (2, 36, 1)]
    assert [category.name for category in records.categories] == ["cat"]
    assert (found.file_name, found.width, found.height) == ("cat.png", 20, 10)
    assert found.open().read() == PICTURES["cat.png"]
    assert (records.image_count, records.annotation_count) == (1, 2)


@pytest.mark.parametrize("mark", ["", "#"])
def test_a_table_is_read(mark):
    row = ["cat.png", 123, "{}", 2]
    head = (
        mark
        + "filename,file_size,file_attributes,region_count,region_id,region_shape_attributes,region_attributes"
    )
    document = table(
        [*row, 0, json.dumps(SQUARE), '{"class":"cat"}'],
        [*row, 1, json.dumps(SQUARE), '{"class":"dog"}'],
        ["dog.png", 5, "{}", 0, 0, "{}", "{}"],
        head=head,
    )
    pictures = PICTURES | {"dog.png": png(5, 4)}
    records, images, report = read_bytes("via", zip_of(pictures | {"via.csv": document}))
    assert report.refusals == []
    assert [(found.file_name, len(found.annotations)) for found in images] == [("cat.png", 2), ("dog.png", 0)]
    assert [category.name for category in records.categories] == ["cat", "dog"]


def test_documents_in_folders_of_splits_have_their_pictures_beside_them():
    """As the balloon dataset of Mask R-CNN's tutorial is laid out, with pictures of one name in both folders."""
    files = {}
    for split, width in (("train", 20), ("val", 30)):
        files[f"balloon/{split}/cat.png"] = png(width, 10)
        files[f"balloon/{split}/via_region_data.json"] = json.dumps(image(region())).encode()
    _, images, report = read_bytes("via", zip_of(files))
    assert report.refusals == []
    assert [(found.id, found.split, found.width) for found in images] == [(1, "train", 20), (2, "val", 30)]
    assert [row.id for found in images for row in found.annotations] == [1, 2]


@pytest.mark.parametrize(
    ("shape", "expected", "is_box"),
    [
        ({"name": "rect", "x": 2, "y": 3, "width": 6, "height": 5}, drawn((slice(3, 8), slice(2, 8))), True),
        (
            {"name": "circle", "cx": 5, "cy": 5, "r": 2},
            drawn((slice(3, 7), slice(4, 6)), (slice(4, 6), slice(3, 7))),
            False,
        ),
        (
            {"name": "ellipse", "cx": 5, "cy": 5, "rx": 2, "ry": 2},
            drawn((slice(3, 7), slice(4, 6)), (slice(4, 6), slice(3, 7))),
            False,
        ),
        # A line of one pixel's height, turned upright.
        (
            {"name": "ellipse", "cx": 6.5, "cy": 5, "rx": 3, "ry": 0.4, "theta": math.pi / 2},
            drawn((slice(2, 8), 6)),
            False,
        ),
    ],
)
def test_every_shape_with_an_area_is_a_mask(shape, expected, is_box):
    _, [found], report = read(project(image(region(shape))))
    assert report.refusals == []
    [record] = found.annotations
    assert np.array_equal(rle.decode(record.segmentation), expected)
    assert record.is_box is is_box


OPTIONS = {"type": "dropdown", "options": {"dog": "", "cat": ""}}


@pytest.mark.parametrize(
    ("regions", "attributes", "categories"),
    [
        # One with a list to choose from, in the list's order; before others, and among several the one named so.
        ([region(kind="cat", note="x")], {"kind": OPTIONS, "note": {"type": "text"}}, ["dog", "cat"]),
        ([region(kind="cat", label="x")], {"kind": OPTIONS}, ["dog", "cat"]),
        (
            [region(label="cat", pose="b")],
            {"pose": {"type": "radio", "options": {"b": ""}}, "label": OPTIONS},
            ["dog", "cat"],
        ),
        # One that is called so.
        ([region(note="x", Label="cat"), region(note="y", Label="dog")], {}, ["cat", "dog"]),
        # The one that most regions have.
        ([region(a="x"), region(b="cat"), region(b="dog")], {}, ["cat", "dog"]),
        # A checkbox.
        (
            [region(animal={"dog": False, "cat": True})],
            {"animal": {"type": "checkbox", "options": {"cat": ""}}},
            ["cat"],
        ),
        # None at all.
        ([{"shape_attributes": SQUARE, "region_attributes": {}}], {}, ["object"]),
    ],
)
def test_the_attribute_that_holds_the_class_is_found(regions, attributes, categories):
    records, [found], report = read(project(image(*regions), **attributes))
    assert [category.name for category in records.categories] == categories
    names = {category.id: category.name for category in records.categories}
    assert names[found.annotations[-1].category_id] in ("cat", "dog", "object")
    assert len(found.annotations) + len(report.refusals) == len(regions)
    assert {refusal.code for refusal in report.refusals} <= {"label_missing"}


def test_a_size_that_somebody_wrote_into_the_file_s_attributes_counts_where_the_picture_is_missing():
    told = image(region(), name="far.png", file_attributes={"width": "20", "height": 10})
    unknown = image(region(), name="gone.png")
    _, [found], report = read(project(told | unknown))
    assert (found.file_name, found.width, found.height, found.open) == ("far.png", 20, 10, None)
    [refusal] = report.refusals
    assert (refusal.place, refusal.code) == ("via.json: gone.png", "size_unknown")


def test_an_address_on_the_web_is_a_path():
    files = {
        "photos/a cat.png": png(20, 10),
        "via.json": project(image(region(), name="https://a.example/photos/a%20cat.png?x=1")),
    }
    _, [found], report = read_bytes("via", zip_of(files))
    assert report.refusals == []
    assert found.file_name == "photos/a cat.png" and found.open is not None


def test_files_of_via_are_recognised_and_it_is_only_read():
    def name_of(content: bytes, name: str) -> str | None:
        return recognised(source_of(io.BytesIO(content), name))

    assert name_of(project(image(region())), "a.json") == "via"
    assert name_of(json.dumps(image(region())).encode(), "a.json") == "via"
    assert name_of(table(), "a.csv") == "via"
    assert name_of(b"filename,width,height\n", "a.csv") != "via"
    assert name_of(b'{"images": [], "annotations": []}', "a.json") != "via"
    assert "via" not in export_formats()


# --- damage ---


@pytest.mark.parametrize(
    ("damaged", "code"),
    [
        ("text", "region_malformed"),
        (region(None), "region_malformed"),
        (region({"name": None}), "shape_unknown"),
        (region({"name": ["rect"]}), "shape_unknown"),
        (region({"name": "point", "cx": 1, "cy": 1}), "shape_without_area"),
        (region(SQUARE | {"name": "polyline"}), "shape_without_area"),
        (region(SQUARE | {"all_points_x": [1, 2]}), "points_malformed"),
        (region(SQUARE | {"all_points_x": None}), "points_malformed"),
        (region(SQUARE | {"all_points_x": [1, 2, 3, "4"]}), "points_malformed"),
        (region(SQUARE | {"all_points_x": [1, 2, 3, float("nan")]}), "points_malformed"),
        (region(SQUARE | {"all_points_x": [1, 2, 3, 10**400]}), "points_malformed"),
        (region(SQUARE | {"all_points_x": [1, 2], "all_points_y": [1, 2]}), "polygon_malformed"),
        (region(SQUARE | {"all_points_x": [1, 1, 1, 1], "all_points_y": [1, 1, 1, 1]}), "mask_empty"),
        (region({"name": "rect", "x": 1, "y": 1, "width": 3}), "points_malformed"),
        (region({"name": "circle", "cx": 1, "cy": 1, "r": -1}), "polygon_malformed"),
        (region(other="cat"), "label_missing"),
        ({"shape_attributes": SQUARE, "region_attributes": []}, "label_missing"),
        ({"shape_attributes": SQUARE, "region_attributes": {"class": ["cat"]}}, "label_missing"),
    ],
)
def test_a_damaged_region_is_reported_by_its_place_and_the_others_are_read(damaged, code):
    _, [found], report = read(project(image(region(), damaged, region())))
    assert [row.id for row in found.annotations] == [1, 3]
    [refusal] = report.refusals
    assert (refusal.place, refusal.code) == ("via.json: cat.png: regions[1]", code)


def test_damaged_images_and_files_are_reported_and_the_others_are_read():
    files = PICTURES | {
        "a.json": project({"x": 5, "y": {"regions": []}} | image(region())),
        "b.json": b'{"a": [\n}',
        "c.csv": b"a,b\n1,2\n",
        "broken.png": b"no picture",
        "d.json": project(image(region(), name="broken.png")),
        "e.csv": table(["cat.png", 1, "{}", 1, 0, "{broken", "{}"]),
    }
    _, images, report = read_bytes("via", zip_of(files))
    assert [len(found.annotations) for found in images] == [1, 0]
    assert {refusal.place: refusal.code for refusal in report.refusals} == {
        "a.json: image 0": "file_name_missing",
        "a.json: image 1": "file_name_missing",
        "b.json": "unreadable_dataset_file",
        "c.csv": "unreadable_dataset_file",
        "d.json: broken.png": "unreadable_dataset_file",
        "e.csv: cat.png: line 2": "region_malformed",
    }


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"", "line 1"),
        (b'{"a": [\n}', "line 2, column 1"),
        (b"[]", "no JSON object"),
        (b'{"images": []}', "no image"),
        (zip_of({"a.png": b""}), "no .json or .csv"),
        (zip_of({"a.csv": b"a\x00,b"}), "a.csv"),
        (zip_of({"a.csv": b"\xff"}), "UTF-8"),
    ],
)
def test_files_of_another_kind_are_refused_as_a_whole(content, says):
    with pytest.raises(UnreadableFile, match=says):
        read_bytes("via", content, "a.json")


def test_damaged_files_are_unreadable_or_their_entries_refused_and_never_anything_else():
    one = project(image(region(), region({"name": "circle", "cx": 5, "cy": 5, "r": 2})), **{"class": OPTIONS})
    row = ["cat.png", 123, "{}", 2, 0, json.dumps(SQUARE), '{"class":"cat"}']
    damage("via", [one, zip_of(PICTURES | {"a.json": one}), zip_of(PICTURES | {"a.csv": table(row)})])
