"""Masks as one number for each pixel, and such numbers as masks.

Both are done run by run, so that the work is that of the pixels inside of the masks' boxes and not of all pixels times
all masks.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from exporters.options import Options
from exporters.overlap_option import OVERLAP
from exporters.records import AnnotationRecord, Rle
from segmentation import rle

NOBODY = 0


def painted(
    annotations: Sequence[AnnotationRecord], hw: tuple[int, int], options: Options
) -> NDArray[np.int32]:
    """Whose each pixel is, by the option OVERLAP. Of masks of one area the later is on top, as is the habit.

    Args:
        annotations: of one image, in the order in which they were made.
        hw: the image's (height, width).

    Returns:
        (H, W): 1 + the place in `annotations`, NOBODY where there is no mask. Beside it, one byte for each pixel of the
        columns of one mask is held.

    Raises:
        rle.RleError: a mask is damaged, or of another size than the image.
    """
    height, width = hw
    owners = np.zeros(width * height, np.int32)  # down the columns, as the runs are
    # The largest number of pixels: whoever comes is smaller than nobody.
    areas = np.full(len(annotations) + 1, np.iinfo(np.int32).max, np.int32)
    for number, annotation in enumerate(annotations, 1):
        lengths = rle.runs(annotation.segmentation, hw)
        areas[number] = lengths[1::2].sum()
        if not areas[number]:
            continue
        start = int(lengths[0])
        inside = _foreground(lengths)
        here = owners[start : start + len(inside)]
        if options[OVERLAP.name] == "earlier":
            inside &= here == NOBODY
        elif options[OVERLAP.name] == "smaller":
            inside &= areas[here] >= areas[number]
        here[inside] = number
    return owners.reshape(width, height).T


def masks_in(labels: NDArray[Any]) -> Iterator[tuple[int, Rle]]:
    """Every number of a label map with its mask, by size of the number.

    Args:
        labels: (H, W) of whole numbers; not modified.
    """
    height, width = labels.shape
    down = labels.T.ravel()  # down the columns
    starts = np.concatenate([[0], np.flatnonzero(down[1:] != down[:-1]) + 1])
    ends = np.append(starts[1:], len(down))
    values = down[starts]
    order = np.argsort(values, kind="stable")
    in_order = values[order]
    firsts = [0, *(np.flatnonzero(in_order[1:] != in_order[:-1]) + 1)]
    for first, last in zip(firsts, [*firsts[1:], len(order)], strict=True):
        own = order[first:last]
        # Where background and foreground end, by turns.
        borders = np.stack([starts[own], ends[own]], axis=1).ravel()
        lengths = np.diff(borders, prepend=0)
        if borders[-1] < len(down):
            lengths = np.append(lengths, len(down) - borders[-1])
        encoded = rle.from_runs(lengths.tolist(), (height, width))
        yield int(values[own[0]]), Rle(size=[height, width], counts=encoded["counts"])


def _foreground(lengths: NDArray[np.int64]) -> NDArray[np.bool_]:
    """Which pixels are foreground, from the first one on that is to the last."""
    between = lengths[1 : len(lengths) // 2 * 2]  # begins and ends with foreground
    return np.repeat(np.arange(len(between)) % 2 == 0, between)
