"""The frames a point can be in, and the ways between them.

image frame  upright stored pixels; (0, 0) is the first pixel, x to the right, y down
model frame  pixels of the square the image encoder sees: the image scaled, top-left, then padding; or, for models
             that were trained so, the image stretched over all of the square

`static/js/core/frames.js` has the same in JavaScript, and the view frame; both are held to
`tests/data/frames_cases.json`.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from segmentation.regions import Region

PAD, STRETCH = "pad", "stretch"


@dataclass(frozen=True)
class ModelFrame:
    """Where an image, or a region of it, sits inside the square the image encoder sees.

    PAD: the image (or the region) is scaled until its longer side is `side` pixels and placed top-left; the rest is
    padding. Each side is rounded by itself, so the two axes have slightly different factors: a point must be
    moved by its axis' factor, as `ResizeLongestSide` does. Source: segment-anything, utils/transforms.py; arXiv
    2304.02643, appendix A.

    STRETCH: both sides become `side` pixels, whatever the image's proportions, and there is no padding. Source: sam2,
    utils/transforms.py.

    Points and masks are in pixels of the whole image in either case.

    Raises:
        ValueError: a size that is not positive, or another `fit`.
        RegionMalformed: the region is not one of the image.
    """

    image_height: int
    image_width: int
    side: int = 1024
    region: Region | None = None
    fit: str = PAD

    def __post_init__(self) -> None:
        if self.fit not in (PAD, STRETCH):
            raise ValueError(f"fit must be {PAD!r} or {STRETCH!r}, got {self.fit!r}")
        if min(self.image_height, self.image_width, self.side) < 1:
            raise ValueError(
                f"image (height, width) and side must be positive, got {self.image_hw} and {self.side}"
            )
        if self.region:
            self.region.check(self.image_hw)

    @property
    def image_hw(self) -> tuple[int, int]:
        """(height, width) of the image, in image pixels."""
        return self.image_height, self.image_width

    @property
    def part_hw(self) -> tuple[int, int]:
        """(height, width) of what the encoder sees of the image, in image pixels."""
        return self.region.hw if self.region else self.image_hw

    @property
    def input_hw(self) -> tuple[int, int]:
        """(height, width) of the scaled part inside the square, in model pixels.

        Never below 1: segment-anything rounds the short side of a 1 x 5000 image to nothing and cannot resize
        it.
        """
        if self.fit == STRETCH:
            return self.side, self.side
        height, width = self.part_hw
        scale = self.side * 1.0 / max(height, width)
        return max(1, int(height * scale + 0.5)), max(1, int(width * scale + 0.5))

    def from_image(self, points: ArrayLike) -> NDArray[np.float32]:
        """Moves points from image pixels to model pixels.

        Args:
            points: (N, 2), x then y, in image pixels; not modified.

        Returns:
            (N, 2), x then y, in model pixels. Computed in float64, then rounded, as SamPredictor does.

        Raises:
            ValueError: `points` is not (N, 2).
        """
        return ((_as_points(points) - self._corner()) * self._factors()).astype(np.float32)

    def _corner(self) -> NDArray[np.float64]:
        return np.array([self.region.x, self.region.y] if self.region else [0, 0], np.float64)

    def _factors(self) -> NDArray[np.float64]:
        (input_height, input_width), (height, width) = self.input_hw, self.part_hw
        return np.array([input_width / width, input_height / height])


def _as_points(points: ArrayLike) -> NDArray[np.float64]:
    points = np.asarray(points, dtype=np.float64)
    if points.ndim != 2 or points.shape[1] != 2:
        raise ValueError(f"points must be (N, 2), got {points.shape}")
    return points
