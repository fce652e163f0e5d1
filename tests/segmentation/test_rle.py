import json

import numpy as np
import pytest

from segmentation import rle
from tests.segmentation import golden

CASES = golden.load("rle")


def names(case):
    return case["name"]


def mask_of(case):
    values = np.arange(len(case["runs"])) % 2 == 1
    return np.repeat(values, case["runs"]).reshape(case["size"], order="F")


@pytest.mark.parametrize("case", CASES["good"], ids=names)
def test_encoding_is_that_of_pycocotools_and_comes_back_bit_for_bit(case):
    mask = mask_of(case)
    encoded = rle.encode(mask)

    assert encoded == {"size": case["size"], "counts": case["counts"]}
    assert json.loads(json.dumps(encoded)) == encoded
    decoded = rle.decode(encoded)
    assert decoded.dtype == bool
    np.testing.assert_array_equal(decoded, mask)


@pytest.mark.parametrize("case", CASES["good"], ids=names)
def test_area_box_and_runs_are_those_of_pycocotools(case):
    encoded = {"size": case["size"], "counts": case["counts"]}

    assert rle.runs(encoded).tolist() == case["runs"]
    assert rle.area(encoded) == case["area"]
    assert rle.bbox_xywh(encoded) == case["bbox_xywh"]


@pytest.mark.parametrize("case", CASES["malformed"], ids=names)
def test_malformed_rle_is_refused_with_its_code(case):
    with pytest.raises(rle.RleError) as refused:
        rle.check(case["rle"], tuple(case["image_size"]))
    assert refused.value.code == case["code"]


@pytest.mark.parametrize("case", [case for case in CASES["malformed"] if "counts" in case["code"]], ids=names)
def test_malformed_counts_never_reach_pycocotools(case, monkeypatch):
    for function in ("decode", "toBbox", "area"):
        monkeypatch.setattr(rle.coco_mask, function, lambda *_: pytest.fail("bad bytes reached C code"))
    for read in (rle.decode, rle.area, rle.bbox_xywh):
        with pytest.raises(rle.RleError):
            read(case["rle"])


def test_any_change_of_one_character_is_refused_or_still_a_whole_mask():
    """Every string that passes has runs that cover the mask exactly: what the C code needs in order not to overrun."""
    mask = np.random.default_rng(5).random((13, 11)) < 0.3
    good = rle.encode(mask)
    accepted = 0
    for place in range(len(good["counts"])):
        for character in map(chr, range(40, 120)):
            changed = {
                "size": good["size"],
                "counts": good["counts"][:place] + character + good["counts"][place + 1 :],
            }
            try:
                lengths = rle.runs(changed, (13, 11))
            except rle.RleError:
                continue
            accepted += 1
            assert lengths.sum() == 13 * 11 and lengths.min() >= 0
            assert rle.decode(changed).shape == (13, 11)
    assert accepted >= len(good["counts"])


def test_runs_whose_sum_comes_round_to_the_pixels_are_refused():
    # 2**64 pixels more than the mask has, in runs of which COCO's alphabet can write every difference.
    pixels, count, most = 480 * 640, 70_001, 2**34 - 2
    still_to_come = 2**64 + pixels - count  # beyond one pixel a run
    differences = [1, 1, 1, *[0] * (count - 3)]
    for index in range(1, count):
        # A difference goes on in every second run after it.
        weight = (count - index + 1) // 2
        more = min(still_to_come // weight, most)
        differences[index] += more
        still_to_come -= more * weight
    assert still_to_come == 0
    counts = "".join(map(written, differences))
    with pytest.raises(rle.RlePastEnd):
        rle.check({"size": [480, 640], "counts": counts})


def written(number: int) -> str:
    characters = ""
    while True:
        low, number = number & 0x1F, number >> 5
        is_whole = number == (-1 if low & 0x10 else 0)
        characters += chr(48 + low + (0 if is_whole else 0x20))
        if is_whole:
            return characters


def test_numbers_other_than_0_are_foreground():
    assert rle.area(rle.encode(np.array([[0, 255, 2], [1, 0, -1]]))) == 4


@pytest.mark.parametrize("shape", [(0, 4), (4,), (2, 3, 4)])
def test_what_is_not_a_mask_cannot_be_encoded(shape):
    with pytest.raises(ValueError, match=r"\(H, W\)"):
        rle.encode(np.zeros(shape, bool))


@pytest.mark.parametrize("case", CASES["good"], ids=names)
def test_uncompressed_runs_are_compressed_as_the_mask_itself_would_be(case):
    hw = tuple(case["size"])
    encoded = {"size": case["size"], "counts": case["counts"]}
    assert rle.from_runs(case["runs"], hw) == encoded
    with_empty_ones = [number for run in case["runs"] for number in (run, 0, 0)]
    assert rle.from_runs(with_empty_ones, hw) == encoded


@pytest.mark.parametrize(
    ("lengths", "code"),
    [
        ([5], "rle_too_short"),
        ([5, 2], "rle_past_end"),
        ([], "rle_too_short"),
        ([7, -1], "rle_counts_malformed"),
        ([True, 5], "rle_counts_malformed"),
        ([10**30], "rle_counts_malformed"),
        ("06", "rle_counts_malformed"),
    ],
)
def test_runs_that_are_no_mask_are_refused(lengths, code):
    with pytest.raises(rle.RleError) as refused:
        rle.from_runs(lengths, (2, 3))
    assert refused.value.code == code


@pytest.mark.parametrize("case", CASES["good"], ids=names)
def test_outlines_of_a_mask_without_holes_give_the_mask_back(case):
    mask = mask_of(case)
    outlines = rle.to_polygons(mask)
    if not outlines:
        pytest.skip("an empty mask has no outline")
    filled = rle.decode(rle.from_polygons(outlines, mask.shape))
    assert not (mask & ~filled).any()
    assert rle.to_polygons(filled) == outlines


def test_outlines_may_run_a_little_past_the_border_and_degenerate_ones_cover_nothing():
    encoded = rle.from_polygons([[-2, -2, 3, -2, 3, 2, -2, 2], [1, 1], [4, 4, 5, 5]], (6, 8))
    expected = np.zeros((6, 8), bool)
    expected[:2, :3] = True
    np.testing.assert_array_equal(rle.decode(encoded), expected)


@pytest.mark.parametrize("number", [None, float("nan"), float("inf"), 1e9, -1e9, 10**400, "x", [1, 2], {}])
def test_a_number_that_no_outline_has_never_reaches_pycocotools(number, monkeypatch):
    monkeypatch.setattr(rle.coco_mask, "frPyObjects", lambda *_: pytest.fail("a bad outline reached C code"))
    with pytest.raises(rle.PolygonMalformed):
        rle.from_polygons([[2, 2, 8, number, 8, 8, 2, 8]], (10, 20))


def test_an_outline_that_would_fill_the_memory_is_refused():
    zigzag = [coordinate for at in range(100) for coordinate in (0, at, 40_000, at)]
    with pytest.raises(rle.PolygonMalformed, match="longer"):
        rle.from_polygons([zigzag], (200, 40_000))
