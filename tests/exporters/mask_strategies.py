"""Masks by hypothesis: noise, and shapes with holes, parts, one-pixel lines and edges on the image's border."""

from __future__ import annotations

import numpy as np
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

SIDES = st.integers(1, 24)


@st.composite
def drawn(draw: st.DrawFn) -> np.ndarray:
    """Rectangles put in and taken out again, (H, W) bool."""
    height, width = draw(SIDES), draw(SIDES)
    mask = np.zeros((height, width), bool)
    for _ in range(draw(st.integers(1, 6))):
        top, left = draw(st.integers(0, height - 1)), draw(st.integers(0, width - 1))
        bottom, right = draw(st.integers(top + 1, height)), draw(st.integers(left + 1, width))
        mask[top:bottom, left:right] = draw(st.booleans())
    return mask


# Never without a pixel: an object that is nowhere cannot be read back.
masks = st.one_of(
    drawn(), st.tuples(SIDES, SIDES).flatmap(lambda hw: arrays(np.bool_, hw, elements=st.booleans()))
).filter(np.any)
