"""The three frames a point can be in, and the ways between them.

image frame  upright stored pixels; (0, 0) is the first pixel, x to the right, y down
model frame  pixels of the square the image encoder sees: the image scaled, top-left, then padding
view frame   CSS pixels of the stage in the browser

`static/js/core/frames.js` is the same in JavaScript; both are held to `tests/data/frames_cases.json`.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray


@dataclass(frozen=True)
class ModelFrame:
    """Where an image sits inside the square the image encoder sees.

    The image is scaled until its longer side is `side` pixels and placed top-left; the rest is padding. Each
    side is rounded by itself, so the two axes have slightly different factors: a point must be moved by its
    axis' factor, as `ResizeLongestSide` does. Source: segment-anything, utils/transforms.py; arXiv
    2304.02643, appendix A.

    Raises:
        ValueError: a size that is not positive.
    """

    image_height: int
    image_width: int
    side: int = 1024

    def __post_init__(self) -> None:
        if min(self.image_height, self.image_width, self.side) < 1:
            raise ValueError(
                f"image (height, width) and side must be positive, got {self.image_hw} and {self.side}"
            )

    @property
    def image_hw(self) -> tuple[int, int]:
        """(height, width) of the image, in image pixels."""
        return self.image_height, self.image_width

    @property
    def input_hw(self) -> tuple[int, int]:
        """(height, width) of the scaled image inside the square, in model pixels.

        Never below 1: segment-anything rounds the short side of a 1 x 5000 image to nothing and cannot resize
        it.
        """
        scale = self.side * 1.0 / max(self.image_height, self.image_width)
        return max(1, int(self.image_height * scale + 0.5)), max(1, int(self.image_width * scale + 0.5))

    def from_image(self, points: ArrayLike) -> NDArray[np.float32]:
        """Moves points from image pixels to model pixels.

        Args:
            points: (N, 2), x then y, in image pixels; not modified.

        Returns:
            (N, 2), x then y, in model pixels. Computed in float64, then rounded, as SamPredictor does.

        Raises:
            ValueError: `points` is not (N, 2).
        """
        return (_as_points(points) * self._factors()).astype(np.float32)

    def to_image(self, points: ArrayLike) -> NDArray[np.float64]:
        """Moves points from model pixels to image pixels.

        Args:
            points: (N, 2), x then y, in model pixels; not modified.

        Returns:
            (N, 2), x then y, in image pixels.

        Raises:
            ValueError: `points` is not (N, 2).
        """
        return _as_points(points) / self._factors()

    def _factors(self) -> NDArray[np.float64]:
        input_height, input_width = self.input_hw
        return np.array([input_width / self.image_width, input_height / self.image_height])


@dataclass(frozen=True)
class ViewFrame:
    """Where the image is drawn on the stage.

    scale               CSS pixels per image pixel
    offset_x, offset_y  where the image's top-left corner lies, in CSS pixels from the stage's corner
    device_pixel_ratio  canvas pixels per CSS pixel

    Raises:
        ValueError: `scale` or `device_pixel_ratio` is not positive.
    """

    scale: float
    offset_x: float = 0.0
    offset_y: float = 0.0
    device_pixel_ratio: float = 1.0

    def __post_init__(self) -> None:
        if not (self.scale > 0 and self.device_pixel_ratio > 0):
            raise ValueError(
                f"scale and device_pixel_ratio must be positive, got {self.scale} and {self.device_pixel_ratio}"
            )

    def from_image(self, points: ArrayLike) -> NDArray[np.float64]:
        """Moves points (N, 2), x then y, from image pixels to CSS pixels of the stage."""
        return _as_points(points) * self.scale + (self.offset_x, self.offset_y)

    def to_image(self, points: ArrayLike) -> NDArray[np.float64]:
        """Moves points (N, 2), x then y, from CSS pixels of the stage to image pixels."""
        return (_as_points(points) - (self.offset_x, self.offset_y)) / self.scale

    def to_canvas(self, points: ArrayLike) -> NDArray[np.float64]:
        """Moves points (N, 2), x then y, from CSS pixels of the stage to the canvas' own pixels."""
        return _as_points(points) * self.device_pixel_ratio


def _as_points(points: ArrayLike) -> NDArray[np.float64]:
    points = np.asarray(points, dtype=np.float64)
    if points.ndim != 2 or points.shape[1] != 2:
        raise ValueError(f"points must be (N, 2), got {points.shape}")
    return points
