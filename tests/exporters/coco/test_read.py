"""COCO files read back: ours bit for bit, others as far as they are sound."""

from __future__ import annotations

import contextlib
import io
import json
import tracemalloc
import zipfile
from dataclasses import replace

import numpy as np
import pytest

from exporters.errors import UnreadableFile
from exporters.reading import ReadReport
from exporters.records import AnnotationRecord, DatasetRecord, ImageRecord
from exporters.registry import FORMATS, recognised
from exporters.source import source_of
from segmentation import rle
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

SQUARE = [2, 2, 8, 2, 8, 8, 2, 8]  # 6 x 6 pixels


def read(content: bytes) -> tuple[DatasetRecord, list[ImageRecord], ReadReport]:
    report = ReadReport()
    records = FORMATS["coco"].read(source_of(io.BytesIO(content), "dataset.json"), report)
    return records, list(records.images), report


def file_with(
    annotations=(), images=({"id": 1, "file_name": "a.jpg", "width": 20, "height": 10},), **more
) -> bytes:
    categories = [{"id": 1, "name": "cat"}]
    return json.dumps(
        {"images": list(images), "annotations": list(annotations), "categories": categories} | more
    ).encode()


def row(number: int = 1, **changes) -> dict:
    return {"id": number, "image_id": 1, "category_id": 1, "segmentation": [SQUARE]} | changes


def the_mask(content: bytes) -> np.ndarray:
    _, [read_image], report = read(content)
    assert report.refusals == []
    [record] = read_image.annotations
    return rle.decode(record.segmentation)


# --- our own files ---


@pytest.mark.parametrize("segmentation", ["rle", "both"])
def test_what_was_written_comes_back_bit_for_bit(segmentation):
    written = replace(golden_dataset(), image_count=3, annotation_count=10)
    # Names that no disk confuses; a figure that JSON can say.
    first, *others = written.images
    first = replace(
        first,
        annotations=tuple(replace(record, stability_score=0.5) for record in first.annotations),
    )
    images = (first, replace(others[0], file_name="b/Dog.jpg"), others[1])
    images = tuple(replace(each, file_name=each.file_name.replace('"', "'")) for each in images)
    written = replace(written, images=images)
    records, read_images, report = read(write_as("coco", written, segmentation=segmentation))
    assert report.refusals == []
    assert tuple(read_images) == images
    assert replace(records, images=()) == replace(written, images=())


def test_every_mask_but_one_with_holes_comes_back_from_polygons():
    shapes = masks()
    shapes.pop("noise"), shapes.pop("ring")
    written = dataset([annotation(number, mask) for number, mask in enumerate(shapes.values(), 1)])
    _, [read_image], report = read(write_as("coco", written, segmentation="polygon"))
    assert report.refusals == []
    assert read_image.annotations == next(iter(written.images)).annotations


def test_a_hole_that_polygons_lost_stays_lost_and_the_area_is_that_of_the_mask():
    written = dataset([annotation(1, masks()["ring"])])
    _, [read_image], _ = read(write_as("coco", written, segmentation="polygon", holes="fill"))
    [record] = read_image.annotations
    assert np.array_equal(rle.decode(record.segmentation), masks()["disc"])
    assert record.area == masks()["disc"].sum()


def test_the_zip_gives_the_pictures_back():
    pictures = [
        replace(image(number, name), open=lambda number=number: io.BytesIO(b"%d" % number))
        for number, name in ((1, "a/cat.jpg"), (2, "A/Cat.jpg"))
    ]
    content = write_as("coco", dataset([annotation(1, masks()["disc"])], pictures), include_images=True)
    _, read_images, report = read(content)
    assert report.refusals == []
    assert {each.file_name: each.open().read() for each in read_images} == {
        "a/cat.jpg": b"1",
        "A/Cat-2.jpg": b"2",
    }


def test_the_images_can_be_gone_through_twice_and_are_reported_once():
    report = ReadReport()
    records = FORMATS["coco"].read(
        source_of(io.BytesIO(file_with([row(1), row(2, segmentation=None)])), "dataset.json"), report
    )
    assert list(records.images) == list(records.images)
    assert len(report.refusals) == 1


# --- the three ways to say a mask ---


def test_polygons_cover_their_union():
    mask = the_mask(file_with([row(segmentation=[SQUARE, [6, 6, 12, 6, 12, 9, 6, 9]])]))
    expected = np.zeros((10, 20), bool)
    expected[2:8, 2:8] = expected[6:9, 6:12] = True
    assert np.array_equal(mask, expected)


def test_uncompressed_runs_are_read_with_their_empty_ones():
    expected = np.zeros((10, 20), bool)
    expected[:, 0] = True
    for counts in ([0, 10, 190], [0, 4, 0, 6, 190], [0, 0, 0, 10, 100, 0, 90]):
        content = file_with([row(segmentation={"size": [10, 20], "counts": counts})])
        assert np.array_equal(the_mask(content), expected), counts


def test_compressed_runs_are_taken_as_they_are():
    encoded = rle.encode(np.eye(10, 20, dtype=bool))
    _, [read_image], _ = read(file_with([row(segmentation=encoded)]))
    assert next(iter(read_image.annotations)).segmentation == encoded


def test_area_and_box_are_those_of_the_mask_whatever_the_file_says():
    _, [read_image], _ = read(file_with([row(area=5000, bbox=[0, 0, 1, 1])]))
    [record] = read_image.annotations
    assert (record.area, record.bbox_xywh) == (36, (2, 2, 6, 6))


# --- what others write ---


def test_ids_from_nought_are_raised_by_one():
    images = [{"id": number, "file_name": f"{number}.jpg", "width": 20, "height": 10} for number in (0, 1)]
    content = file_with(
        [row(0, image_id=1, category_id=0), row(5, image_id=0, category_id=3)],
        images,
        categories=[{"id": 0, "name": "cat"}, {"id": 3, "name": "dog"}],
    )
    records, read_images, report = read(content)
    assert report.refusals == []
    assert [(category.id, category.name) for category in records.categories] == [(1, "cat"), (4, "dog")]
    assert [each.id for each in read_images] == [1, 2]
    assert [(record.id, record.category_id) for record in read_images[1].annotations] == [(1, 1)]
    assert [(record.id, record.category_id) for record in read_images[0].annotations] == [(6, 4)]


def test_a_file_with_nothing_but_the_two_lists_is_enough():
    records, read_images, report = read(b'{"images": [], "annotations": []}')
    assert (records.name, records.categories, read_images, report.refusals) == ("", (), [], [])


def test_the_instances_are_found_beside_captions():
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as archive:
        archive.writestr(
            "annotations/captions_val.json", b'{"images": [], "annotations": [{"caption": "?"}]}'
        )
        archive.writestr("annotations/instances_val.json", file_with([row()]))
        archive.writestr("a.jpg", b"bytes")
    _, [read_image], report = read(stream.getvalue())
    assert report.refusals == []
    assert len(read_image.annotations) == 1
    assert read_image.open().read() == b"bytes"


def test_memory_is_that_of_an_image_however_many_annotations_there_are():
    count = 10_000
    images = [
        {"id": number, "file_name": f"{number}.jpg", "width": 20, "height": 10}
        for number in range(1, count // 10 + 1)
    ]
    encoded = rle.encode(np.eye(10, 20, dtype=bool))
    rows = (
        row(number, image_id=1 + number % len(images), segmentation=encoded) for number in range(1, count + 1)
    )
    content = file_with(rows, images)
    tracemalloc.start()
    records = FORMATS["coco"].read(source_of(io.BytesIO(content), "dataset.json"), ReadReport())
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    # The document of 1.3 MB, parsed as a whole, has 7 MB.
    assert peak < 2_500_000
    assert sum(len(list(each.annotations)) for each in records.images) == records.annotation_count == count


def test_annotations_may_come_before_the_images_and_in_any_order():
    listed = json.loads(file_with([row(7, image_id=2), row(3), row(5, image_id=2)]))
    listed["images"].append({"id": 2, "file_name": "b.jpg", "width": 20, "height": 10})
    turned = {key: listed[key] for key in ("annotations", "images", "categories")}
    _, read_images, report = read(json.dumps(turned).encode())
    assert report.refusals == []
    assert [[record.id for record in each.annotations] for each in read_images] == [[3], [7, 5]]


def test_names_of_categories_do_not_make_it_another_format():
    content = file_with([row()], categories=[{"id": 1, "name": "image"}, {"id": 2, "name": "items"}])
    assert recognised(source_of(io.BytesIO(content), "dataset.json")) == "coco"


# --- damage ---


@pytest.mark.parametrize(
    ("damaged", "code"),
    [
        ({"id": "seven"}, "id_missing"),
        ({"id": "9" * 5000}, "id_missing"),
        ({"id": True}, "id_missing"),
        ({"id": 1}, "id_twice"),
        ({"image_id": 9}, "image_unknown"),
        ({"image_id": [1]}, "image_unknown"),
        ({"category_id": 9}, "category_unknown"),
        ({"category_id": {}}, "category_unknown"),
        ({"iscrowd": 1}, "crowd_region"),
        ({"segmentation": None}, "rle_not_an_object"),
        ({"segmentation": {"size": [20, 10], "counts": "T6"}}, "rle_size_mismatch"),
        ({"segmentation": {"size": [10, 20], "counts": "\x7f"}}, "rle_counts_malformed"),
        ({"segmentation": {"size": [10, 20], "counts": "X7"}}, "rle_past_end"),
        ({"segmentation": {"size": [20, 10], "counts": [200]}}, "rle_size_mismatch"),
        ({"segmentation": {"size": [10, 20], "counts": [199]}}, "rle_too_short"),
        ({"segmentation": {"size": [10, 20], "counts": [201]}}, "rle_counts_malformed"),
        ({"segmentation": {"size": [10, 20], "counts": [100, 101]}}, "rle_past_end"),
        ({"segmentation": {"size": [10, 20], "counts": [-1, 201]}}, "rle_counts_malformed"),
        ({"segmentation": {"size": [10, 20], "counts": [1.5, 198.5]}}, "rle_counts_malformed"),
        ({"segmentation": {"size": [10, 20], "counts": [200]}}, "mask_empty"),
        ({"segmentation": []}, "polygon_malformed"),
        ({"segmentation": [[1, 1, 5, 5]]}, "polygon_malformed"),
        ({"segmentation": [[1, 1, 5, 5, 3]]}, "polygon_malformed"),
        ({"segmentation": [SQUARE, [1, 1, 5, float("nan"), 3, 3]]}, "polygon_malformed"),
        ({"segmentation": [[1, 1, 5, 10**400, 3, 3]]}, "polygon_malformed"),
        ({"segmentation": [[1, 1, 5, 1e9, 3, 3]]}, "polygon_malformed"),
        ({"segmentation": [["a", "b", "c", "d", "e", "f"]]}, "polygon_malformed"),
        ({"segmentation": "what"}, "rle_not_an_object"),
        ({"predicted_iou": "good"}, "figure_malformed"),
        ({"stability_score": float("inf")}, "figure_malformed"),
        ({"predicted_iou": 10**400}, "figure_malformed"),
    ],
)
def test_a_damaged_annotation_is_reported_by_its_place_and_the_others_are_read(damaged, code):
    _, [read_image], report = read(file_with([row(1), row(2) | damaged, row(3)]))
    assert [record.id for record in read_image.annotations] == [1, 3]
    [refusal] = report.refusals
    assert refusal.code == code
    assert refusal.place.startswith("annotations[1]")
    assert refusal.message


@pytest.mark.parametrize(
    ("damaged", "code"),
    [
        ({"file_name": None}, "file_name_missing"),
        ({"file_name": ""}, "file_name_missing"),
        ({"width": 0}, "size_malformed"),
        ({"width": 20.5}, "size_malformed"),
        ({"height": None}, "size_malformed"),
        ({"height": 10**10}, "size_malformed"),
        ({"id": 1}, "id_twice"),
        ({"id": -3}, "id_missing"),
    ],
)
def test_a_damaged_image_is_reported_and_so_are_its_annotations(damaged, code):
    sound = {"id": 1, "file_name": "a.jpg", "width": 20, "height": 10}
    content = file_with([row(1), row(2, image_id=2)], [sound, sound | {"id": 2} | damaged])
    _, [read_image], report = read(content)
    assert [record.id for record in read_image.annotations] == [1]
    assert [refusal.code for refusal in report.refusals] == [code, "image_unknown"]
    assert report.refusals[0].place.startswith("images[1]")


def test_damaged_entries_of_other_lists_cost_nothing_else():
    content = file_with(
        [row(1), "text", None],
        categories=[{"id": 1, "name": "cat"}, {"id": 2}, 7],
        licenses=[{"id": 1, "name": "CC0"}, None],
        info={"date_created": "yesterday", "dataset": 5},
    )
    records, [read_image], report = read(content)
    assert [record.id for record in read_image.annotations] == [1]
    assert sorted(refusal.place for refusal in report.refusals) == [
        "annotations[1]",
        "annotations[2]",
        "categories[1] (id 2)",
        "categories[2]",
    ]
    assert (records.name, records.created_at, [row.name for row in records.licences]) == ("", None, ["CC0"])


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"", "line 1"),
        (b'{"images": [],\n"annotations": [}', "line 2, column 17"),
        (b"\xff\xfe\x00", "JSON"),
        (b"[" * 100_000, "JSON"),
        (b"[]", "no JSON object"),
        (b'{"images": []}', "no list 'annotations'"),
        (b'{"images": {}, "annotations": []}', "no list 'images'"),
    ],
)
def test_a_file_of_another_kind_is_refused_as_a_whole(content, says):
    with pytest.raises(UnreadableFile, match=says):
        read(content)


def test_a_zip_that_cannot_be_unpacked_is_refused_as_a_whole():
    empty, damaged = io.BytesIO(), io.BytesIO()
    with zipfile.ZipFile(empty, "w") as archive:
        archive.writestr("readme.txt", b"")
    with zipfile.ZipFile(damaged, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("instances.json", file_with([row(number) for number in range(1, 50)]))
    flipped = bytearray(damaged.getvalue())
    flipped[60:70] = b"\xff" * 10
    for content, says in ((empty.getvalue(), "no .json"), (bytes(flipped), "unpacked")):
        with pytest.raises(UnreadableFile, match=says):
            read(content)


def test_an_annotation_record_holds_all_that_coco_can_say():
    _, [read_image], _ = read(
        write_as("coco", dataset([replace(annotation(3, masks()["disc"]), name="Old tower")]))
    )
    assert read_image.annotations == (
        AnnotationRecord(
            id=3,
            category_id=PERSON.id,
            segmentation=rle.encode(masks()["disc"]),
            area=int(masks()["disc"].sum()),
            bbox_xywh=(20.0, 10.0, 41.0, 41.0),
            uuid="00000000-0000-4000-8000-000000000003",
            predicted_iou=0.875,
            stability_score=0.96875,
            name="Old tower",
        ),
    )
    assert (read_image.width, read_image.height) == (WIDTH, HEIGHT)


# --- whatever comes ---


def test_damaged_files_are_unreadable_or_their_entries_refused_and_never_anything_else():
    """Bytes exchanged, cut out and put in at random, in the document and in zips of every packing."""
    random = np.random.default_rng(0)
    document = file_with([row(1), row(2, segmentation={"size": [10, 20], "counts": "?"})])
    sound = [document]
    for method in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA):
        stream = io.BytesIO()
        with zipfile.ZipFile(stream, "w", method) as archive:
            archive.writestr("annotations/instances.json", document)
        sound.append(stream.getvalue())
    for content in sound:
        for _ in range(150):
            damaged = bytearray(content)
            for place in random.integers(0, len(content), random.integers(1, 6)):
                damaged[place] = random.integers(0, 256)
            if random.random() < 0.2:
                del damaged[random.integers(0, len(damaged)) :]
            with contextlib.suppress(UnreadableFile):
                read(bytes(damaged))


def test_categories_without_end_are_refused():
    document = json.loads(file_with([])) | {"categories": [{"id": 1, "name": "a"}] * 100_001}
    with pytest.raises(UnreadableFile, match="the list 'categories' has more than 100000 rows"):
        read(json.dumps(document).encode())


def test_of_broken_rows_without_end_the_first_are_told(monkeypatch):
    monkeypatch.setattr("exporters.reading.MOST_REFUSALS", 10)
    document = json.loads(file_with([])) | {"annotations": [{"id": f"{number}?"} for number in range(50)]}
    _, _, report = read(json.dumps(document).encode())
    assert [each.code for each in report.refusals] == ["id_missing"] * 10 + ["more_refused"]


def test_a_document_larger_than_the_bound_is_refused_before_it_is_unpacked(monkeypatch):
    monkeypatch.setattr("exporters.coco.documents.MAX_DOCUMENT_BYTES", 1000)
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("instances.json", b" " * 100_000)
    for content in (stream.getvalue(), b" " * 1001):
        with pytest.raises(UnreadableFile, match="larger than"):
            read(content)


def test_what_annotations_have_no_room_for_is_said_once_each():
    told = {
        "attributes": {"occluded": True, "track": 0, "colour": "red"},
        "keypoints": [1, 1, 2],
        "num_keypoints": 1,
    }
    nothing = {"attributes": {"occluded": False}, "keypoints": [0, 0, 0], "num_keypoints": 0}
    _, [found], report = read(file_with([row(1, **told), row(2, **told), row(3, **nothing)]))
    assert len(found.annotations) == 3
    assert [(each.place, each.code) for each in report.refusals] == [
        ("attribute 'occluded'", "attribute"),
        ("attribute 'colour'", "attribute"),
        ("keypoints", "keypoints"),
    ]
