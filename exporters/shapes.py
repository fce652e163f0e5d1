"""Shapes other than polygons as masks, in memory that does not grow with the image."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from exporters.records import Rle
from segmentation import rle

MAX_PART_PIXELS = 2**27  # of a mask that is drawn pixel by pixel: a few runs can claim any number of them


def cropped(segmentation: Rle) -> tuple[NDArray[np.bool_], int, int]:
    """The mask inside of its box, and where that begins: x, y. An empty mask has no pixels. Takes the time and the
    memory of the columns that the mask is in.

    Raises:
        rle.RleError: as `rle.check`.
    """
    height = segmentation["size"][0]
    lengths = rle.runs(segmentation)
    ends = np.cumsum(lengths)
    if len(lengths) < 2:
        return np.zeros((0, 0), bool), 0, 0
    # Foreground begins where the first run ends, and ends where the last run of it does.
    last = len(lengths) - 1 - len(lengths) % 2
    x, x_end = int(ends[0]) // height, (int(ends[last]) - 1) // height + 1
    lengths[0] -= x * height
    lengths = np.append(lengths[: last + 1], x_end * height - ends[last])
    columns = np.repeat(np.arange(len(lengths)) % 2 == 1, lengths).reshape(x_end - x, height)
    rows = np.flatnonzero(columns.any(0))
    y, y_end = int(rows[0]), int(rows[-1]) + 1
    return columns.T[y:y_end], x, y


def placed(mask: NDArray[np.bool_], x: int, y: int, hw: tuple[int, int]) -> Rle:
    """A mask of a part of the image: the other way round.

    Args:
        mask: (h, w).
        x, y: of its first pixel in the image.
        hw: the image's height and width.

    Raises:
        rle.RleSizeMismatch: it reaches out of the image.
    """
    height, width = hw
    mask_height, mask_width = mask.shape
    if x < 0 or y < 0 or x + mask_width > width or y + mask_height > height:
        raise rle.RleSizeMismatch(
            f"a mask of {mask_width} x {mask_height} at x {x}, y {y} reaches out of the image of {width} x {height}"
        )
    # Where foreground begins and ends in each column, by turns.
    change = np.diff(np.pad(mask.view(np.int8), ((1, 1), (0, 0))), axis=0)
    columns, rows = np.nonzero(change.T)
    return _of_borders((columns + x) * height + rows + y, hw)


def placed_runs(lengths: Sequence[int], x: int, y: int, part_hw: tuple[int, int], hw: tuple[int, int]) -> Rle:
    """A mask of a part of the image, from its runs along the rows, as `row_runs` gives them.

    Args:
        lengths: background first; empty ones are taken.
        x, y: of the part's first pixel in the image.
        part_hw, hw: height and width of the part and of the image.

    Raises:
        rle.RleError: the runs do not add up to the part's pixels, or it reaches out of the image.
    """
    height, width = part_hw
    if height * width > MAX_PART_PIXELS:
        raise rle.RleSizeMalformed(f"a mask of {width} x {height} has more than {MAX_PART_PIXELS} pixels")
    # Rows of a mask are columns of the one turned over.
    turned = rle.from_runs(lengths, (width, height))
    part, top, left = cropped(Rle(size=turned["size"], counts=turned["counts"]))
    return placed(part.T, x + left, y + top, hw)


def ellipse(
    center_xy: Sequence[float], radii_xy: Sequence[float], hw: tuple[int, int], turned: float = 0.0
) -> Rle:
    """The pixels whose centres lie in an ellipse.

    Args:
        center_xy, radii_xy: in image pixels.
        hw: the image's height and width.
        turned: clockwise on screen about its centre, in degrees.

    Raises:
        rle.PolygonMalformed: not finite, no radius, or far larger than the image.
    """
    height, width = hw
    try:
        cx, cy, rx, ry, angle = (float(value) for value in (*center_xy, *radii_xy, turned))
    except (TypeError, ValueError, OverflowError):
        raise rle.PolygonMalformed("an ellipse is a centre x, y and two radii") from None
    if not all(map(math.isfinite, (cx, cy, rx, ry, angle))) or min(rx, ry) <= 0:
        raise rle.PolygonMalformed("an ellipse is a centre x, y and two radii above 0")
    if not (-width <= cx <= 2 * width and -height <= cy <= 2 * height) or max(rx, ry) > 2 * max(hw):
        raise rle.PolygonMalformed(f"an ellipse reaches far out of the image of {width} x {height}")
    cos, sin = math.cos(math.radians(angle)), math.sin(math.radians(angle))
    reach = math.hypot(rx * cos, ry * sin)
    first, end = max(0, math.floor(cx - reach)), min(width, math.ceil(cx + reach))
    if end - first > rle.MAX_OUTLINE_PIXELS:
        raise rle.PolygonMalformed(f"an ellipse is wider than {rle.MAX_OUTLINE_PIXELS} pixels")
    columns = np.arange(first, max(end, first))
    # ((dx cos + dy sin) / rx)^2 + ((dy cos - dx sin) / ry)^2 = 1, solved for dy in each column.
    dx = columns + 0.5 - cx
    a = (sin / rx) ** 2 + (cos / ry) ** 2
    b = dx * cos * sin * (1 / rx**2 - 1 / ry**2)
    root = b**2 - a * (dx**2 * ((cos / rx) ** 2 + (sin / ry) ** 2) - 1)
    columns, b, half = columns[root >= 0], b[root >= 0], np.sqrt(root[root >= 0])
    top = np.clip(np.ceil(cy + (-b - half) / a - 0.5), 0, height).astype(np.int64)
    bottom = np.clip(np.floor(cy + (-b + half) / a - 0.5) + 1, 0, height).astype(np.int64)
    borders = columns[:, None] * height + np.stack([top, np.maximum(top, bottom)], 1)
    return _of_borders(borders.ravel(), hw)


def rectangle(box_xyxy: Sequence[float], hw: tuple[int, int], turned: float = 0.0) -> Rle:
    """The pixels of a rectangle, by pycocotools' rule for its outline.

    Args:
        box_xyxy: two corners that lie across from each other, in image pixels.
        hw: the image's height and width.
        turned: clockwise on screen about its centre, in degrees.

    Raises:
        rle.PolygonMalformed: not finite, or far out of the image.
    """
    try:
        x0, y0, x1, y1, angle = (float(value) for value in (*box_xyxy, turned))
    except (TypeError, ValueError, OverflowError):
        raise rle.PolygonMalformed("a box is four numbers x0, y0, x1, y1") from None
    if not all(map(math.isfinite, (x0, y0, x1, y1, angle))):
        raise rle.PolygonMalformed("a box is four finite numbers x0, y0, x1, y1")
    corners = np.array([[x0, y0], [x1, y0], [x1, y1], [x0, y1]])
    if angle:
        cos, sin = math.cos(math.radians(angle)), math.sin(math.radians(angle))
        center = corners.mean(0)
        corners = (corners - center) @ np.array([[cos, sin], [-sin, cos]]) + center
    return outlines([corners.ravel().tolist()], hw)


def outlines(polygons: Sequence[Sequence[float]], hw: tuple[int, int]) -> Rle:
    """The pixels of outlines `[x0, y0, x1, y1, ...]` together; raises as `rle.from_polygons`."""
    encoded = rle.from_polygons(polygons, hw)
    return Rle(size=encoded["size"], counts=encoded["counts"])


def row_runs(mask: NDArray[np.bool_]) -> list[int]:
    """The lengths of the runs along the rows, background first (its first run may be empty)."""
    flat = mask.ravel()
    borders = np.flatnonzero(np.diff(flat.astype(np.int8), prepend=0))
    return [int(length) for length in np.diff(borders, prepend=0, append=flat.size)]


def row_runs_of(segmentation: Rle) -> list[int]:
    """`row_runs` of the whole mask, in time that goes with its box; the last run may be empty too."""
    height, width = segmentation["size"]
    part, x, y = cropped(segmentation)
    rows, columns = np.nonzero(np.diff(np.pad(part.view(np.int8), ((0, 0), (1, 1))), axis=1))
    borders, times = np.unique((rows + y) * width + columns + x, return_counts=True)
    borders = borders[times == 1]  # a run that ends where the next row's begins goes on
    return [int(length) for length in np.diff(borders, prepend=0, append=height * width)]


def _of_borders(borders: NDArray[np.int64], hw: tuple[int, int]) -> Rle:
    """The mask whose foreground begins and ends by turns at these places down the columns, (2 * runs,) ascending."""
    height, width = hw
    encoded = rle.from_runs(np.diff(borders, prepend=0, append=height * width).tolist(), (height, width))
    return Rle(size=encoded["size"], counts=encoded["counts"])
