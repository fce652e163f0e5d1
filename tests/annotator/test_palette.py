"""The colours categories get: far enough apart for every kind of colour vision."""

from __future__ import annotations

from itertools import combinations

import numpy as np
import pytest
from skimage.color import deltaE_ciede2000, rgb2lab

from annotator.projects.palette import CATEGORY_COLORS, category_color

# Machado, Oliveira and Fernandes, "A Physiologically-based Model for Simulation of Color Vision Deficiency", 2009:
# severity 1, on linear RGB.
VISION = {
    "normal": np.eye(3),
    "protan": [[0.152286, 1.052583, -0.204868], [0.114503, 0.786281, 0.099216], [-0.003882, -0.048116, 1.051998]],
    "deutan": [[0.367322, 0.860646, -0.227968], [0.280085, 0.672501, 0.047413], [-0.011820, 0.042940, 0.968881]],
    "tritan": [[1.255528, -0.076749, -0.178779], [-0.078411, 0.930809, 0.147602], [0.004733, 0.691367, 0.303900]],
}  # fmt: skip
# Okabe and Ito's own seven are 10.9 apart at the closest (orange and pink, tritan); 2 is just noticeable side by side.
LEAST_DISTANCE = {"normal": 20, "protan": 10, "deutan": 10, "tritan": 9.5}


def as_seen(colors: tuple[str, ...], matrix) -> np.ndarray:
    """CIELAB (N, 3) of "#rrggbb" colours under a vision's matrix."""
    srgb = np.array([[*bytes.fromhex(color[1:])] for color in colors]) / 255
    linear = np.where(srgb <= 0.04045, srgb / 12.92, ((srgb + 0.055) / 1.055) ** 2.4)
    seen = np.clip(linear @ np.asarray(matrix).T, 0, 1)
    back = np.where(seen <= 0.0031308, seen * 12.92, 1.055 * seen ** (1 / 2.4) - 0.055)
    return rgb2lab(back[None])[0]


@pytest.mark.parametrize("vision", VISION)
def test_any_two_colours_can_be_told_apart(vision):
    lab = as_seen(CATEGORY_COLORS, VISION[vision])
    closest = min(float(deltaE_ciede2000(lab[a], lab[b])) for a, b in combinations(range(len(lab)), 2))
    assert closest >= LEAST_DISTANCE[vision]


def test_colours_begin_anew_after_the_last():
    assert category_color(len(CATEGORY_COLORS)) == CATEGORY_COLORS[0]
