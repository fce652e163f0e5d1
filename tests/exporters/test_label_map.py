"""Label maps, held against numpy painting one mask after the other."""

from __future__ import annotations

import tracemalloc

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from exporters.label_map import masks_in, painted
from exporters.overlap_option import OVERLAP
from segmentation import rle
from tests.exporters.world import annotation

SIZES = st.tuples(st.integers(1, 9), st.integers(1, 9))


@st.composite
def masks_of_one_image(draw) -> list[np.ndarray]:
    size = draw(SIZES)
    return draw(st.lists(arrays(bool, size), min_size=1, max_size=5))


def by_hand(masks: list[np.ndarray], overlap: str) -> np.ndarray:
    numbers = list(range(1, len(masks) + 1))
    if overlap == "earlier":
        numbers.reverse()
    if overlap == "smaller":
        numbers.sort(key=lambda number: -masks[number - 1].sum())
    labels = np.zeros(masks[0].shape, int)
    for number in numbers:
        labels[masks[number - 1]] = number
    return labels


@pytest.mark.parametrize("overlap", OVERLAP.values)
@settings(deadline=None, max_examples=100)
@given(masks_of_one_image())
def test_a_pixel_is_whose_the_option_says(overlap, masks):
    annotations = [annotation(number, mask) for number, mask in enumerate(masks, 1)]
    labels = painted(annotations, masks[0].shape, {OVERLAP.name: overlap})
    assert np.array_equal(labels, by_hand(masks, overlap))


@settings(deadline=None, max_examples=100)
@given(SIZES.flatmap(lambda size: arrays(np.uint8, size, elements=st.integers(0, 3))))
def test_every_number_comes_with_its_pixels(labels):
    found = dict(masks_in(labels))
    assert list(found) == sorted(set(labels.ravel().tolist()))
    for value, segmentation in found.items():
        assert segmentation == rle.encode(labels == value)


def test_a_mask_of_another_size_is_refused():
    with pytest.raises(rle.RleSizeMismatch):
        painted([annotation(1, np.ones((3, 4), bool))], (4, 3), {OVERLAP.name: "later"})


def test_memory_is_that_of_the_image_however_many_masks_there_are():
    mask = np.zeros((500, 1000), bool)
    mask[100:400, 100:900] = True
    annotations = [annotation(number, mask) for number in range(1, 101)]
    tracemalloc.start()
    for overlap in OVERLAP.values:
        painted(annotations, mask.shape, {OVERLAP.name: overlap})
    peak_bytes = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak_bytes < 12 * mask.size  # a list of all the masks would have 100 bytes for each pixel
