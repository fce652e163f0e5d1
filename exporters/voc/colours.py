"""Pascal VOC's classes, and the colours that its label pictures show.

Source: the VOC2012 development kit, VOClabelcolormap.m and VOCinit.m.
"""

from __future__ import annotations

CLASSES = (
    "aeroplane",
    "bicycle",
    "bird",
    "boat",
    "bottle",
    "bus",
    "car",
    "cat",
    "chair",
    "cow",
    "diningtable",
    "dog",
    "horse",
    "motorbike",
    "person",
    "pottedplant",
    "sheep",
    "sofa",
    "train",
    "tvmonitor",
)
BACKGROUND = "background"
VOID = 255  # the border between objects, that nobody is asked about
VOID_COLOUR = (224, 224, 192)


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
