"""Reading training data: the same order every time, and bad input counted, never fatal."""

import gzip
import io
import json
import os
import tarfile
import zipfile

import numpy as np
import pytest
from PIL import Image

from exporters.records import AnnotationRecord, CategoryRecord, DatasetRecord, ImageRecord
from exporters.registry import FORMATS
from segmentation import rle
from segmentation.training.data import coco_reader
from segmentation.training.data.coco_reader import in_split
from segmentation.training.data.dataset import read_dataset
from segmentation.training.data.samples import NoTrainingData
from tests.segmentation.training.worlds import write_coco

SQUARE = [2, 2, 8, 2, 8, 8, 2, 8]  # 6 x 6 pixels


def image(number, width=20, height=10, **more):
    return {"id": number, "file_name": f"{number}.png", "width": width, "height": height, **more}


def annotation(number, image_id, segmentation, **more):
    return {"id": number, "image_id": image_id, "category_id": 1, "segmentation": segmentation, **more}


def test_polygon_becomes_its_mask(tmp_path):
    write_coco(tmp_path, [image(1)], [annotation(1, 1, [SQUARE])])
    [sample], report = read_dataset(tmp_path)
    mask = sample.mask(0)
    assert (mask.shape, mask.sum(), mask[2:8, 2:8].all()) == ((10, 20), 36, True)
    assert not report.skipped


def add_rows(folder, images=(), annotations=()):
    """Puts rows of any shape into `instances.json`."""
    file = folder / "instances.json"
    content = json.loads(file.read_text())
    content["images"] += images
    content["annotations"] += annotations
    file.write_text(json.dumps(content))


def test_both_kinds_of_rle_are_read(tmp_path):
    mask = np.zeros((10, 20), bool)
    mask[3:5, 4:9] = True
    runs = {"size": [10, 20], "counts": [43, 2, 8, 2, 8, 2, 8, 2, 8, 2, 115]}  # down the columns
    write_coco(tmp_path, [image(1)], [annotation(1, 1, rle.encode(mask)), annotation(2, 1, runs)])
    [sample], _ = read_dataset(tmp_path)
    np.testing.assert_array_equal(sample.mask(0), mask)
    np.testing.assert_array_equal(sample.mask(1), mask)


def test_bad_annotations_are_counted_by_reason_and_left_out(tmp_path):
    empty = rle.encode(np.zeros((10, 20), bool))
    other_size = rle.encode(np.ones((5, 5), bool))
    bad = [
        annotation(2, 1, [SQUARE], iscrowd=1),
        annotation(3, 1, empty),
        annotation(4, 1, other_size),
        annotation(5, 1, {"size": [5, 5], "counts": [0, 25]}),
        annotation(6, 1, [[1, 1, 2, 2]]),
        annotation(7, 1, None),
        annotation(8, 1, {"size": [10, 20], "counts": "no RLE \x7f"}),
        annotation(9, 1, [["a", "b", "c", "d", "e", "f"]]),
    ]
    write_coco(tmp_path, [image(1)], [annotation(1, 1, [SQUARE]), *bad])
    [sample], report = read_dataset(tmp_path)
    assert len(sample.masks) == report.masks == 1
    assert report.skipped["crowd region"] == 1
    assert report.skipped["empty mask"] == 1
    assert report.skipped["polygon with under three corners"] == 1
    assert sum(report.skipped.values()) == len(bad)


@pytest.mark.parametrize("number", [None, float("nan"), float("inf"), 1e9, -1e9, 10**400, "x", [1, 2], {}])
def test_a_number_that_no_outline_has_costs_only_its_mask(tmp_path, number):
    bad = [*SQUARE[:3], number, *SQUARE[4:]]
    write_coco(tmp_path, [image(1)], [annotation(1, 1, [SQUARE]), annotation(2, 1, [SQUARE, bad])])
    [sample], report = read_dataset(tmp_path)
    assert len(sample.masks) == 1
    assert report.skipped == {"malformed segmentation": 1}


def test_outlines_may_run_past_the_border_by_a_picture(tmp_path):
    wide = [-20, -10, 40, -10, 40, 20, -20, 20]
    odd = [*SQUARE, 5]
    write_coco(
        tmp_path, [image(1)], [annotation(1, 1, [wide]), annotation(2, 1, [odd]), annotation(3, 1, [])]
    )
    [sample], report = read_dataset(tmp_path)
    assert sample.mask(0).all()
    assert report.skipped == {"malformed segmentation": 1, "empty mask": 1}


@pytest.mark.parametrize(
    "counts",
    [[-5, 205], [0, 2**31, 200], [2**63 - 1, 2**63 - 1, 202], [10**30], [199], [201], [0.5, 199.5], [True], [[200]], [],
     [None], [[1], [2, 3]], 7, None, {}, "", "\u20ac", "0" * 3000],
)  # fmt: skip
def test_runs_that_are_no_mask_are_counted(tmp_path, counts):
    bad = annotation(2, 1, {"size": [10, 20], "counts": counts})
    write_coco(tmp_path, [image(1)], [annotation(1, 1, [SQUARE]), bad])
    [sample], report = read_dataset(tmp_path)
    assert len(sample.masks) == 1
    assert report.skipped == {"malformed segmentation": 1}


@pytest.mark.parametrize("size", [[20, 10], [5, 5]])
def test_masks_of_a_wrong_size_are_counted_as_such(tmp_path, size):
    bad = [{"size": size, "counts": [0, size[0] * size[1]]}, rle.encode(np.ones(size, bool))]
    write_coco(tmp_path, [image(1)], [annotation(n, 1, s) for n, s in enumerate([[SQUARE], *bad])])
    assert read_dataset(tmp_path)[1].skipped == {"mask of a wrong size": 2}


def test_bad_rows_are_counted_by_reason_and_left_out(tmp_path):
    write_coco(tmp_path, [image(1)], [annotation(1, 1, [SQUARE])])
    bad_images = [
        None,
        7,
        [],
        {"file_name": "1.png", "width": 20, "height": 10},
        {"id": 2, "width": 20, "height": 10},
        image(3) | {"file_name": None},
        image(4) | {"file_name": 4},
        image([5]),
    ]
    bad_annotations = [None, "x", {"id": 2, "segmentation": [SQUARE]}, annotation(3, {}, [SQUARE])]
    add_rows(
        tmp_path,
        [*bad_images, image(1)],
        [*bad_annotations, annotation(4, 99, [SQUARE]), {"id": 5, "image_id": 1}],
    )
    [sample], report = read_dataset(tmp_path)
    assert len(sample.masks) == 1
    assert report.skipped == {
        "image row without id or file_name": len(bad_images),
        "image id twice": 1,
        "annotation row without image_id": len(bad_annotations),
        "annotation of an image that is not listed": 1,
        "annotation without segmentation": 1,
    }


def test_file_names_that_lead_nowhere_or_outside_are_counted(tmp_path):
    folder = tmp_path / "data"
    folder.mkdir()
    Image.new("RGB", (20, 10)).save(tmp_path / "outside.png")
    write_coco(folder, [image(1)], [annotation(n, n, [SQUARE]) for n in range(1, 8)])
    outside = ["../outside.png", "images/../../outside.png", str(tmp_path / "outside.png")]
    missing = ["x" * 400 + ".png", "", "nul\0.png", "lone \ud800.png"]
    add_rows(folder, [image(2 + n) | {"file_name": name} for n, name in enumerate([*outside, *missing])])
    assert [sample.name for sample in read_dataset(folder)[0]] == ["1.png"]
    skipped = read_dataset(folder)[1].skipped
    assert (skipped["image outside the folder"], skipped["image file missing"]) == (3, 4)
    assert in_split(missing, "train")


def test_damaged_pictures_are_counted_however_pillow_complains(tmp_path):
    write_coco(tmp_path, [image(n) for n in range(60)], [annotation(n, n, [SQUARE]) for n in range(60)])
    picture = (tmp_path / "1.png").read_bytes()
    (tmp_path / "1.png").write_bytes(picture[:8] + b"\0\0\0\3IHDRabc" + picture[29:])  # Truncated IHDR chunk
    for length in range(2, 60):
        (tmp_path / f"{length}.png").write_bytes(picture[:length])
    samples, report = read_dataset(tmp_path)
    assert report.skipped["image file unreadable"] == 60 - len(samples) >= 50


def test_pictures_and_masks_too_small_to_train_on_are_counted(tmp_path):
    dot = [[600, 300, 601, 300, 601, 301, 600, 301]]
    write_coco(
        tmp_path,
        [image(1, 3000, 1500), image(2, 7, 7)],
        [
            annotation(1, 1, [[0, 0, 999, 0, 999, 999, 0, 999]]),
            annotation(2, 1, dot),
            annotation(3, 2, [SQUARE]),
        ],
    )
    [sample], report = read_dataset(tmp_path)
    assert len(sample.masks) == 1
    assert report.skipped == {
        "mask too small once the image is reduced to 640 pixels": 1,
        "image under 8 pixels": 1,
    }


def test_bad_images_are_counted_by_reason_and_left_out(tmp_path):
    images = [
        image(1),
        image(2, real_size=None),
        image(3, real_size=(9, 9)),
        image(4),
        image(5),
    ]
    write_coco(tmp_path, images, [annotation(n, n, [SQUARE]) for n in (1, 2, 3, 5)])
    (tmp_path / "5.png").write_bytes(b"not a picture")
    samples, report = read_dataset(tmp_path)
    assert [sample.name for sample in samples] == ["1.png"]
    assert report.skipped == {
        "image file missing": 1,
        "image size differs from the COCO file": 1,
        "image without masks": 1,
        "image file unreadable": 1,
    }
    assert "1 x image file missing" in str(report)


def test_folder_with_nothing_usable_says_so(tmp_path):
    with pytest.raises(NoTrainingData, match="neither"):
        read_dataset(tmp_path)
    write_coco(tmp_path, [image(1, real_size=None)], [])
    with pytest.raises(NoTrainingData, match="image file missing"):
        read_dataset(tmp_path)


def test_no_usable_picture_in_a_split_is_said_with_the_split_and_the_reasons(tmp_path):
    write_coco(tmp_path, [image(n) for n in range(10)], [annotation(n, n, [SQUARE]) for n in range(10)])
    [name] = in_split([f"{n}.png" for n in range(10)], "val")
    (tmp_path / name).unlink()
    assert len(read_dataset(tmp_path, "train")[0]) == 9
    with pytest.raises(NoTrainingData, match=r"left in the val split \(.*1 x image file missing"):
        read_dataset(tmp_path, "val")
    with pytest.raises(NoTrainingData, match="leave --sources out"):
        read_dataset(tmp_path, "train", ["coco"])
    with pytest.raises(NoTrainingData, match="there is no folder"):
        read_dataset(tmp_path / "nowhere")


def test_of_several_coco_files_one_is_read_and_named_and_another_can_be_given(tmp_path):
    (tmp_path / "annotations").mkdir()
    for number, part in enumerate(("minival", "train", "val")):
        (tmp_path / part).mkdir()
        write_coco(tmp_path / part, [image(number)], [annotation(1, number, [SQUARE])])
        (tmp_path / part / "instances.json").rename(tmp_path / "annotations" / f"instances_{part}.json")
    [sample], report = read_dataset(tmp_path)
    assert sample.name == "1.png"
    assert "of instances_train.json; skipped: nothing; not read: instances_minival.json, inst" in str(report)
    [sample], report = read_dataset(tmp_path / "annotations" / "instances_val.json")
    assert (sample.name, report.coco_file, report.not_read) == ("2.png", "instances_val.json", [])


def test_progress_and_too_little_memory_are_said_on_stderr(tmp_path, capsys, monkeypatch):
    write_coco(tmp_path, [image(n) for n in range(3)], [annotation(n, n, [SQUARE]) for n in range(3)])
    read_dataset(tmp_path)
    assert capsys.readouterr().err == ""
    monkeypatch.setattr(coco_reader, "PROGRESS_EVERY_S", -1.0)
    monkeypatch.setattr(coco_reader, "BYTES_PER_PICTURE", 1e9)
    monkeypatch.setattr(os, "sysconf", {"SC_PHYS_PAGES": 2, "SC_PAGE_SIZE": 10**9}.get)
    read_dataset(tmp_path)
    said = capsys.readouterr().err
    assert "warning: instances.json: 3 pictures take about 3 GB of memory, this machine has 2 GB" in said
    assert "take a smaller COCO file" in said
    assert "instances.json: 2 of 3 pictures read" in said


@pytest.mark.parametrize("segmentation", ["rle", "polygon", "both"])
def test_an_unpacked_export_of_a_project_is_read_as_it_is(tmp_path, segmentation):
    mask = np.zeros((10, 20), bool)
    mask[2:8, 3:9] = True
    picture = io.BytesIO()
    Image.new("RGB", (20, 10), (10, 200, 30)).save(picture, "PNG")
    names = [
        "straße.png",
        "shelf/straße.png",
        "shelf/Straße.png",
    ]  # the last two differ on no Mac or Windows disk
    rows = [
        AnnotationRecord(n, 1, rle.encode(mask), int(mask.sum()), (3.0, 2.0, 6.0, 6.0)) for n in (1, 2, 3)
    ]
    project = DatasetRecord(
        "My project",
        (CategoryRecord(1, "thing"),),
        [
            ImageRecord(n, name, 20, 10, rows[n - 1 : n], open=lambda: io.BytesIO(picture.getvalue()))
            for n, name in enumerate(names, 1)
        ],
    )
    with (tmp_path / "export.zip").open("wb") as stream:
        coco = FORMATS["coco"]
        options = coco.options_from({"segmentation": segmentation, "include_images": True})
        coco.write(project, stream, options, None)
    zipfile.ZipFile(tmp_path / "export.zip").extractall(tmp_path / "project")
    samples, report = read_dataset(tmp_path / "project")
    assert (len(samples), report.masks, report.skipped) == (3, 3, {})
    assert all(np.array_equal(sample.mask(0), mask) for sample in samples)
    assert all((sample.pixels == (10, 200, 30)).all() for sample in samples)
    assert [sample.labels for sample in samples] == [["thing"]] * 3


def test_cocos_own_folders_are_understood(tmp_path):
    (tmp_path / "annotations").mkdir()
    (tmp_path / "train2017").mkdir()
    write_coco(tmp_path / "train2017", [image(1)], [annotation(1, 1, [SQUARE])])
    (tmp_path / "train2017" / "instances.json").rename(tmp_path / "annotations" / "instances_train2017.json")
    (tmp_path / "annotations" / "captions_train2017.json").write_text('{"images": [], "annotations": []}')
    [sample], _ = read_dataset(tmp_path)
    assert sample.name == "1.png"


@pytest.mark.parametrize(
    "content",
    ["", "{", "[]", "null", '{"images": []}', '{"images": [{}], "annotations": []}',
     '{"images": {}, "annotations": []}', "[" * 100_000],
    ids=range(8),
)  # fmt: skip
def test_file_that_is_not_coco_is_refused_by_name(tmp_path, content):
    (tmp_path / "instances.json").write_text(content)
    with pytest.raises(NoTrainingData, match=r"instances\.json"):
        read_dataset(tmp_path)


def test_about_every_twentieth_picture_of_a_coco_folder_is_validation(tmp_path):
    numbers = range(100, 140)
    write_coco(tmp_path, [image(n) for n in numbers], [annotation(n, n, [SQUARE]) for n in numbers])
    train, val = ({s.name for s in read_dataset(tmp_path, split)[0]} for split in ("train", "val"))
    assert train | val == {f"{n}.png" for n in numbers}
    assert not train & val and 1 <= len(val) <= 6
    names = [f"{n:012d}.jpg" for n in range(10_000)]
    assert 450 < len(in_split(names, "val")) < 550


def test_added_pictures_move_no_other_between_training_and_validation():
    before = [f"photo {n}.jpg" for n in range(0, 400, 2)]
    after = [f"photo {n}.jpg" for n in range(400)]
    assert in_split(before, "val") == in_split(after, "val") & set(before)


def test_a_small_set_has_a_validation_picture_and_a_single_one_is_for_training():
    for count in range(2, 15):
        names = [f"{n}.jpg" for n in range(count)]
        assert in_split(names, "val") and in_split(names, "train")
    assert (in_split(["a.jpg"], "train"), in_split(["a.jpg"], "val")) == ({"a.jpg"}, set())
    assert in_split([], "train") == set()


def test_large_pictures_are_reduced_with_their_masks(tmp_path):
    write_coco(tmp_path, [image(1, 1280, 320)], [annotation(1, 1, [[0, 0, 640, 0, 640, 320, 0, 320]])])
    [sample], _ = read_dataset(tmp_path)
    assert sample.pixels.shape == (160, 640, 3)
    assert sample.mask(0).sum() == 160 * 320


def test_shards_are_read_in_one_order_and_split_as_their_records_say(tmp_path):
    mask = np.zeros((6, 8), bool)
    mask[1:4, 2:5] = True
    for source in ("b_source", "a_source"):
        write_shard(
            tmp_path / f"{source}.tar", source, {"0.jpg": "train", "1.jpg": "val", "2.jpg": "train"}, mask
        )
    first, _ = read_dataset(tmp_path, "train")
    second, _ = read_dataset(tmp_path, "train")
    names = [sample.name for sample in first]
    assert names == ["a_source/0.jpg", "a_source/2.jpg", "b_source/0.jpg", "b_source/2.jpg"]
    assert names == [sample.name for sample in second]
    assert all((a.pixels == b.pixels).all() for a, b in zip(first, second, strict=True))
    np.testing.assert_array_equal(first[0].mask(0), mask)
    assert (first[0].kinds, first[0].labels) == (["part"], ["x"])
    assert [s.name for s in read_dataset(tmp_path, "val", ["b_source"])[0]] == ["b_source/1.jpg"]


def test_unknown_sources_are_refused_with_the_names_there_are(tmp_path):
    for source in ("a_source", "b_source"):
        write_shard(tmp_path / f"{source}.tar", source, {"0.jpg": "train"}, np.ones((6, 8), bool))
    assert len(read_dataset(tmp_path, "train", [])[0]) == 2
    with pytest.raises(NoTrainingData, match="no shard is called c_source; .* has a_source, b_source"):
        read_dataset(tmp_path, "train", ["a_source", "c_source"])
    with pytest.raises(NoTrainingData, match="in the val split"):
        read_dataset(tmp_path, "val")


def test_bad_pictures_and_masks_of_a_shard_are_counted(tmp_path):
    good = rle.encode(np.ones((6, 8), bool))["counts"]
    empty = rle.encode(np.zeros((6, 8), bool))["counts"]
    masks = [{"rle": text, "kind": "part"} for text in (good, empty, "no RLE", None)]
    masks += [{"rle": rle.encode(np.ones((3, 3), bool)), "kind": "part"}, {"rle": good}, None]
    path = tmp_path / "a.tar"
    write_shard(path, "a", dict.fromkeys(("0.jpg", "1.jpg", "2.jpg"), "train"), np.ones((6, 8), bool), masks)
    content = bytearray(path.read_bytes())
    with tarfile.open(path) as archive:
        start = archive.getmember("1.jpg").offset_data
    content[start : start + 20] = bytes(20)
    path.write_bytes(content)
    samples, report = read_dataset(tmp_path, "train")
    assert [len(sample.masks) for sample in samples] == [1, 1]
    assert report.skipped == {"image file unreadable": 1, "empty mask": 2, "malformed segmentation": 10}


def test_a_folder_in_the_place_of_a_picture_is_counted(tmp_path):
    path = tmp_path / "a.tar"
    write_shard(path, "a", dict.fromkeys(("0.jpg", "1.jpg"), "train"), np.ones((6, 8), bool))
    with tarfile.open(path) as archive:
        members = [(member, archive.extractfile(member).read()) for member in archive]
    with tarfile.open(path, "w") as archive:
        for member, content in members:
            if member.name == "0.jpg":
                member.type, member.size = tarfile.DIRTYPE, 0
            archive.addfile(member, io.BytesIO(content))
    [sample], report = read_dataset(tmp_path, "train")
    assert sample.name == "a/1.jpg"
    assert report.skipped == {"not a file": 1}


def test_a_shard_that_is_cut_off_anywhere_is_refused_by_name(tmp_path):
    path = tmp_path / "cut.tar"
    write_shard(path, "cut", {"0.jpg": "train", "1.jpg": "val"}, np.ones((6, 8), bool))
    content = path.read_bytes()
    with tarfile.open(path) as archive:
        last = archive.getmembers()[-1]
    for length in (
        0,
        100,
        512,
        600,
        1024,
        last.offset,
        last.offset + 100,
        last.offset_data,
        last.offset_data + 50,
    ):
        path.write_bytes(content[:length])
        for split in ("train", "val"):
            with pytest.raises(NoTrainingData, match=r"cut\.tar.*(cut off|copy)"):
                read_dataset(tmp_path, split)


def test_a_foreign_tar_is_refused_by_name_unless_the_folder_is_cocos(tmp_path):
    with tarfile.open(tmp_path / "pictures.tar", "w") as archive:
        archive.add(__file__, "readme.txt")
    with pytest.raises(NoTrainingData, match=r"pictures\.tar is not a shard.*Move it away"):
        read_dataset(tmp_path)
    (tmp_path / "junk.tar").write_bytes(b"no tar" * 1000)
    with pytest.raises(NoTrainingData, match=r"junk\.tar is not a shard"):
        read_dataset(tmp_path)
    write_shard(tmp_path / "good.tar", "good", {"0.jpg": "train"}, np.ones((6, 8), bool))
    assert len(read_dataset(tmp_path, sources=["good"])[0]) == 1
    write_coco(tmp_path, [image(1)], [annotation(1, 1, [SQUARE])])
    [sample], report = read_dataset(tmp_path)
    assert sample.name == "1.png"
    assert report.not_read == ["good.tar", "junk.tar", "pictures.tar"]


def write_shard(path, source, splits, mask, masks=None):
    height, width = mask.shape
    counts = rle.encode(mask)["counts"]
    records = [
        {"file": name, "width": width, "height": height, "split": split,
         "masks": masks or [{"rle": counts, "area": int(mask.sum()), "label": "x", "kind": "part"}]}
        for name, split in splits.items()
    ]  # fmt: skip
    picture = io.BytesIO()
    Image.new("RGB", (width, height), (10, 200, 30)).save(picture, "JPEG")
    index = gzip.compress(json.dumps({"source": source, "images": records}).encode())
    with tarfile.open(path, "w") as archive:
        for name, content in [(f"{source}/masks.json.gz", index), *((n, picture.getvalue()) for n in splits)]:
            member = tarfile.TarInfo(name)
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content))
