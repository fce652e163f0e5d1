"""Reading training data: the same order every time, and bad input counted, never fatal."""

import gzip
import io
import json
import tarfile

import numpy as np
import pytest
from PIL import Image

from segmentation import rle
from segmentation.training.samples import NoTrainingData, read_dataset
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


def test_bad_images_are_counted_by_reason_and_left_out(tmp_path):
    images = [
        image(1),
        image(2, real_size=None),
        image(3, real_size=(7, 7)),
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


def test_cocos_own_folders_are_understood(tmp_path):
    (tmp_path / "annotations").mkdir()
    (tmp_path / "train2017").mkdir()
    write_coco(tmp_path / "train2017", [image(1)], [annotation(1, 1, [SQUARE])])
    (tmp_path / "train2017" / "instances.json").rename(tmp_path / "annotations" / "instances_train2017.json")
    (tmp_path / "annotations" / "captions_train2017.json").write_text('{"images": [], "annotations": []}')
    [sample], _ = read_dataset(tmp_path)
    assert sample.name == "1.png"


@pytest.mark.parametrize("content", ["{", "[]", '{"images": []}', '{"images": [{}], "annotations": []}'])
def test_file_that_is_not_coco_is_refused_by_name(tmp_path, content):
    (tmp_path / "instances.json").write_text(content)
    with pytest.raises(NoTrainingData, match=r"instances\.json"):
        read_dataset(tmp_path)


def test_every_twentieth_picture_of_a_coco_folder_is_validation(tmp_path):
    numbers = range(100, 140)
    write_coco(tmp_path, [image(n) for n in numbers], [annotation(n, n, [SQUARE]) for n in numbers])
    train, _ = read_dataset(tmp_path, "train")
    val, _ = read_dataset(tmp_path, "val")
    assert [sample.name for sample in val] == ["100.png", "120.png"]
    assert {s.name for s in train} | {s.name for s in val} == {f"{n}.png" for n in numbers}
    assert len(train) == 38


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
    assert first[0].kinds == ["part"]
    assert [s.name for s in read_dataset(tmp_path, "val", ["b_source"])[0]] == ["b_source/1.jpg"]


def write_shard(path, source, splits, mask):
    height, width = mask.shape
    counts = rle.encode(mask)["counts"]
    records = [
        {"file": name, "width": width, "height": height, "split": split,
         "masks": [{"rle": counts, "area": int(mask.sum()), "label": "x", "kind": "part"}]}
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
