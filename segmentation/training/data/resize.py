"""Arrays at another size, of the numbers that they hold: OpenCV's own types say only "some numbers"."""

from __future__ import annotations

from typing import TypeVar, cast

import cv2
import numpy as np
from numpy.typing import NDArray

Number = TypeVar("Number", np.uint8, np.float32)


def resized(array: NDArray[Number], size_wh: tuple[int, int], interpolation: int) -> NDArray[Number]:
    """(H, W, ...) at a size given as (width, height); `interpolation` is one of OpenCV's constants."""
    return cast("NDArray[Number]", cv2.resize(array, size_wh, interpolation=interpolation))
