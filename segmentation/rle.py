"""COCO's run-length encoding of a mask, on top of pycocotools.

Runs go down the columns (Fortran order) and begin with background. `counts` is COCO's string: every run is
written as the difference to the run two before it, 5 bits to a character, lowest bits first, chr(48) to
chr(111).
Source: cocoapi, common/maskApi.c, rleToString and rleFrString. That C code trusts its input (a string that
ends in the middle of a number is read past its end, runs beyond the mask are written past its end), so every
string from outside passes `check` before it.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pycocotools import mask as coco_mask

from segmentation.errors import SegmentationError
from segmentation.outlines import to_polygons

__all__ = [
    "PolygonMalformed",
    "RleCountsMalformed",
    "RleError",
    "RleNotAnObject",
    "RlePastEnd",
    "RleSizeMalformed",
    "RleSizeMismatch",
    "RleTooShort",
    "area",
    "bbox_xywh",
    "check",
    "decode",
    "encode",
    "from_polygons",
    "from_runs",
    "runs",
    "to_polygons",
]

# maskApi.c counts pixels in an unsigned 32-bit integer; a signed one leaves room for its intermediate sums.
MAX_PIXELS = 2**31 - 1
# 7 characters of 5 bits hold any signed number up to MAX_PIXELS; an 8th would shift past what the format
# needs.
MAX_CHARACTERS_PER_RUN = 7
# pycocotools walks an outline in fifths of a pixel and keeps every step in memory: 2 million pixels take some 200 MB.
MAX_OUTLINE_PIXELS = 2_000_000
MAX_POLYGON_SIDE = 100_000_000  # its fifths of a pixel are signed 32-bit integers


class RleError(SegmentationError, ValueError):
    """The RLE cannot be a mask; the class of every error of this module."""

    code = "rle_malformed"


class RleNotAnObject(RleError):
    code = "rle_not_an_object"


class RleSizeMalformed(RleError):
    code = "rle_size_malformed"


class RleSizeMismatch(RleError):
    code = "rle_size_mismatch"


class RleCountsMalformed(RleError):
    code = "rle_counts_malformed"


class RlePastEnd(RleError):
    code = "rle_past_end"


class RleTooShort(RleError):
    code = "rle_too_short"


class PolygonMalformed(RleError):
    code = "polygon_malformed"


def encode(mask: NDArray[Any]) -> dict[str, Any]:
    """Encodes a mask.

    Args:
        mask: (H, W), bool, or numbers of which every one but 0 is foreground.

    Returns:
        `{"size": [H, W], "counts": str}`.

    Raises:
        ValueError: `mask` is not (H, W) with at least one pixel.
    """
    mask = np.asarray(mask)
    if mask.ndim != 2 or mask.size == 0:
        raise ValueError(f"mask must be (H, W) with at least one pixel, got {mask.shape}")
    return _from_pycocotools(coco_mask.encode(np.asfortranarray(mask != 0, dtype=np.uint8)))


def decode(rle: Mapping[str, Any]) -> NDArray[np.bool_]:
    """Decodes to a mask (H, W) of bool.

    Raises:
        RleError: as `check`.
    """
    check(rle)
    return coco_mask.decode(_for_pycocotools(rle)).astype(bool)


def check(rle: Mapping[str, Any], hw: tuple[int, int] | None = None) -> None:
    """Refuses everything that is not the RLE of a mask of the expected size.

    Args:
        rle: what claims to be `{"size": [H, W], "counts": str}` (bytes are taken for a string, as pycocotools
            gives).
        hw: (height, width) that the size must be; None takes any.

    Raises:
        RleNotAnObject: not a mapping with `size` and `counts`.
        RleSizeMalformed: `size` is not two whole positive numbers, or too large for COCO's 32-bit runs.
        RleSizeMismatch: `size` is not `hw`.
        RleCountsMalformed: `counts` is not COCO's compressed string, or holds a negative or a needless empty
        run. RlePastEnd, RleTooShort: the runs do not add up to the mask's pixels.
    """
    runs(rle, hw)


def runs(rle: Mapping[str, Any], hw: tuple[int, int] | None = None) -> NDArray[np.int64]:
    """The lengths of the runs (N,), background first, of a checked RLE; raises as `check`."""
    height, width = _checked_size(rle)
    if hw is not None and (height, width) != tuple(hw):
        raise RleSizeMismatch(
            f"the mask's size is {[height, width]}, the image's {[int(side) for side in hw]}"
        )
    lengths = _parse_counts(rle["counts"], height * width)
    # Before they are added up: a sum of longer ones could come round to the number of pixels.
    if lengths.max() > height * width:
        raise RlePastEnd(f"a run has {lengths.max()} pixels, the mask {height * width}")
    total = int(lengths.sum())
    if total > height * width:
        raise RlePastEnd(f"the runs cover {total} pixels, the mask has {height * width}")
    if total < height * width:
        raise RleTooShort(f"the runs cover {total} pixels, the mask has {height * width}")
    return lengths


def area(rle: Mapping[str, Any]) -> int:
    """The number of foreground pixels; raises as `check`."""
    return int(runs(rle)[1::2].sum())


def bbox_xywh(rle: Mapping[str, Any]) -> list[float]:
    """COCO's bbox `[x, y, width, height]` in image pixels, `[0, 0, 0, 0]` for an empty mask; raises as
    `check`."""
    check(rle)
    return [float(value) for value in coco_mask.toBbox(_for_pycocotools(rle))]


def from_runs(lengths: Sequence[int], hw: tuple[int, int]) -> dict[str, Any]:
    """COCO's uncompressed RLE, compressed.

    Args:
        lengths: runs down the columns, background first; empty ones are taken.
        hw: (height, width) of the mask.

    Returns:
        `{"size": [H, W], "counts": str}`, the same as `encode` gives for the mask.

    Raises:
        RleCountsMalformed: not a list of whole numbers of 0 or more.
        RlePastEnd, RleTooShort: the runs do not add up to the mask's pixels.
    """
    height, width = _checked_size({"size": list(hw), "counts": ""})
    pixels = height * width
    if not isinstance(lengths, list | tuple) or not all(
        isinstance(length, int) and not isinstance(length, bool) and 0 <= length <= pixels
        for length in lengths
    ):
        raise RleCountsMalformed(f"uncompressed counts are whole numbers from 0 to the {pixels} pixels")
    total = sum(lengths)
    if total != pixels:
        error = RlePastEnd if total > pixels else RleTooShort
        raise error(f"the runs cover {total} pixels, the mask has {pixels}")
    runs = np.asarray(lengths, dtype=np.uint32)
    is_foreground = np.arange(len(runs)) % 2 == 1
    # Without the empty runs, neighbours of one colour are one run; a background run comes first, empty if need be.
    runs, is_foreground = runs[runs > 0], is_foreground[runs > 0]
    starts = np.flatnonzero(np.diff(is_foreground, prepend=~is_foreground[0]))
    merged = np.add.reduceat(runs, starts).tolist()
    counts = [0, *merged] if is_foreground[0] else merged
    return _from_pycocotools(
        coco_mask.frPyObjects({"size": [height, width], "counts": counts}, height, width)
    )


def from_polygons(polygons: Sequence[Sequence[float]], hw: tuple[int, int]) -> dict[str, Any]:
    """The mask that COCO's polygons cover together.

    Args:
        polygons: outlines `[x0, y0, x1, y1, ...]` in image pixels; those with under three corners cover nothing.
        hw: (height, width) of the mask.

    Returns:
        `{"size": [H, W], "counts": str}`.

    Raises:
        PolygonMalformed: not lists of x, y pairs, numbers that are not finite or lie far outside the image, or no
            outline with three corners.
    """
    height, width = _checked_size({"size": list(hw), "counts": ""})
    # pycocotools draws whatever it gets: numbers that are not finite, or far out, hang it or end the process.
    # Outlines that run a little past the border are common; a whole image past it is generous.
    if max(height, width) > MAX_POLYGON_SIDE:
        raise PolygonMalformed(f"an image of {width} x {height} is too large for polygons")
    width_height = np.array([width, height])
    outlines = []
    if not isinstance(polygons, list | tuple):
        raise PolygonMalformed("polygons are a list of outlines [x0, y0, x1, y1, ...]")
    for polygon in polygons:
        try:
            outline = np.asarray(polygon, float).reshape(-1, 2)  # x, y
        except (TypeError, ValueError, OverflowError):
            raise PolygonMalformed("an outline is a list of numbers x0, y0, x1, y1, ...") from None
        if not ((outline >= -width_height) & (outline <= 2 * width_height)).all():  # False for NaN
            raise PolygonMalformed(f"an outline runs far outside the image of {width} x {height}")
        # No piece of it is longer than three times the image, so that the usual ones need not be added up.
        if (
            len(outline) * 3 * max(height, width) > MAX_OUTLINE_PIXELS
            and _length(outline) > MAX_OUTLINE_PIXELS
        ):
            raise PolygonMalformed(f"an outline is longer than {MAX_OUTLINE_PIXELS} pixels")
        if len(outline) >= 3:
            outlines.append(outline.ravel().tolist())
    if not outlines:
        raise PolygonMalformed("no outline has three corners")
    drawn = coco_mask.frPyObjects(outlines, height, width)
    return _from_pycocotools(drawn[0] if len(drawn) == 1 else coco_mask.merge(drawn))


def _length(outline: NDArray[np.float64]) -> float:
    """In steps of a pixel along the longer side of each piece, as pycocotools walks it."""
    closed = np.concatenate([outline, outline[:1]])
    return float(np.abs(np.diff(closed, axis=0)).max(axis=1, initial=0).sum())


def _from_pycocotools(encoded: dict[str, Any]) -> dict[str, Any]:
    return {"size": [int(side) for side in encoded["size"]], "counts": encoded["counts"].decode("ascii")}


def _for_pycocotools(rle: Mapping[str, Any]) -> dict[str, Any]:
    counts = rle["counts"]
    return {
        "size": list(rle["size"]),
        "counts": counts.encode("ascii") if isinstance(counts, str) else bytes(counts),
    }


def _checked_size(rle: Any) -> tuple[int, int]:
    if not isinstance(rle, Mapping) or "size" not in rle or "counts" not in rle:
        raise RleNotAnObject('an RLE is an object {"size": [height, width], "counts": "..."}')
    size = rle["size"]
    if (
        not isinstance(size, list | tuple)
        or len(size) != 2
        or not all(
            isinstance(side, int | np.integer) and not isinstance(side, bool) and side > 0 for side in size
        )
    ):
        raise RleSizeMalformed(f"size must be [height, width], two whole positive numbers, got {size!r:.100}")
    height, width = int(size[0]), int(size[1])
    if height * width > MAX_PIXELS:
        raise RleSizeMalformed(
            f"a mask of {height} x {width} is larger than the {MAX_PIXELS} pixels RLE can count"
        )
    return height, width


def _parse_counts(counts: Any, pixels: int) -> NDArray[np.int64]:
    if isinstance(counts, list | tuple):
        raise RleCountsMalformed(
            "counts is a list (uncompressed RLE); send COCO's compressed string (pycocotools.mask.frPyObjects makes it)"
        )
    if isinstance(counts, str):
        try:
            counts = counts.encode("ascii")
        except UnicodeEncodeError:
            raise RleCountsMalformed("counts holds a character outside COCO's alphabet") from None
    if not isinstance(counts, bytes):
        raise RleCountsMalformed(f"counts must be a string, got {type(counts).__name__}")
    if not counts:
        raise RleCountsMalformed("counts is empty; an empty mask is one background run")
    if len(counts) > MAX_CHARACTERS_PER_RUN * (pixels + 1):
        raise RlePastEnd(
            f"counts has {len(counts)} characters, more runs than the mask has pixels ({pixels})"
        )

    characters = np.frombuffer(counts, dtype=np.uint8).astype(np.int64) - 48
    if characters.min() < 0 or characters.max() > 63:
        raise RleCountsMalformed("counts holds a character outside COCO's alphabet, '0' to 'o'")
    is_last = (characters & 0x20) == 0
    if not is_last[-1]:
        raise RleCountsMalformed("counts ends in the middle of a number")
    ends = np.flatnonzero(is_last)
    starts = np.concatenate([[0], ends[:-1] + 1])
    if (ends - starts).max() >= MAX_CHARACTERS_PER_RUN:
        raise RleCountsMalformed(f"counts holds a number of more than {MAX_CHARACTERS_PER_RUN} characters")

    position = np.arange(len(characters)) - np.repeat(starts, ends - starts + 1)
    values = np.add.reduceat((characters & 0x1F) << (5 * position), starts)
    is_negative = (characters[ends] & 0x10) != 0
    values -= is_negative.astype(np.int64) << (5 * (ends - starts + 1))

    # The first three runs are written as they are; from the fourth on, each is the difference to the one two
    # before.
    lengths = values
    lengths[1::2] = np.cumsum(values[1::2])
    lengths[2::2] = np.cumsum(values[2::2])
    if lengths.min() < 0:
        raise RleCountsMalformed("counts holds a run of negative length")
    # No encoder writes an empty run after the first, and toBbox gives a wrong box for one.
    if (lengths[1:] == 0).any():
        raise RleCountsMalformed("counts holds an empty run after the first")
    return lengths
