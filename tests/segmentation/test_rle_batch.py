"""Many encodings at a time give what each gives by itself."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pycocotools import mask as coco_mask

from segmentation import rle, rle_batch
from segmentation.rle import RleError
from tests.segmentation import golden

CASES = golden.load("rle")


def alone(encoded, hw):
    try:
        rle.check(encoded, hw)
    except RleError as error:
        return type(error), str(error)
    return rle.area(encoded), tuple(rle.bbox_xywh(encoded))


def together(encoded, hws):
    found = rle_batch.measure(encoded, hws)
    return [(type(one), str(one)) if isinstance(one, RleError) else tuple(one) for one in found]


@st.composite
def masks(draw):
    height, width = draw(st.integers(1, 40)), draw(st.integers(1, 40))
    random = np.random.default_rng(draw(st.integers(0, 2**32)))
    density = draw(st.sampled_from([0, 0.02, 0.5, 0.98, 1]))
    return rle.encode(random.random((height, width)) < density)


@given(st.lists(masks(), min_size=1, max_size=12))
def test_area_and_box_are_those_of_pycocotools(encoded):
    packed = [each | {"counts": each["counts"].encode()} for each in encoded]
    expected = [
        (int(coco_mask.area(each)), tuple(float(side) for side in coco_mask.toBbox(each))) for each in packed
    ]
    assert together(encoded, [tuple(each["size"]) for each in encoded]) == expected


@given(st.lists(masks(), min_size=1, max_size=6), st.data())
def test_any_change_of_a_character_is_found_as_it_is_in_the_mask_alone(encoded, data):
    hws = [tuple(each["size"]) for each in encoded]
    changed = data.draw(st.integers(0, len(encoded) - 1))
    counts = encoded[changed]["counts"]
    at = data.draw(st.integers(0, len(counts)))
    character = data.draw(st.sampled_from(["", *map(chr, range(47, 114)), "é", "\0"]))
    encoded[changed]["counts"] = counts[:at] + character + counts[at + 1 :]
    assert together(encoded, hws) == [alone(*one) for one in zip(encoded, hws, strict=True)]


@pytest.mark.parametrize("case", CASES["malformed"], ids=lambda case: case["name"])
def test_a_damaged_one_among_sound_ones_is_refused_alone(case):
    sound = rle.encode(np.eye(4, 3))
    found = together([sound, case["rle"], sound], [(4, 3)] * 3)
    assert found[0] == found[2] == (3, (0.0, 0.0, 3.0, 3.0))
    assert found[1] == alone(case["rle"], (4, 3))


@pytest.mark.parametrize("size", [[4, 3], [3.0, 4], [True, 4], (3, 4), "34", None])
def test_another_size_is_refused_or_taken_as_in_the_mask_alone(size):
    encoded = rle.encode(np.eye(3, 4)) | {"size": size}
    assert together([encoded], [(3, 4)]) == [alone(encoded, (3, 4))]


def test_none_at_all():
    assert rle_batch.measure([], []) == []


def test_runs_whose_sum_comes_round_to_the_pixels_are_refused_like_one_alone():
    counts = "0" + "oooooo?" * 2 + "0" * 9
    assert together([{"size": [480, 640], "counts": counts}], [(480, 640)])[0][0] is rle.RlePastEnd
