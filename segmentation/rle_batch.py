"""Many run-length encodings at a time: checked, measured and boxed by a few passes of numpy over all of their runs.

A mask alone takes some sixty calls of numpy, whose cost is the calls'; of five hundred masks together each takes a
twentieth of that.
"""

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from segmentation import rle
from segmentation.rle import RleError

# Arrays of this many numbers stay in a core's own cache, and in memory that the process has already.
CHARACTERS_TOGETHER = 16_000


class Measured(NamedTuple):
    """The foreground pixels of a mask, and its box in image pixels, as `rle.area` and `rle.bbox_xywh` give them."""

    area: int
    bbox_xywh: tuple[float, float, float, float]


class _Unsound(Exception):
    """At least one of the encodings is damaged."""


def measure(rles: Sequence[Any], hws: Sequence[tuple[int, int]]) -> list[Measured | RleError]:
    """Checks each encoding as `rle.check` does, and measures it.

    Args:
        rles: what claim to be `{"size": [H, W], "counts": str}`.
        hws: (height, width) that each must have; whole positive numbers of at most `rle.MAX_PIXELS` together.

    Returns:
        For each its measures, or the error that `rle.check` raises for it.
    """
    found: list[Measured | RleError] = []
    while len(found) < len(rles):
        first = end = len(found)
        characters = 0
        while end < len(rles) and characters < CHARACTERS_TOGETHER and _is_plain(rles[end], hws[end]):
            characters += len(rles[end]["counts"])
            end += 1
        if end == first:
            found.append(_alone(rles[first], hws[first]))
        else:
            found += _together(rles[first:end], hws[first:end])
    return found


def _is_plain(encoded: Any, hw: tuple[int, int]) -> bool:
    """Whether all but the characters is as it should be."""
    if type(encoded) is not dict:
        return False
    size, counts = encoded.get("size"), encoded.get("counts")
    return (
        type(size) is list
        and len(size) == 2
        and type(size[0]) is type(size[1]) is int
        and (size[0], size[1]) == hw
        and type(counts) is str
        and 0 < len(counts)
    )


def _together(rles: Sequence[Any], hws: Sequence[tuple[int, int]]) -> list[Measured | RleError]:
    try:
        return [*_measured([encoded["counts"] for encoded in rles], hws)]
    except _Unsound:
        return [_alone(*one) for one in zip(rles, hws, strict=True)]


def _alone(encoded: Any, hw: tuple[int, int]) -> Measured | RleError:
    try:
        rle.check(encoded, hw)
        x, y, width, height = rle.bbox_xywh(encoded)
        return Measured(rle.area(encoded), (x, y, width, height))
    except RleError as error:
        return error


def _measured(counts: list[str], hws: Sequence[tuple[int, int]]) -> list[Measured]:
    """The measures of encodings of which none is empty.

    Raises:
        _Unsound: at least one is damaged.
    """
    background, foreground, pair_counts, has_both = _pairs(counts)  # (P,), (P,), (N,), (N,)
    firsts = np.cumsum(pair_counts) - pair_counts
    lasts = firsts + pair_counts - 1
    shortest = background.copy()
    shortest[firsts] += 1  # the first run alone may be empty
    is_sound = shortest.min() > 0 and (foreground < 1).sum() == (~has_both).sum()
    # Before they are added up: sums of longer runs could come round to the number of pixels.
    if not is_sound or max(background.max(), foreground.max()) > rle.MAX_PIXELS:
        raise _Unsound
    heights, widths = np.array(hws, np.int64).T
    pixels = heights * widths
    both = background + foreground
    if (np.add.reduceat(both, firsts) != pixels).any():
        raise _Unsound

    areas = np.add.reduceat(foreground, firsts)
    # Of each foreground run the pixel after it, counted down the columns of its mask.
    ends = np.cumsum(both) - np.repeat(np.cumsum(pixels) - pixels, pair_counts)
    # The foreground run that is missing at a mask's end must not widen its box: there the one before comes again.
    missing = lasts[~has_both]
    ends[missing], foreground[missing] = ends[missing - 1], foreground[missing - 1]
    boxes = _boxes(ends - foreground, ends - 1, np.repeat(heights, pair_counts), firsts)
    boxes[areas == 0] = 0
    return [
        Measured(area, (x, y, width, height))
        for area, (x, y, width, height) in zip(areas.tolist(), boxes.astype(float).tolist(), strict=True)
    ]


def _boxes(
    first: NDArray[np.int64], last: NDArray[np.int64], height: NDArray[np.int64], starts: NDArray[np.int64]
) -> NDArray[np.int64]:
    """(N, 4) boxes x, y, width, height of masks.

    Args:
        first, last, height: (P,) of each foreground run: its pixels and the height of its mask.
        starts: (N,) where the runs of each mask begin.
    """
    if (height == height[0]).all():
        height = height[:1]  # numpy divides by one number several times as fast
    left, right = first // height, last // height
    top, bottom = first - left * height, last - right * height
    # A run over the border of two columns has the lowest pixel of one and the highest of the other.
    is_over = left != right
    top[is_over] = 0
    np.copyto(bottom, height - 1, where=is_over)
    x, y = np.minimum.reduceat(left, starts), np.minimum.reduceat(top, starts)
    x_end, y_end = np.maximum.reduceat(right, starts) + 1, np.maximum.reduceat(bottom, starts) + 1
    return np.stack([x, y, x_end - x, y_end - y], 1)


def _pairs(
    counts: list[str],
) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64], NDArray[np.bool_]]:
    """The lengths of runs, which may be negative here.

    Returns:
        Those of background (P,) and those of the foreground after each (P,), of all masks one after the other; how many
        pairs each mask has (N,), and whether the last of them is one (N,): where it ends with background, its last
        foreground is 0.

    Raises:
        _Unsound: a character outside of the alphabet, or a number that is too long or without an end.
    """
    values, run_counts = _differences(counts)
    has_both = run_counts % 2 == 0
    # With a foreground run at the end of every mask, those are every second one.
    values = np.insert(values, np.cumsum(run_counts)[~has_both], 0)
    pair_counts = (run_counts + 1) // 2
    after = np.cumsum(pair_counts)
    firsts = after - pair_counts
    # The first three runs are written as they are, each later one as the difference to the one two before.
    background, foreground = np.cumsum(values[0::2]), np.cumsum(values[1::2])
    before = np.concatenate([[0], foreground])[firsts]
    foreground -= np.repeat(before, pair_counts)
    background -= np.repeat(background[firsts], pair_counts)
    background[firsts] = values[0::2][firsts]
    foreground[after[~has_both] - 1] = 0
    return background, foreground, pair_counts, has_both


def _differences(counts: list[str]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """The numbers in all encodings (R,), and how many each has (N,); raises as `_pairs`."""
    try:
        characters = np.frombuffer("".join(counts).encode("ascii"), np.uint8) - np.uint8(48)
    except UnicodeEncodeError:
        raise _Unsound from None
    ends_of_masks = np.cumsum(list(map(len, counts))) - 1
    is_last = characters < 0x20  # of its number
    # What lies below the alphabet came round to 208 and more.
    if characters.max() > 63 or not is_last[ends_of_masks].all():
        raise _Unsound
    ends = np.flatnonzero(is_last)
    run_counts = np.diff(np.searchsorted(ends, ends_of_masks), prepend=-1)
    sizes = np.diff(ends, prepend=-1)  # characters a number
    longest = int(sizes.max())
    if longest > rle.MAX_CHARACTERS_PER_RUN:
        raise _Unsound
    # The last character of a number has its highest bits and its sign.
    values = characters[ends].astype(np.int64)
    values -= (values & 0x10) << 1
    for position in range(1, longest):
        longer = np.flatnonzero(sizes > position)
        values[longer] = (values[longer] << 5) + (characters[ends[longer] - position] & 0x1F)
    return values, run_counts
