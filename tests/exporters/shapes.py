"""Masks that hypothesis makes up: holes, parts, one-pixel lines, shapes that touch the border and each other."""

from __future__ import annotations

import numpy as np
from hypothesis import strategies as st
from hypothesis.extra import numpy as st_numpy

from exporters.records import AnnotationRecord
from tests.exporters.world import annotation


@st.composite
def sets_of_masks(draw: st.DrawFn, most: int = 4) -> list[np.ndarray]:
    """Masks of one image, each (H, W) bool with a pixel at least."""
    height, width = draw(st.integers(1, 12)), draw(st.integers(1, 12))
    masks = []
    for _ in range(draw(st.integers(1, most))):
        mask = draw(st_numpy.arrays(bool, (height, width)))
        if draw(st.booleans()):  # something in one piece
            y, x = draw(st.integers(0, height - 1)), draw(st.integers(0, width - 1))
            mask = np.zeros_like(mask)
            mask[y : y + draw(st.integers(1, 6)), x : x + draw(st.integers(1, 6))] = True
        mask.flat[draw(st.integers(0, mask.size - 1))] = True
        masks.append(mask)
    return masks


def annotations_of(masks: list[np.ndarray]) -> list[AnnotationRecord]:
    return [annotation(number, mask) for number, mask in enumerate(masks, 1)]
