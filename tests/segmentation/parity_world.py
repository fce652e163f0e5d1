"""What an original and a converted bundle are asked alike: pictures and prompts."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray


def picture(height: int, width: int, seed: int) -> NDArray[np.uint8]:
    """(H, W, 3): patches and noise, from whole numbers only, so that it is the same everywhere."""
    random = np.random.default_rng(seed)
    patches = random.integers(0, 200, (height // 6 + 1, width // 6 + 1, 3))
    image = patches.repeat(6, axis=0).repeat(6, axis=1)[:height, :width]
    return (image + random.integers(0, 56, image.shape)).astype(np.uint8)


def prompts(height: int, width: int, mask_input: NDArray[np.float32]) -> dict[str, dict]:
    """Arguments of `predict` by what they are, in pixels of the picture."""
    points = np.array([[width * 0.3, height * 0.5], [width * 0.8, height * 0.9], [1.5, 0.25]])
    box = np.array([width * 0.1, height * 0.2, width * 0.6, height * 0.8])
    return {
        "one point": {"point_coords": points[:1], "point_labels": np.array([1])},
        "a point that is not it": {"point_coords": points[1:2], "point_labels": np.array([0])},
        "three points": {"point_coords": points, "point_labels": np.array([1, 0, 1])},
        "a box": {"box": box},
        "a box and points": {"box": box, "point_coords": points[:2], "point_labels": np.array([1, 0])},
        "a mask": {"mask_input": mask_input},
        "a mask and a point": {
            "mask_input": mask_input,
            "point_coords": points[:1],
            "point_labels": np.array([0]),
        },
        "a mask and a box": {"mask_input": mask_input, "box": box},
        "everything": {
            "mask_input": mask_input,
            "box": box,
            "point_coords": points,
            "point_labels": np.array([1, 1, 0]),
        },
    }
