"""When two annotations of a file have the same mask."""

from __future__ import annotations

import hashlib

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from annotator.datasets.incoming import mask_digest, mask_text
from exporters.records import AnnotationRecord
from segmentation import rle

MASKS = st.builds(
    lambda height, width, seed: np.random.default_rng(seed).random((height, width)) < 0.3,
    st.integers(1, 20),
    st.integers(1, 200),
    st.integers(0, 2**32),
)


def wordier(encoded: dict, at: int) -> dict:
    """The same runs with one character more, that changes nothing, in the number that has the character `at`."""
    counts = encoded["counts"]
    last = next(index for index in range(at, len(counts)) if ord(counts[index]) - 48 < 0x20)
    value = ord(counts[last]) - 48
    longer = chr(48 + (value | 0x20)) + ("O" if value & 0x10 else "0")
    return encoded | {"counts": counts[:last] + longer + counts[last + 1 :]}


@given(MASKS, st.integers(0, 10_000))
def test_the_same_pixels_are_the_same_mask_however_their_runs_are_written(mask, at):
    encoded = rle.encode(mask)
    other = wordier(encoded, at % len(encoded["counts"]))
    assert other != encoded
    np.testing.assert_array_equal(rle.decode(other), mask)
    assert mask_text(other) == mask_text(encoded) == f"{mask.shape[0]} {mask.shape[1]} {encoded['counts']}"


@given(MASKS)
def test_other_pixels_are_another_mask(mask):
    changed = mask.copy()
    changed[-1, -1] ^= True
    assert mask_text(rle.encode(changed)) != mask_text(rle.encode(mask))
    assert mask_text(rle.encode(mask.T.reshape(1, -1))) != mask_text(rle.encode(mask)) or len(mask) == 1


def test_the_digest_that_ids_are_made_of_is_that_of_the_borders_between_runs():
    encoded = rle.encode(np.array([[1, 0, 1], [1, 0, 0]]))  # down the columns: 11 00 10
    record = AnnotationRecord(1, 1, encoded, 3, (0, 0, 3, 2))
    borders = np.array([0, 2, 4, 5], np.int64)
    assert mask_digest(record) == hashlib.sha256(borders.tobytes()).hexdigest()
