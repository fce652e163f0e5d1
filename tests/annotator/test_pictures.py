"""The masks drawn over a thumbnail."""

from __future__ import annotations

import io
import re

import numpy as np
import pytest
from PIL import Image as Pillow

from annotator.annotations import pictures, saving
from annotator.projects import categories
from segmentation import rle
from tests.annotator.world import browser_of, html


def test_masks_on_a_tile_have_their_categorys_colour_where_the_mask_is(alice, image, annotation):
    """The mask covers rows 1 and 2, columns 2 to 4 of an image of 6 x 8, which is not enlarged."""
    response = browser_of(alice).get(f"/images/{image.pk}/masks/?version=1")
    picture = np.asarray(Pillow.open(io.BytesIO(response.content)).convert("RGBA"))
    assert picture.shape == (6, 8, 4)
    expected = np.zeros((6, 8), bool)
    expected[1:3, 2:5] = True
    assert ((picture[..., 3] > 0) == expected).all()
    color = bytes.fromhex(annotation.category.color[1:])
    assert (picture[expected][:, :3] == list(color)).all()


def test_a_tiles_masks_get_another_address_when_they_change(alice, project, annotation):
    def address_of_masks() -> str:
        return re.search(r"/masks/\?version=[^\"]+", html(client, f"/projects/{project.pk}/")).group()

    client = browser_of(alice)
    first = address_of_masks()
    saving.update(annotation, version=1, clicks=7)
    changed = address_of_masks()
    categories.update_category(annotation.category, color="#123456")
    recolored = address_of_masks()
    assert len({first, changed, recolored}) == 3


@pytest.mark.parametrize("hw", [(1, 1), (1, 64), (64, 1), (640, 480), (333, 500)])
def test_a_shrunk_mask_is_what_drawing_and_averaging_gives(hw):
    """Against the mask itself: nothing is moved or turned, whatever the proportions."""
    rows, columns = np.mgrid[: hw[0], : hw[1]]
    mask = (rows * 3 >= hw[0] - 1) & (columns * 2 <= hw[1])
    small_hw = (max(1, hw[0] // 8), max(1, hw[1] // 8))
    small = pictures.sample_mask(rle.encode(mask), small_hw)
    picture = Pillow.fromarray(mask.astype(np.uint8) * 255).resize(small_hw[::-1], Pillow.Resampling.BOX)
    assert np.abs(small - np.asarray(picture) / 255).mean() < 0.05  # 4 samples a pixel against all of them


def test_a_part_of_a_mask_is_that_part_of_the_whole():
    mask = np.random.default_rng(0).random((40, 60)) < 0.5
    window = (3, 7, 33, 47)  # top, left, bottom, right
    part = pictures.sample_mask(rle.encode(mask), (30, 40), window)
    assert np.array_equal(part, mask[3:33, 7:47])


@pytest.mark.parametrize("small", [(30, 40), (7, 11), (60, 80)])
def test_a_mask_drawn_in_its_box_alone_is_the_mask_drawn_over_the_whole_picture(small):
    """The same pixels, outline and all, also at the picture's edges and where a mask is smaller than a pixel."""
    hw = (60, 80)
    random = np.random.default_rng(1)
    for _ in range(60):
        top, left = random.integers(0, hw[0]), random.integers(0, hw[1])
        mask = np.zeros(hw, bool)
        mask[top : top + random.integers(1, 40), left : left + random.integers(1, 50)] = True
        mask &= random.random(hw) < 0.9
        mask[top, left] = True
        segmentation = rle.encode(mask)
        whole, boxed = np.zeros((*small, 4), np.float32), np.zeros((*small, 4), np.float32)
        pictures._draw(whole, pictures.sample_mask(segmentation, small), "#ff8000")
        part = pictures._part_of([float(v) for v in rle.bbox_xywh(segmentation)], hw, small)
        rows, columns = slice(part[0], part[2]), slice(part[1], part[3])
        pictures._draw(boxed[rows, columns], pictures.sample_mask(segmentation, small, part=part), "#ff8000")
        np.testing.assert_array_equal(boxed, whole)
