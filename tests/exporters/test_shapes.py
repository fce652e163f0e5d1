"""Masks of parts of an image, ellipses and boxes, held to the plain drawing of each pixel."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from exporters import shapes
from segmentation import rle
from tests.exporters.mask_strategies import masks
from tests.exporters.world import annotation

HW = (30, 40)


@settings(max_examples=100, deadline=None)
@given(masks)
def test_a_mask_is_cut_out_and_placed_again(mask):
    segmentation = annotation(1, mask).segmentation
    part, x, y = shapes.cropped(segmentation)
    assert part[0].any() and part[-1].any() and part[:, 0].any() and part[:, -1].any()
    assert shapes.placed(part, x, y, mask.shape) == segmentation
    assert shapes.placed_runs(shapes.row_runs(part), x, y, part.shape, mask.shape) == segmentation
    whole = shapes.row_runs_of(segmentation)
    assert (whole if whole[-1] else whole[:-1]) == shapes.row_runs(mask)


def test_an_empty_mask_has_no_part():
    part, _, _ = shapes.cropped(annotation(1, np.zeros((3, 4), bool)).segmentation)
    assert part.size == 0
    assert shapes.row_runs_of(annotation(1, np.zeros((3, 4), bool)).segmentation) == [12]
    assert (
        shapes.placed_runs([12], 0, 0, (3, 4), (3, 4)) == annotation(1, np.zeros((3, 4), bool)).segmentation
    )


def test_runs_go_along_the_rows_and_begin_with_background():
    assert shapes.row_runs(np.array([[0, 1], [1, 0]], bool)) == [1, 2, 1]
    assert shapes.row_runs(np.array([[1, 1], [0, 1]], bool)) == [0, 2, 1, 1]


@pytest.mark.parametrize(("x", "y"), [(-1, 0), (0, -1), (39, 0), (0, 29)])
def test_a_part_that_reaches_out_of_the_image_is_refused(x, y):
    with pytest.raises(rle.RleSizeMismatch, match="reaches out"):
        shapes.placed(np.ones((2, 2), bool), x, y, HW)


def test_a_few_runs_may_not_claim_any_number_of_pixels():
    with pytest.raises(rle.RleSizeMalformed, match="more than"):
        shapes.placed_runs([0, 40_000 * 40_000], 0, 0, (40_000, 40_000), (40_000, 40_000))


numbers = st.floats(-10, 60, allow_nan=False)


@settings(max_examples=200, deadline=None)
@given(numbers, numbers, st.floats(0.3, 30), st.floats(0.3, 30), st.floats(-720, 720))
def test_an_ellipse_covers_the_pixels_whose_centres_lie_in_it(cx, cy, rx, ry, turned):
    y, x = np.mgrid[: HW[0], : HW[1]] + 0.5
    cos, sin = np.cos(np.radians(turned)), np.sin(np.radians(turned))
    along, across = (x - cx) * cos + (y - cy) * sin, (y - cy) * cos - (x - cx) * sin
    distance = (along / rx) ** 2 + (across / ry) ** 2
    drawn = rle.decode(shapes.ellipse((cx, cy), (rx, ry), HW, turned))
    differs = drawn != (distance <= 1)
    assert np.allclose(distance[differs], 1, atol=1e-6)  # on the line itself, rounding decides


def test_a_box_turned_clockwise_about_its_centre():
    upright = rle.decode(shapes.rectangle((5, 10, 25, 14), HW))
    assert upright.sum() == 80 and upright[10:14, 5:25].all()
    quarter = rle.decode(shapes.rectangle((5, 10, 25, 14), HW, 90))
    assert quarter.sum() == 80 and quarter[2:22, 13:17].all()
    # Clockwise on screen: the right end goes down.
    slightly = rle.decode(shapes.rectangle((5, 10, 25, 14), HW, 30))
    assert slightly[15, 20] and not slightly[8, 20]
    assert rle.decode(shapes.ellipse((15, 12), (10, 2), HW, 30))[15, 20]


@pytest.mark.parametrize(
    "numbers",
    [
        (0, 0, 0, 5),
        (0, 0, -1, 5),
        (float("nan"), 0, 5, 5),
        (0, 0, float("inf"), 5),
        (10**400, 0, 5, 5),
        (500, 0, 5, 5),
    ],
)
def test_ellipses_that_are_none_are_refused(numbers):
    cx, cy, rx, ry = numbers
    with pytest.raises(rle.PolygonMalformed):
        shapes.ellipse((cx, cy), (rx, ry), HW)
