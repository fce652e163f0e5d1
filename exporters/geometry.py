"""What a format keeps of a mask."""

from __future__ import annotations

from enum import Enum


class Geometry(Enum):
    """The ways to say where an object is, each of which loses something else."""

    RLE = "every pixel of every mask"
    # One number for each pixel: of masks that overlap, one has the pixel.
    LABEL_MAP = "every pixel, of one mask each"
    # Holes are rings of their own.
    POLYGONS_WITH_HOLES = "outlines and holes"
    # Several outlines for one object; a hole is filled, or cut open.
    POLYGONS = "outlines"
    # One outline for one object: parts become objects of their own.
    ONE_POLYGON = "one outline"
    BOX = "the box"
