"""A region: the part of an image that an embedding is made of, at full resolution, in place of the whole image.

The image encoder sees a square of a fixed side, so in a large image a small object is left with a few pixels. The same
object in a region has many. Regions lie on a coarse grid: a view that is moved a little has the same region, and the
regions next to it are known before anybody goes there.

`static/js/core/regions.js` is the same in JavaScript; both are held to `tests/data/region_cases.json`.
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass

from segmentation.errors import SegmentationError

MIN_SIDE = 64  # pixels; less than that is a few cells of the encoder, enlarged
SIDES = [128 << octave for octave in range(11)] + [192 << octave for octave in range(11)]
STEPS_TO_A_SIDE = 4  # how often a region's side is divided by the grid's step
ROOM = 4 / 3  # a region's side over the view's longer side: so the view lies in it wherever the grid falls
WORTH_FROM = 1.5  # how many times sharper than the whole image a region has to be


class RegionMalformed(SegmentationError, ValueError):
    """Not a region, or not one of this image."""

    code = "region_malformed"


@dataclass(frozen=True)
class Region:
    """A box of whole image pixels: its first pixel and its size."""

    x: int
    y: int
    width: int
    height: int

    @property
    def hw(self) -> tuple[int, int]:
        """(height, width) in image pixels."""
        return self.height, self.width

    @property
    def slices(self) -> tuple[slice, slice]:
        """Its rows and columns: `image[region.slices]` are its pixels."""
        return slice(self.y, self.y + self.height), slice(self.x, self.x + self.width)

    def __str__(self) -> str:
        return f"{self.x},{self.y},{self.width},{self.height}"

    def check(self, image_hw: tuple[int, int]) -> Region:
        """Itself, where it can be a region of an image.

        Raises:
            RegionMalformed: it reaches beyond the image, is the whole image, or a side is too short.
        """
        height, width = image_hw
        is_inside = (
            self.x >= 0 and self.y >= 0 and self.x + self.width <= width and self.y + self.height <= height
        )
        if not is_inside:
            raise RegionMalformed(f"the region {self} reaches beyond the image ({width} x {height})")
        if self.width < min(MIN_SIDE, width) or self.height < min(MIN_SIDE, height):
            raise RegionMalformed(f"the region {self} is smaller than {MIN_SIDE} x {MIN_SIDE} pixels")
        if self.hw == image_hw:
            raise RegionMalformed(f"the region {self} is the whole image; leave it out")
        return self


def region_from_text(text: str, image_hw: tuple[int, int]) -> Region:
    """A region as it is written: "x,y,width,height" in image pixels.

    Raises:
        RegionMalformed: the text is something else, or `Region.check` refuses it.
    """
    if not re.fullmatch(r"\d{1,9}(,\d{1,9}){3}", text, re.ASCII):
        raise RegionMalformed(f"a region is x,y,width,height in whole image pixels, got {text[:60]!r}")
    return Region(*map(int, text.split(","))).check(image_hw)


def region_of_view(view_xyxy: tuple[float, float, float, float], image_hw: tuple[int, int]) -> Region | None:
    """The region for what is looked at.

    Its side is the shortest of `SIDES` that holds the view wherever the grid falls; its place is the one on the grid
    (a quarter of its side) whose middle is nearest to the view's, moved into the image. Where the image is shorter
    than the side, the region is as short.

    Args:
        view_xyxy: what of the image is seen, in image pixels; it may reach beyond the image.
        image_hw: (height, width) of the image.

    Returns:
        None: the view shows so much of the image that a region would hardly be sharper.
    """
    height, width = image_hw
    x0, x1 = max(0.0, view_xyxy[0]), min(float(width), view_xyxy[2])
    y0, y1 = max(0.0, view_xyxy[1]), min(float(height), view_xyxy[3])
    longer = max(x1 - x0, y1 - y0)
    if x1 <= x0 or y1 <= y0:
        return None
    side = next((side for side in sorted(SIDES) if side >= ROOM * longer), None)
    if side is None or max(height, width) < WORTH_FROM * side:
        return None
    across = _place((x0 + x1) / 2, side, width)
    down = _place((y0 + y1) / 2, side, height)
    return Region(across, down, min(side, width), min(side, height))


def _place(middle: float, side: int, length: int) -> int:
    step = side // STEPS_TO_A_SIDE
    return max(0, min(math.floor((middle - side / 2) / step + 0.5) * step, length - side))
