"""Colours for the numbers of label pictures: those of Pascal VOC, which most tools show.

Source: the VOC2012 development kit, VOClabelcolormap.m.
"""

from __future__ import annotations


def colour(index: int) -> tuple[int, int, int]:
    """The bits of the index, spread over the highest ones of red, green and blue."""
    red = green = blue = 0
    for shift in range(8):
        red |= (index >> 0 & 1) << 7 - shift
        green |= (index >> 1 & 1) << 7 - shift
        blue |= (index >> 2 & 1) << 7 - shift
        index >>= 3
    return red, green, blue


PALETTE = tuple(map(colour, range(256)))
