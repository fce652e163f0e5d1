"""Label Studio's brush: a run-length code of the RGBA pixels, in bits.

Source: https://github.com/thi-ng/umbrella, packages/rle-pack, as its readme and src/index.ts describe it. The head has
32 bits with the number of values (4 for each pixel, row by row), 5 with the bits of a value less one, and four times 4
with the bits of a length less one. Then follow blocks: one bit that says whether a value is repeated, 2 that say which
of the four sizes the length has, the length less one, and the value, or that many values.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

CHANNELS = 4  # a pixel is set where the last one, its opacity, is not 0
VALUE_BITS = 8
LENGTH_BITS = (3, 4, 8, 16)
SET = 255
MAX_VALUES = 2**32 - 1


class BrushError(ValueError):
    """The numbers are no brush's."""


def encode(row_runs: Sequence[int]) -> list[int]:
    """The code of a mask, in bytes.

    Args:
        row_runs: lengths of the runs along the rows, background first.

    Raises:
        BrushError: more than a thousand million pixels.
    """
    lengths = np.asarray(row_runs, np.int64) * CHANNELS
    values = np.where(np.arange(len(lengths)) % 2 == 1, SET, 0)
    if lengths.sum() > MAX_VALUES:
        raise BrushError(f"a brush holds at most {MAX_VALUES // CHANNELS} pixels")
    lengths, values = lengths[lengths > 0], values[lengths > 0]
    # What is longer than the largest size holds is several blocks of one value.
    longest = 1 << LENGTH_BITS[-1]
    blocks = -(-lengths // longest)
    values = np.repeat(values, blocks)
    ends = np.cumsum(blocks)
    rest = lengths - (blocks - 1) * longest
    lengths = np.full(int(blocks.sum()), longest)
    lengths[ends - 1] = rest
    sizes = np.searchsorted([1 << bits for bits in LENGTH_BITS], lengths)
    length_bits = np.asarray(LENGTH_BITS)[sizes]
    codes = ((0b100 + sizes << length_bits) + lengths - 1 << VALUE_BITS) + values
    head = [(int(lengths.sum()), 32), (VALUE_BITS - 1, 5), *((bits - 1, 4) for bits in LENGTH_BITS)]
    numbers = np.concatenate([[number for number, _ in head], codes]).astype(np.int64)
    widths = np.concatenate([[bits for _, bits in head], 3 + length_bits + VALUE_BITS])
    return _packed(numbers, widths)


def _packed(numbers: NDArray[np.int64], widths: NDArray[np.int64]) -> list[int]:
    """Each number in its width of bits, the highest first, one after the other, and 1 to 8 bits of 0."""
    of = np.repeat(np.arange(len(numbers)), widths)
    place = np.arange(len(of)) - np.repeat(np.cumsum(widths) - widths, widths)
    bits = (numbers[of] >> (widths[of] - 1 - place)) & 1
    packed: list[int] = np.packbits(np.pad(bits.astype(np.uint8), (0, 8 - len(bits) % 8))).tolist()
    return packed


def decode(code: Sequence[int], pixels: int) -> list[int]:
    """The runs of a mask along the rows, background first.

    Args:
        code: bytes.
        pixels: of the mask.

    Raises:
        BrushError: not bytes, for another number of pixels, or cut short.
    """
    try:
        bits = _Bits(bytes(list(code)))
    except (TypeError, ValueError):
        raise BrushError("rle of a brush is a list of numbers from 0 to 255") from None
    count = bits.read(32)
    value_bits = bits.read(5) + 1
    length_bits = [bits.read(4) + 1 for _ in range(4)]
    if count != pixels * CHANNELS:
        raise BrushError(f"the brush has {count / CHANNELS:g} pixels, the image {pixels}")
    ends: list[int] = []  # of runs of one value
    values: list[int] = []
    at = 0
    while at < count:
        is_repeated = bits.read(1)
        length = bits.read(length_bits[bits.read(2)]) + 1
        if is_repeated:
            at += length
            ends.append(at)
            values.append(bits.read(value_bits))
        else:
            for _ in range(length):
                at += 1
                ends.append(at)
                values.append(bits.read(value_bits))
    # The opacity of pixel p is value 4 p + 3, so before value n there are those of n // 4 pixels.
    pixel_ends = np.minimum(np.asarray(ends), count) // CHANNELS
    lengths = np.diff(pixel_ends, prepend=0)
    is_set = np.asarray(values) != 0
    is_set, lengths = is_set[lengths > 0], lengths[lengths > 0]
    starts = np.flatnonzero(np.diff(is_set, prepend=~is_set[0]))
    runs: list[int] = np.add.reduceat(lengths, starts).tolist()
    return [0, *runs] if is_set[0] else runs


class _Bits:
    def __init__(self, data: bytes) -> None:
        self._data, self._at, self._bits = data, 0, 8 * len(data)

    def read(self, count: int) -> int:
        end = self._at + count
        if end > self._bits:
            raise BrushError("rle of the brush is cut short")
        last = (end + 7) // 8
        word = int.from_bytes(self._data[self._at // 8 : last], "big")
        self._at = end
        return word >> (8 * last - end) & ((1 << count) - 1)
