"""Label Studio's tasks: ours bit for bit, others as far as they are sound."""

from __future__ import annotations

import io
import json
import zipfile
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings

from exporters.errors import InvalidRecord, UnreadableFile
from exporters.label_studio import brush
from exporters.records import CategoryRecord, ImageRecord
from exporters.registry import FORMATS, recognised
from exporters.source import source_of
from segmentation import rle
from tests.exporters.files import unpacked, zip_of
from tests.exporters.mask_strategies import masks as any_mask
from tests.exporters.pictures import png, with_picture
from tests.exporters.reading_back import damage, read_bytes
from tests.exporters.world import PERSON, annotation, dataset, image, masks, write_as
from tests.readers.ask import ask

ODD = 'dög "<&>" x'
PROMPT = {"points": [{"x": 1, "y": 2, "label": 1}]}
SQUARE = {"points": [[10, 20], [40, 20], [40, 80], [10, 80]], "polygonlabels": ["cat"]}  # 6 x 6 pixels


def world():
    """Three images, every shape on the first."""
    rows = [annotation(number, mask) for number, mask in enumerate(masks().values(), 1)]
    rows[0] = replace(rows[0], author="alice", bundle_digest="ab" * 32, prompt=PROMPT, name="Old tower")
    rows[1] = replace(rows[1], category_id=2)
    names = ("a/cat.png", "a/Cat.png", "b/ü & 100%?.png")
    images = [
        replace(with_picture(image(number, name)), split=split)
        for number, name, split in zip((1, 2, 3), names, ("train", "val", ""), strict=True)
    ]
    person = replace(PERSON, supercategory="")
    return replace(
        dataset(rows, images), categories=(person, CategoryRecord(id=2, name=ODD, color="#ff0000"))
    )


def region(value=SQUARE, kind="polygonlabels", **changes) -> dict:
    size = {"original_width": 20, "original_height": 10, "image_rotation": 0}
    return (
        {"id": "r", "type": kind, "from_name": "label", "to_name": "image", "value": value} | size | changes
    )


def task(*regions, **changes) -> dict:
    return {
        "id": 7,
        "data": {"image": "/data/upload/1/cat.png"},
        "annotations": [{"result": list(regions)}],
    } | changes


def document(*tasks) -> bytes:
    return json.dumps(list(tasks)).encode()


def drawn(*slices) -> np.ndarray:
    mask = np.zeros((10, 20), bool)
    for rows, columns in slices:
        mask[rows, columns] = True
    return mask


# --- round trips ---


def test_what_was_written_comes_back_bit_for_bit_with_pictures_and_origin():
    written = world()
    records, images, report = read_bytes(
        "label_studio", write_as("label_studio", written, include_images=True)
    )
    assert report.refusals == []
    assert records.categories == written.categories
    assert [found.file_name for found in images] == ["a/cat.png", "a/Cat-2.png", "b/ü & 100%_.png"]
    for found, image_record in zip(images, written.images, strict=True):
        assert found.annotations == image_record.annotations
        assert found.open().read() == image_record.open().read()
        assert (found.split, found.width, found.height) == (
            image_record.split,
            image_record.width,
            image_record.height,
        )
    assert (records.image_count, records.annotation_count) == (3, len(masks()))


@settings(max_examples=60, deadline=None)
@given(any_mask)
def test_any_mask_comes_back_bit_for_bit_and_from_exact_polygons(mask):
    size = ImageRecord(1, "a.png", mask.shape[1], mask.shape[0])
    written = dataset([annotation(1, mask)], [size])
    for options in ({}, {"shapes": "polygons", "tolerance": "0"}):
        _, [found], report = read_bytes("label_studio", write_as("label_studio", written, **options))
        assert report.refusals == []
        assert found.annotations == (annotation(1, mask),)


def test_the_same_dataset_gives_the_same_bytes_and_progress_ends():
    assert write_as("label_studio", world()) == write_as("label_studio", world())
    seen = []
    row = FORMATS["label_studio"]
    row.write(world(), io.BytesIO(), row.options_from({}), lambda done, total: seen.append((done, total)))
    assert seen[-1] == (3 + len(masks()), 3 + len(masks()))


def test_a_dataset_without_anything_is_still_a_list():
    content = write_as("label_studio", replace(dataset([]), images=()))
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        assert json.loads(archive.read("tasks.json")) == []
    assert read_bytes("label_studio", content)[1] == []


def test_records_that_would_make_the_file_wrong_are_refused():
    with pytest.raises(InvalidRecord, match="'person'"):
        write_as("label_studio", replace(dataset([]), categories=(PERSON, replace(PERSON, id=2))))
    with pytest.raises(InvalidRecord, match="no file"):
        write_as("label_studio", dataset([]), include_images=True)


# --- Label Studio itself ---


@pytest.mark.parametrize("shapes", ["masks", "polygons"])
def test_label_studio_s_converter_opens_what_was_written(tmp_path, shapes):
    folder = unpacked(write_as("label_studio", world(), shapes=shapes, tolerance="0"), tmp_path)
    told = ask("label_studio_regions", folder / "tasks.json", folder / "label_config.xml")
    assert told["tags"] == {"label": ["person", ODD]}
    assert set(told["tasks"]) == {"1", "2", "3"}
    found, expected = told["tasks"]["1"], next(iter(world().images)).annotations
    assert [row["label"] for row in found[:3]] == [["person"], [ODD], ["person"]]
    if shapes == "masks":
        assert [row["rle"] for row in found] == [row.segmentation for row in expected]
    else:
        corner = {tuple(map(round, point)) for point in found[14]["points"]}
        assert corner == {(0, 0), (5, 0), (5, 5), (0, 5)}
        assert len(found) > len(expected)


# --- what others write ---


@pytest.mark.parametrize(
    ("given", "expected", "is_box"),
    [
        (region(), drawn((slice(2, 8), slice(2, 8))), False),
        (
            region(
                {"x": 10, "y": 30, "width": 30, "height": 50, "rectanglelabels": ["cat"]}, "rectanglelabels"
            ),
            drawn((slice(3, 8), slice(2, 8))),
            True,
        ),
        (
            # A quarter turn about its first corner: to the left and down.
            region(
                {"x": 50, "y": 20, "width": 30, "height": 20, "rotation": 90, "rectanglelabels": ["cat"]},
                "rectanglelabels",
            ),
            drawn((slice(2, 8), slice(8, 10))),
            True,
        ),
        (
            region(
                {"x": 25, "y": 50, "radiusX": 10, "radiusY": 20, "ellipselabels": ["cat"]}, "ellipselabels"
            ),
            drawn((slice(3, 7), slice(4, 6)), (slice(4, 6), slice(3, 7))),
            False,
        ),
        (
            region(
                {"format": "rle", "rle": brush.encode([43, 2, 155]), "brushlabels": ["cat"]}, "brushlabels"
            ),
            drawn((2, slice(3, 5))),
            False,
        ),
        (region({**SQUARE, "labels": ["cat"]}, "labels"), drawn((slice(2, 8), slice(2, 8))), False),
    ],
)
def test_every_region_with_an_area_is_a_mask(given, expected, is_box):
    records, [found], report = read_bytes("label_studio", document(task(given)))
    assert report.refusals == []
    [record] = found.annotations
    assert np.array_equal(rle.decode(record.segmentation), expected)
    assert record.is_box is is_box
    assert [category.name for category in records.categories] == ["cat"]


def test_a_region_that_two_tags_wrote_is_one():
    bare = region({"points": SQUARE["points"]}, "polygon")
    other = bare | {"id": "s"}
    _, [found], report = read_bytes(
        "label_studio", document(task(bare, region({**SQUARE, "labels": ["cat"]}, "labels"), other))
    )
    assert [row.area for row in found.annotations] == [36]
    assert [refusal.code for refusal in report.refusals] == ["label_missing"]  # `other` has none


def test_all_annotations_are_read_but_those_cancelled_and_predictions_only_where_there_are_none():
    by = {"completed_by": {"id": 1, "email": "ann@example.org"}, "created_at": "2024-05-06T07:08:09Z"}
    offered = {"model_version": "v1", "score": 0.5, "result": [region(), region(score=0.75)]}
    drawn_by_two = task(predictions=[offered])
    drawn_by_two["annotations"] = [
        by | {"result": [region()]},
        {"was_cancelled": True, "result": [region()]},
        {"completed_by": 4, "result": [region()]},
    ]
    only_offered = task(annotations=[{"was_cancelled": True, "result": []}], predictions=[offered])
    said_empty = task(predictions=[offered], meta={"width": 20, "height": 10})
    _, images, report = read_bytes("label_studio", document(drawn_by_two, only_offered, said_empty))
    assert report.refusals == []
    assert [row.author for row in images[0].annotations] == ["ann@example.org", ""]
    assert images[0].annotations[0].created_at.isoformat() == "2024-05-06T07:08:09+00:00"
    assert [row.predicted_iou for row in images[1].annotations] == [0.5, 0.75]
    assert images[2].annotations == ()


def test_choices_text_and_relations_cannot_be_kept_and_each_kind_is_named_once():
    others = [
        {"type": "choices", "value": {"choices": ["good"]}},
        {"type": "textarea", "value": {"text": ["a cat"]}},
        {"type": "relation", "from_id": "r", "to_id": "s"},
        # Of the region alone: Label Studio repeats its place and its id.
        region(SQUARE | {"choices": ["torn"]}, "choices"),
    ]
    records, [found], report = read_bytes("label_studio", document(task(*others, region())), "tasks.json")
    assert (len(found.annotations), records.annotation_count) == (1, 1)
    assert [(refusal.place, refusal.code) for refusal in report.refusals] == [
        (f"tasks.json: {kind}", "not_of_a_mask") for kind in ("choices", "textarea", "relation")
    ]


@pytest.mark.parametrize("kind", ["keypoint", "keypointlabels"])
def test_a_key_point_has_no_area_whatever_its_size(kind):
    point = region({"x": 1, "y": 1, "width": 0.3, "keypointlabels": ["cat"]}, kind)
    _, _, report = read_bytes("label_studio", document(task(point)))
    assert [refusal.code for refusal in report.refusals] == ["shape_without_area"]


def test_what_was_uploaded_to_label_studio_is_known_by_the_name_that_it_had_before():
    """Label Studio puts eight digits of a UUID before the name; annotations alone would find no picture here."""
    data = {"image": "/data/upload/1/0a1b2c3d-cat.png"}
    _, [alone], _ = read_bytes("label_studio", document(task(region(), data=data)))
    assert alone.file_name == "cat.png"
    other = {"image": "/data/local-files/?d=0a1b2c3d-cat.png"}
    _, [local], _ = read_bytes("label_studio", document(task(region(), data=other)))
    assert local.file_name == "0a1b2c3d-cat.png"


@pytest.mark.parametrize(
    ("data", "name"),
    [
        ({"image": "/data/upload/12/cat.png"}, "cat.png"),
        ({"image": "/data/upload/12/1a2b3c4d-cat.png"}, "cat.png"),
        ({"image": "/data/local-files/?d=photos/a%20b/cat.png"}, "photos/a b/cat.png"),
        ({"image": "s3://bucket/photos/cat.png"}, "photos/cat.png"),
        ({"image": "https://example.org/photos/cat.png?size=2"}, "photos/cat.png"),
        ({"text": "what", "photo": "../photos/cat.PNG"}, "photos/cat.PNG"),
        ({"image": "https://[broken"}, "https://[broken"),
    ],
)
def test_a_picture_s_name_is_found_in_its_address(data, name):
    _, [found], report = read_bytes("label_studio", document(task(region(), data=data)))
    assert report.refusals == []
    assert found.file_name == name


@pytest.mark.parametrize("stored", ["images/1a2b3c4d-cat.png", "images/cat.png"])
def test_a_picture_is_found_by_the_name_that_it_was_uploaded_with_and_by_that_it_got(stored):
    sent = task(region(), data={"image": "/data/upload/12/1a2b3c4d-cat.png"})
    _, [found], _ = read_bytes("label_studio", zip_of({"tasks.json": document(sent), stored: png(20, 10)}))
    assert (found.file_name, found.open().read()) == ("cat.png", png(20, 10))


def test_the_size_is_the_picture_s_where_no_region_has_one():
    files = {"tasks.json": document(task()), "images/cat.png": png(20, 10)}
    _, [found], _ = read_bytes("label_studio", zip_of(files))
    assert (found.width, found.height, found.open().read()) == (20, 10, png(20, 10))
    _, images, report = read_bytes("label_studio", document(task()), "tasks.json")
    assert images == []
    assert [(refusal.place, refusal.code) for refusal in report.refusals] == [
        ("tasks.json: [0] (id 7)", "size_unknown")
    ]


def test_labels_come_in_the_order_of_the_interface_with_their_colours():
    interface = (
        b'<View><BrushLabels name="b" toName="i"><Label value="dog" background="#112233"/>'
        b'<Label value="cat"/></BrushLabels></View>'
    )
    for config, expected in (
        (interface, (CategoryRecord(1, "dog", color="#112233"), CategoryRecord(2, "cat"))),
        (b"<!DOCTYPE x>" + interface, (CategoryRecord(1, "cat"),)),
        (interface[:-3], (CategoryRecord(1, "cat"),)),
    ):
        records, _, _ = read_bytes(
            "label_studio", zip_of({"tasks.json": document(task(region())), "label_config.xml": config})
        )
        assert records.categories == expected


def test_one_task_by_itself_and_a_byte_order_mark_are_read():
    for content in (json.dumps(task(region())).encode(), b"\xef\xbb\xbf" + document(task(region()))):
        _, [found], report = read_bytes("label_studio", content)
        assert (len(found.annotations), report.refusals) == (1, [])


def test_files_of_label_studio_are_recognised_and_no_others():
    def name_of(content: bytes) -> str | None:
        return recognised(source_of(io.BytesIO(content), "tasks.json"))

    assert name_of(document(task(region()))) == "label_studio"
    assert name_of(write_as("label_studio", world())) == "label_studio"
    assert name_of(b'[{"shapes": []}]') != "label_studio"
    assert name_of(b'{"data": 1, "annotations": [], "images": []}') != "label_studio"


# --- damage ---


@pytest.mark.parametrize(
    ("damaged", "code"),
    [
        ("text", "label_missing"),
        (region(kind="rectanglelabels"), "label_missing"),
        (region({"points": SQUARE["points"], "polygonlabels": []}), "label_missing"),
        (region({"points": SQUARE["points"], "polygonlabels": "cat"}), "label_missing"),
        (region(SQUARE | {"points": None}), "points_malformed"),
        (region(SQUARE | {"points": [[1, 2], [3]]}), "points_malformed"),
        (region(SQUARE | {"points": [["a", "b"]]}), "points_malformed"),
        (region(SQUARE | {"points": [[10, 10], [20, 20]]}), "polygon_malformed"),
        (region(SQUARE | {"points": [[10, 10], [20, 20], [1e8, 5]]}), "polygon_malformed"),
        (region(SQUARE | {"points": [[10, 10], [20, 20], [1e300, 5]]}), "points_malformed"),
        (region(SQUARE | {"points": [[10, 10], [10, 10], [10, 10]]}), "mask_empty"),
        (region({"x": 1, "y": 1, "keypointlabels": ["cat"]}, "keypointlabels"), "shape_without_area"),
        (
            region(
                {"x": "1", "y": 1, "width": 5, "height": 5, "rectanglelabels": ["cat"]}, "rectanglelabels"
            ),
            "points_malformed",
        ),
        (
            region({"x": 1, "y": 1, "radiusX": 0, "radiusY": 5, "ellipselabels": ["cat"]}, "ellipselabels"),
            "polygon_malformed",
        ),
        (region({"rle": [1, 2, 3], "brushlabels": ["cat"]}, "brushlabels"), "brush_malformed"),
        (region({"rle": None, "brushlabels": ["cat"]}, "brushlabels"), "brush_malformed"),
        (region({"rle": brush.encode([10, 4]), "brushlabels": ["cat"]}, "brushlabels"), "brush_malformed"),
        (region({"rle": brush.encode([200]), "brushlabels": ["cat"]}, "brushlabels"), "mask_empty"),
        (region(image_rotation=90), "image_turned"),
        (region(meta={"predicted_iou": "good"}), "figure_malformed"),
        (region({"points": SQUARE["points"]}, "polygon", id=["r"]), "label_missing"),
    ],
)
def test_a_damaged_region_is_reported_by_its_place_and_the_others_are_read(damaged, code):
    if isinstance(damaged, dict) and damaged["id"] == "r":
        damaged = damaged | {"id": "another"}
    _, [found], report = read_bytes("label_studio", document(task(region(), damaged, region())), "tasks.json")
    assert [row.id for row in found.annotations] == [1, 3]
    [refusal] = report.refusals
    assert (refusal.place, refusal.code) == ("tasks.json: [0] (id 7): annotations[0].result[1]", code)
    assert refusal.message


@pytest.mark.parametrize(
    ("damaged", "code"),
    [
        ("text", "task_malformed"),
        ({"image": "cat.png", "label": []}, "task_malformed"),
        (task(region(), data={"image": 3}), "file_name_missing"),
        (task(region(original_width=0)), "size_malformed"),
        (task(region(original_width="20")), "size_malformed"),
    ],
)
def test_a_damaged_task_is_reported_and_the_others_are_read(damaged, code):
    _, [found], report = read_bytes("label_studio", document(damaged, task(region())), "tasks.json")
    assert len(found.annotations) == 1
    [refusal] = report.refusals
    assert refusal.place.startswith("tasks.json: [0]") and refusal.code == code


def test_entries_of_odd_kinds_cost_nothing_else():
    odd = [task(annotations=value, predictions=value) for value in (None, 5, "x", [5], [{"result": 3}])]
    _, images, report = read_bytes("label_studio", document(*odd, task(region())))
    assert len(images) == 1 and {refusal.code for refusal in report.refusals} == {"size_unknown"}


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"", "tasks.json: line 1, column 1"),
        (
            document(task(region()), task(region()))[:-30],
            "tasks.json: line 1, column .*: the file is not JSON",
        ),
        (b"[" * 100_000, "tasks.json"),
        (b'[{"data": {}, "n": ' + b"9" * 5000 + b"}]", "tasks.json: line 1"),
        (b"\xff\xfe\x00", "tasks.json: "),
        (b'{"images": [], "annotations": []}', "JSON-MIN"),
        (zip_of({"a.jpg": b""}), "no .json"),
    ],
)
def test_files_of_another_kind_are_refused_as_a_whole(content, says):
    with pytest.raises(UnreadableFile, match=says):
        read_bytes("label_studio", content, "tasks.json")


def test_one_endless_task_is_refused_and_many_short_ones_are_not(monkeypatch):
    monkeypatch.setattr("exporters.json_stream.MAX_VALUE_CHARACTERS", 400_000)
    with pytest.raises(UnreadableFile, match="one value is longer"):
        read_bytes("label_studio", document(task(region()), task(*[region()] * 10_000)))
    _, images, _ = read_bytes("label_studio", document(*[task(region())] * 3000))
    assert len(images) == 3000


def test_damaged_files_are_unreadable_or_their_entries_refused_and_never_anything_else():
    value = {"format": "rle", "rle": brush.encode([43, 2, 155]), "brushlabels": ["cat"]}
    single = document(
        task(region(), region(value, "brushlabels")), task(predictions=[{"score": 1, "result": [region()]}])
    )
    damage("label_studio", [single, zip_of({"tasks.json": single, "cat.png": png(20, 10)})])
