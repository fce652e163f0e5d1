import numpy as np
import pytest
from pycocotools import mask as coco_mask
from scipy import ndimage

from segmentation.outlines import to_polygons


def drawn_by_pycocotools(polygons, height, width):
    return coco_mask.decode(coco_mask.merge(coco_mask.frPyObjects(polygons, height, width))).astype(bool)


def test_outline_of_one_pixel_runs_around_it():
    mask = np.zeros((4, 5), bool)
    mask[2, 3] = True
    assert to_polygons(mask) == [[3, 2, 4, 2, 4, 3, 3, 3]]


def test_outline_holds_only_corners():
    mask = np.zeros((6, 9), bool)
    mask[1:5, 2:8] = True
    mask[3:5, 6:8] = False
    assert to_polygons(mask) == [[2, 1, 8, 1, 8, 3, 6, 3, 6, 5, 2, 5]]


def test_empty_mask_has_no_outline():
    assert to_polygons(np.zeros((3, 3), bool)) == []


def test_full_mask_has_the_image_s_border():
    assert to_polygons(np.ones((2, 3), bool)) == [[0, 0, 3, 0, 3, 2, 0, 2]]


def test_pixels_that_touch_at_a_corner_have_outlines_of_their_own():
    for mask in ([[1, 0], [0, 1]], [[0, 1], [1, 0]]):
        assert sorted(len(polygon) for polygon in to_polygons(np.array(mask))) == [8, 8]


@pytest.mark.parametrize("seed", range(12))
def test_pycocotools_draws_masks_without_holes_back_bit_for_bit(seed):
    random = np.random.default_rng(seed)
    height, width = random.integers(1, 60, 2)
    mask = ndimage.gaussian_filter(random.normal(size=(height, width)), seed % 4) > 0
    # The outlines are 4-connected, so the background is 8-connected: what touches the outside at a corner is no hole.
    background = ndimage.label(~np.pad(mask, 1), structure=np.ones((3, 3)))[0]
    mask = (background != background[0, 0])[1:-1, 1:-1] if mask.any() else mask

    polygons = to_polygons(mask)

    assert len(polygons) == ndimage.label(mask)[1]
    if polygons:
        np.testing.assert_array_equal(drawn_by_pycocotools(polygons, height, width), mask)


def test_hole_is_filled():
    mask = np.ones((7, 7), bool)
    mask[2:5, 2:5] = False
    assert to_polygons(mask) == [[0, 0, 7, 0, 7, 7, 0, 7]]


def test_island_in_a_hole_keeps_its_outline():
    mask = np.ones((7, 7), bool)
    mask[1:6, 1:6] = False
    mask[3, 3] = True
    assert len(to_polygons(mask)) == 2


def test_mask_with_a_third_axis_is_refused():
    with pytest.raises(ValueError, match=r"\(H, W\)"):
        to_polygons(np.zeros((1, 2, 3)))
