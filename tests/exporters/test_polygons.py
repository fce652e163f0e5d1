"""Masks as outlines and back: bit for bit without a tolerance, never crossing, holes kept, cut or filled."""

from __future__ import annotations

import time

import numpy as np
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy import ndimage

from exporters.polygons import (
    HOLES,
    TOLERANCE,
    Polygon,
    iou,
    joined,
    polygons_of,
    rings_of,
    rle_of,
    without_holes,
)
from segmentation import rle
from tests.exporters.world import masks

MASKS = arrays(bool, st.tuples(st.integers(1, 14), st.integers(1, 14))).filter(lambda mask: mask.any())


def area_of(polygon: Polygon) -> shapely.Polygon:
    points = [np.asarray(ring).reshape(-1, 2) for ring in (polygon.outer, *polygon.holes)]
    return shapely.Polygon(points[0], points[1:])


@settings(deadline=None, max_examples=150)
@given(MASKS)
def test_without_a_tolerance_a_mask_comes_back_bit_for_bit(mask):
    encoded = rle.encode(mask)
    polygons = polygons_of(encoded)
    assert all(area_of(polygon).is_valid for polygon in polygons)
    assert np.array_equal(rle.decode(rle_of(polygons, mask.shape)), mask)
    cut = without_holes(polygons)
    assert np.array_equal(rle.decode(rle.from_polygons(cut, mask.shape)), mask)


def test_a_hole_around_an_island_is_a_hole_of_the_part_outside():
    mask = np.ones((5, 5), bool)
    mask[[1, 2, 2, 3], [2, 1, 3, 2]] = False  # four pixels that touch at corners, around one
    outside, island = sorted(
        polygons_of(rle.encode(mask)), key=lambda polygon: len(polygon.holes), reverse=True
    )
    assert (len(outside.holes), len(island.holes)) == (1, 0)
    assert np.array_equal(rle.decode(rle_of([outside, island], mask.shape)), mask)


@settings(deadline=None, max_examples=100)
@given(MASKS, st.sampled_from([0.5, 1.0, 2.0]))
def test_simplified_outlines_never_cross_and_stay_near(mask, tolerance):
    polygons = polygons_of(rle.encode(mask), tolerance)
    assert polygons
    assert all(area_of(polygon).is_valid for polygon in polygons)
    exact = shapely.union_all([area_of(polygon) for polygon in polygons_of(rle.encode(mask))])
    simpler = shapely.union_all([area_of(polygon) for polygon in polygons])
    assert exact.buffer(tolerance + 0.01).covers(simpler)


@pytest.mark.parametrize("name", ["ring", "disc", "two pieces"])
def test_half_a_pixel_keeps_a_round_mask_and_saves_corners(name):
    encoded = rle.encode(masks()[name])
    exact, simpler = polygons_of(encoded), polygons_of(encoded, 0.8)
    assert iou(encoded, rle_of(simpler, (60, 80))) > 0.93
    assert sum(len(each.outer) for each in simpler) < sum(len(each.outer) for each in exact)


def test_the_ring_has_one_hole_that_is_cut_or_filled():
    ring = masks()["ring"]
    encoded = rle.encode(ring)
    (polygon,) = polygons_of(encoded)
    assert len(polygon.holes) == 1
    cut = rings_of(encoded, {TOLERANCE.name: "0", HOLES.name: "cut"})
    filled = rings_of(encoded, {TOLERANCE.name: "0", HOLES.name: "fill"})
    assert len(cut) == 2
    assert np.array_equal(rle.decode(rle.from_polygons(cut, ring.shape)), ring)
    assert np.array_equal(rle.decode(rle.from_polygons(filled, ring.shape)), ndimage.binary_fill_holes(ring))


def test_parts_joined_to_one_outline_cover_the_same_area():
    mask = masks()["two pieces"]
    rings = [polygon.outer for polygon in polygons_of(rle.encode(mask))]
    assert len(rings) == 2
    one = joined(rings)
    drawn = rle.from_polygons([one], mask.shape)
    assert iou(drawn, rle.encode(mask)) > 0.97


def test_many_parts_are_joined_in_little_time_and_cover_the_same_pixels():
    noise = np.random.default_rng(0).random((60, 80)) < 0.5
    began = time.perf_counter()
    rings = without_holes(polygons_of(rle.encode(noise)))
    drawn = rle.from_polygons([joined(rings)], noise.shape)
    assert time.perf_counter() - began < 10  # 131 s when every step compared all corners anew
    assert len(rings) > 400
    assert np.array_equal(rle.decode(drawn), noise)


def test_no_outline_is_refused_and_the_empty_mask_has_none():
    assert polygons_of(rle.encode(np.zeros((5, 5), bool))) == []
    assert joined([]) == []
    with pytest.raises(rle.PolygonMalformed):
        rle_of([], (5, 5))
