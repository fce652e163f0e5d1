"""Reads YOLO datasets whose rows are boxes."""

from __future__ import annotations

from exporters.source import Source
from exporters.yolo_reading import read_yolo, row_lengths

# Those with outlines among them are read by the same rules.
read = read_yolo
OF_BOXES = {5, 6}  # a class and a box, and perhaps its confidence


def recognises(source: Source) -> bool:
    lengths = row_lengths(source)
    return bool(lengths) and lengths <= OF_BOXES
