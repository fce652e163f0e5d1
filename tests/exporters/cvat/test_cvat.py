"""CVAT's XML: ours bit for bit, that of datumaro and of CVAT, and damaged ones."""

from __future__ import annotations

import io
import tracemalloc
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings

from exporters.cvat.document import entries
from exporters.errors import InvalidRecord, UnreadableFile
from exporters.reading import ReadReport
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

POLYGON = '<polygon label="cat" points="2,2;8,2;8,8;2,8" z_order="0"/>'
NAME = "annotations.xml"
PROMPT = {"points": [{"x": 1, "y": 2, "label": 1}]}
ODD = 'dög "<&>" \n x'


def world(splits=("", "", "")):
    """Three images, every shape on the first."""
    rows = [annotation(number, mask) for number, mask in enumerate(masks().values(), 1)]
    rows[0] = replace(
        rows[0], author="alice", bundle_digest="ab" * 32, prompt=PROMPT, name='Old "tower" <1>\nü'
    )
    rows[1] = replace(rows[1], category_id=2)
    names = ("a/cat.png", "a/Cat.png", "b/ü & <1>.png")
    images = [
        replace(with_picture(image(number, name)), split=split)
        for number, (name, split) in enumerate(zip(names, splits, strict=True), 1)
    ]
    person = replace(PERSON, supercategory="")
    return replace(
        dataset(rows, images), categories=(person, CategoryRecord(id=2, name=ODD, color="#ff0000"))
    )


def document(shapes="", image='id="0" name="cat.png" width="20" height="10"', meta="") -> bytes:
    return (
        '<?xml version="1.0" encoding="utf-8"?>\n<annotations>\n<version>1.1</version>\n'
        f"<meta>{meta}</meta>\n<image {image}>\n{shapes}\n</image>\n</annotations>\n"
    ).encode()


def drawn(*slices) -> np.ndarray:
    mask = np.zeros((10, 20), bool)
    for rows, columns in slices:
        mask[rows, columns] = True
    return mask


# --- round trips ---


@pytest.mark.parametrize("splits", [("", "", ""), ("train", "val", "")])
def test_what_was_written_comes_back_bit_for_bit_with_pictures_and_origin(splits):
    written = world(splits)
    records, images, report = read_bytes("cvat", write_as("cvat", written, include_images=True))
    assert report.refusals == []
    assert records.categories == written.categories
    assert [found.file_name for found in images] == ["a/cat.png", "a/Cat-2.png", "b/ü & _1_.png"]
    assert tuple(found.split for found in images) == splits
    for found, image_record in zip(images, written.images, strict=True):
        assert found.annotations == image_record.annotations
        assert found.open().read() == image_record.open().read()
    assert (records.image_count, records.annotation_count) == (3, len(masks()))


@settings(max_examples=60, deadline=None)
@given(any_mask)
def test_any_mask_comes_back_bit_for_bit_and_from_exact_polygons(mask):
    size = ImageRecord(1, "a.png", mask.shape[1], mask.shape[0])
    written = dataset([annotation(1, mask)], [size])
    for options in ({}, {"shapes": "polygons", "tolerance": "0"}):
        _, [found], report = read_bytes("cvat", write_as("cvat", written, **options))
        assert report.refusals == []
        assert found.annotations == (annotation(1, mask),)


def test_the_same_dataset_gives_the_same_bytes_and_progress_ends():
    assert write_as("cvat", world(), include_images=True) == write_as("cvat", world(), include_images=True)
    seen = []
    row = FORMATS["cvat"]
    row.write(world(), io.BytesIO(), row.options_from({}), lambda done, total: seen.append((done, total)))
    assert seen[-1] == (3 + len(masks()), 3 + len(masks()))


def test_characters_that_xml_cannot_say_are_marked():
    odd = CategoryRecord(id=1, name="a\x00b\ud83d\uffff")
    records, _, report = read_bytes(
        "cvat", write_as("cvat", replace(dataset([annotation(1, masks()["disc"])]), categories=(odd,)))
    )
    assert report.refusals == []
    assert [category.name for category in records.categories] == ["a\ufffdb\ufffd\ufffd"]


def test_records_that_would_make_the_file_wrong_are_refused():
    with pytest.raises(InvalidRecord, match="'a\ufffd'"):
        names = (CategoryRecord(1, "a\x00"), CategoryRecord(2, "a\x01"))
        write_as("cvat", replace(dataset([]), categories=names))
    with pytest.raises(InvalidRecord, match="no file"):
        write_as("cvat", dataset([]), include_images=True)


def test_memory_stays_flat():
    """Six times the images, the same peak."""
    row = FORMATS["cvat"]
    mask = annotation(1, masks()["noise"])

    def peak(images: int) -> int:
        records = replace(
            dataset([]),
            images=[replace(image(n, f"{n}.png"), annotations=(mask,) * 2) for n in range(1, images + 1)],
        )
        stream = io.BytesIO()
        row.write(records, stream, row.options_from({}), None)
        source = source_of(stream, "a.zip")
        tracemalloc.start()
        read = row.read(source, ReadReport())
        assert sum(len(found.annotations) for found in read.images) == 2 * images
        top = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        return top

    assert peak(60) < 1.5 * peak(10)


# --- datumaro ---


@pytest.mark.parametrize(
    ("shapes", "splits"),
    [("masks", ("", "", "")), ("masks", ("train", "val", "test")), ("polygons", ("", "", ""))],
)
def test_datumaro_opens_what_was_written_and_what_it_writes_is_read(tmp_path, shapes, splits):
    content = write_as("cvat", world(splits), include_images=True, shapes=shapes, tolerance="0")
    folder = unpacked(content, tmp_path / "dataset")
    told = ask("datumaro_items", "cvat", folder)
    assert told["categories"] == ["person", ODD]
    subset = splits[0] or "annotations"
    found = told["items"][f"{subset}/a/cat"]
    assert set(told["items"]) == {
        f"{split or 'annotations'}/{name}"
        for split, name in zip(splits, ("a/cat", "a/Cat-2", "b/ü & _1_"), strict=True)
    }
    expected = next(iter(world().images)).annotations
    assert found[0]["attributes"]["uuid"] == expected[0].uuid
    assert found[0]["attributes"]["author"] == "alice"
    if shapes == "masks":
        assert [row["rle"] for row in found] == [row.segmentation for row in expected]
        assert [row["label"] for row in found[:3]] == ["person", ODD, "person"]
        assert [tuple(row["bbox"]) for row in found] == [row.bbox_xywh for row in expected]
    else:
        corner = next(row for row in found if row["attributes"]["uuid"] == expected[5].uuid)
        assert sorted(zip(corner["points"][::2], corner["points"][1::2], strict=True)) == [
            (0, 0),
            (0, 5),
            (5, 0),
            (5, 5),
        ]
    if splits[0] or shapes == "polygons":
        return
    assert ask("datumaro_copy", "cvat", folder, tmp_path / "copy") == 3
    _, copies, report = read_source("cvat", FolderSource(tmp_path / "copy"))
    assert report.refusals == []
    copy = next(each for each in copies if each.file_name == "a/cat.png")
    assert [row.segmentation for row in copy.annotations] == [row.segmentation for row in expected]
    assert copy.open() is not None


# --- what CVAT writes ---


@pytest.mark.parametrize(
    ("shape", "expected", "is_box"),
    [
        (POLYGON, drawn((slice(2, 8), slice(2, 8))), False),
        (
            '<box label="cat" xtl="2.00" ytl="3.00" xbr="8.00" ybr="8.00"/>',
            drawn((slice(3, 8), slice(2, 8))),
            True,
        ),
        (
            '<box label="cat" xtl="3" ytl="4" xbr="9" ybr="6" rotation="90"/>',
            drawn((slice(2, 8), slice(5, 7))),
            True,
        ),
        (
            '<ellipse label="cat" cx="5" cy="5" rx="2" ry="2"/>',
            drawn((slice(3, 7), slice(4, 6)), (slice(4, 6), slice(3, 7))),
            False,
        ),
        (
            '<mask label="cat" rle="1, 2, 1" left="3" top="4" width="2" height="2"/>',
            drawn((4, 4), (5, 3)),
            False,
        ),
        (
            '<mask label="cat" rle="0,1,2,1" left="3" top="4" width="2" height="2"/>',
            drawn((4, 3), (5, 4)),
            False,
        ),
    ],
)
def test_every_shape_with_an_area_is_a_mask(shape, expected, is_box):
    _, [found], report = read_bytes("cvat", document(shape), NAME)
    assert report.refusals == []
    [record] = found.annotations
    assert np.array_equal(rle.decode(record.segmentation), expected)
    assert record.is_box is is_box


def test_labels_come_in_the_order_of_the_head_with_their_colours():
    dog = "<label><name>dog</name><color>#112233</color></label>"
    meta = f"<job><labels>{dog}<label><name>cat</name></label></labels></job>"
    records, [found], _ = read_bytes("cvat", document(POLYGON, meta=meta), NAME)
    assert records.categories == (CategoryRecord(1, "dog", color="#112233"), CategoryRecord(2, "cat"))
    assert found.annotations[0].category_id == 2


def test_what_is_on_top_in_cvat_comes_last_as_what_is_made_later_does():
    shapes = "".join(
        f'<polygon label="{label}" points="2,2;8,2;8,8;2,8" z_order="{height}"/>'
        for label, height in (("front", 5), ("back", -1), ("between", 0), ("between too", 0))
    )
    records, [found], report = read_bytes("cvat", document(shapes), NAME)
    titles = {category.id: category.name for category in records.categories}
    told = [titles[each.category_id] for each in found.annotations]
    assert (told, report.refusals) == (["back", "between", "between too", "front"], [])


def test_what_annotations_have_no_room_for_is_said_once_each():
    shape = (
        '<polygon label="cat" points="2,2;8,2;8,8;2,8" occluded="1">'
        '<attribute name="color">red</attribute><attribute name="author">bob</attribute>'
        '<attribute name="empty"></attribute></polygon>'
    )
    _, [found], report = read_bytes("cvat", document(3 * shape + 2 * '<tag label="outdoors"/>'), NAME)
    assert len(found.annotations) == 3
    assert [(each.place, each.code) for each in report.refusals] == [
        (f"{NAME}: tag 'outdoors'", "tag"),
        (f"{NAME}: attribute 'color' of 'cat'", "attribute"),
        (f"{NAME}: occluded", "attribute"),
    ]


def test_shapes_of_one_group_and_label_are_one_object_and_their_box_says_nothing_more():
    part = '<polygon label="cat" points="10,2;12,2;12,4;10,4" group_id="4"/>'
    shapes = (
        POLYGON.replace("z_order", 'group_id="4" z_order')
        + part
        + '<box label="cat" xtl="2" ytl="2" xbr="12" ybr="8" group_id="4"/>'
        + part.replace("cat", "dog")
        + part.replace('"4"', '"0"')
        + '<tag label="outdoors"/>'
    )
    records, [found], report = read_bytes("cvat", document(shapes), NAME)
    assert [each.code for each in report.refusals] == ["tag"]
    assert [(row.id, row.area, row.is_box) for row in found.annotations] == [
        (1, 40, False),
        (2, 4, False),
        (3, 4, False),
    ]
    assert records.annotation_count == 3


def test_pictures_and_splits_are_found_in_the_folders_of_subsets():
    image = 'id="0" name="cat.png" subset="Validation" width="20" height="10"'
    files = {
        NAME: document(POLYGON, image),
        "images/Validation/cat.png": png(20, 10),
        "images/Train/cat.png": png(4, 4),
    }
    _, [found], _ = read_bytes("cvat", zip_of(files))
    assert (found.file_name, found.split, found.open().read()) == ("cat.png", "val", png(20, 10))


def test_several_documents_are_one_dataset():
    files = {"train.xml": document(POLYGON), "test.xml": document(POLYGON.replace("cat", "dog"))}
    records, images, report = read_bytes("cvat", zip_of(files))
    assert report.refusals == []
    assert [(found.id, found.split, found.annotations[0].id) for found in images] == [
        (1, "test", 1),
        (2, "train", 2),
    ]
    assert [category.name for category in records.categories] == ["dog", "cat"]


def test_the_size_is_the_pictures_where_the_document_has_none():
    files = {NAME: document(POLYGON, 'id="0" name="cat.png"'), "cat.png": png(20, 10)}
    _, [found], report = read_bytes("cvat", zip_of(files))
    assert report.refusals == []
    assert (found.width, found.height, len(found.annotations)) == (20, 10, 1)


def test_files_of_cvat_are_recognised_and_no_others():
    def is_ours(files) -> bool:
        return recognised(source_of(io.BytesIO(zip_of(files)), "a.zip")) == "cvat"

    assert is_ours({NAME: document(POLYGON)})
    assert recognised(source_of(io.BytesIO(write_as("cvat", world())), "a.zip")) == "cvat"
    assert not is_ours({"a.xml": b"<annotation><folder/><object/></annotation>"})
    assert not is_ours({"a.xml": b"<annotations><object/></annotations>"})


# --- damage ---


@pytest.mark.parametrize(
    ("damaged", "code"),
    [
        ('<polygon points="2,2;8,2;8,8"/>', "label_missing"),
        ('<polygon label="" points="2,2;8,2;8,8"/>', "label_missing"),
        ('<polygon label="cat"/>', "points_malformed"),
        ('<polygon label="cat" points="2,2;8,2;8"/>', "points_malformed"),
        ('<polygon label="cat" points="2,2;8,2;8,x"/>', "points_malformed"),
        ('<polygon label="cat" points="2,2;8,2"/>', "polygon_malformed"),
        ('<polygon label="cat" points="2,2;8,2;nan,3"/>', "polygon_malformed"),
        (f'<polygon label="cat" points="2,2;8,2;{"9" * 5000},3"/>', "polygon_malformed"),
        ('<polygon label="cat" points="2,2;2,2;2,2"/>', "mask_empty"),
        ('<box label="cat" xtl="2" ytl="2" xbr="8"/>', "points_malformed"),
        ('<box label="cat" xtl="2" ytl="2" xbr="inf" ybr="4"/>', "polygon_malformed"),
        ('<ellipse label="cat" cx="5" cy="5" rx="0" ry="2"/>', "polygon_malformed"),
        ('<polyline label="cat" points="2,2;8,2;8,8"/>', "shape_without_area"),
        ('<points label="cat" points="2,2"/>', "shape_without_area"),
        ('<cuboid label="cat"/>', "shape_without_area"),
        ('<skeleton label="cat"><points label="eye" points="1,1"/></skeleton>', "shape_without_area"),
        ('<sphere label="cat"/>', "shape_unknown"),
        ('<mask label="cat" rle="1,3" left="3" top="4" width="2"/>', "mask_malformed"),
        ('<mask label="cat" rle="1,3" left="3" top="4" width="2" height="-2"/>', "mask_malformed"),
        ('<mask label="cat" rle="1,3" left="19" top="4" width="2" height="2"/>', "rle_size_mismatch"),
        ('<mask label="cat" rle="1,4" left="3" top="4" width="2" height="2"/>', "rle_past_end"),
        ('<mask label="cat" rle="1,2" left="3" top="4" width="2" height="2"/>', "rle_too_short"),
        ('<mask label="cat" rle="-1,5" left="3" top="4" width="2" height="2"/>', "rle_counts_malformed"),
        ('<mask label="cat" rle="" left="3" top="4" width="2" height="2"/>', "rle_counts_malformed"),
        (
            f'<mask label="cat" rle="{"9" * 5000}" left="3" top="4" width="2" height="2"/>',
            "rle_counts_malformed",
        ),
        ('<mask label="cat" rle="4" left="3" top="4" width="2" height="2"/>', "mask_empty"),
    ],
)
def test_a_damaged_shape_is_reported_by_its_line_and_the_others_are_read(damaged, code):
    _, [found], report = read_bytes("cvat", document(f"{POLYGON}\n{damaged}\n{POLYGON}"), NAME)
    assert [row.id for row in found.annotations] == [1, 3]
    [refusal] = report.refusals
    assert (refusal.place, refusal.code) == ("annotations.xml: line 7", code)
    assert refusal.message


@pytest.mark.parametrize(
    ("image", "code"),
    [
        ('id="0" width="20" height="10"', "file_name_missing"),
        ('id="0" name="a.png"', "size_malformed"),
        ('id="0" name="a.png" width="20" height="0"', "size_malformed"),
        ('id="0" name="a.png" width="20" height="1e1"', "size_malformed"),
        (f'id="0" name="a.png" width="20" height="{"9" * 5000}"', "size_malformed"),
    ],
)
def test_a_damaged_image_is_reported(image, code):
    _, images, report = read_bytes("cvat", document(POLYGON, image), NAME)
    assert images == []
    assert [(refusal.place, refusal.code) for refusal in report.refusals] == [
        ("annotations.xml: line 5", code)
    ]


def test_tracks_of_videos_are_reported():
    content = document(POLYGON).replace(
        b"</annotations>", b'<track id="0" label="cat"><box/></track>\n</annotations>'
    )
    _, [found], report = read_bytes("cvat", content, NAME)
    assert len(found.annotations) == 1
    assert [(refusal.place, refusal.code) for refusal in report.refusals] == [
        ("annotations.xml: line 8", "track")
    ]


BOMB = (
    b'<?xml version="1.0"?><!DOCTYPE annotations [<!ENTITY a "aaaa"><!ENTITY b "&a;&a;">]>'
    b"<annotations><image>&b;</image></annotations>"
)


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"", "annotations.xml: line 1, column 1: the file is not XML: no element found"),
        (document(POLYGON)[:-10], "annotations.xml: line 8, column 1: the file is not XML"),
        (document("<polygon>"), "mismatched tag"),
        (BOMB, "document type"),
        (b"<annotation></annotation>", "root is <annotation>"),
        (b'<?xml version="1.0" encoding="nonsense"?><annotations/>', "encoding"),
        (b"\xff\xfe\x00", "not XML"),
        (zip_of({"a.jpg": b""}), "no .xml"),
    ],
)
def test_files_of_another_kind_are_refused_as_a_whole(content, says):
    with pytest.raises(UnreadableFile, match=says):
        read_bytes("cvat", content, NAME)


@pytest.mark.parametrize(
    ("shapes", "says"),
    [("<a>" * 1000, "nested deeper"), ("<a/>" * 1001, "more than 1000 elements")],
)
def test_elements_without_end_are_refused_before_they_fill_the_memory(shapes, says, monkeypatch):
    monkeypatch.setattr("exporters.cvat.document.MAX_IMAGE_ELEMENTS", 1000)
    with pytest.raises(UnreadableFile, match=f"annotations.xml: line 6: .*{says}"):
        read_bytes("cvat", document(shapes), NAME)


def test_a_long_tag_is_gone_through_a_few_times_and_not_with_every_block(monkeypatch):

    class Counted(io.BytesIO):
        reads = 0

        def read(self, size=-1):
            self.reads += 1
            return super().read(size)

    stream = Counted(document(f'<polygon label="cat" points="{"1,1;" * 1_000_000}"/>'))
    *_, last = entries(source_of(stream, NAME), NAME)
    assert len(last.shapes) == 1 and stream.reads < 20  # not 4 MB / 64 kB
    monkeypatch.setattr("exporters.cvat.document.MAX_TAG_BYTES", 1_000_000)
    with pytest.raises(UnreadableFile, match="one tag is longer than 1 MB"):
        read_bytes("cvat", document(f'<polygon label="cat" points="{"1,1;" * 1_000_000}"/>'), NAME)


def test_one_endless_image_is_refused(monkeypatch):
    monkeypatch.setattr("exporters.cvat.document.MAX_IMAGE_BYTES", 200_000)
    for content in (document(POLYGON * 10_000), document(f'<polygon points="{"1,1;" * 100_000}"/>')):
        with pytest.raises(UnreadableFile, match="longer than"):
            read_bytes("cvat", content, NAME)
    many = document(POLYGON * 100).replace(b"</annotations>", b"")
    image = many[many.index(b"<image") :]
    _, images, _ = read_bytes("cvat", many + image * 100 + b"</annotations>", NAME)
    assert len(images) == 101


def test_damaged_files_are_unreadable_or_their_entries_refused_and_never_anything_else():
    single = document(
        POLYGON
        + '<mask label="cat" rle="1, 2, 1" left="3" top="4" width="2" height="2"/>'
        + '<ellipse label="cat" cx="5" cy="5" rx="2" ry="2"/><box label="cat" xtl="2" ytl="3" xbr="8" ybr="8"/>',
        meta="<task><labels><label><name>cat</name></label></labels></task>",
    )
    damage("cvat", [single, zip_of({NAME: single})])


def test_a_picture_of_the_written_size_is_what_the_file_says():
    _, images, _ = read_bytes("cvat", write_as("cvat", world()))
    assert {(found.height, found.width, found.open) for found in images} == {(HEIGHT, WIDTH, None)}
