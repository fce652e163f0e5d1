"""Reads YOLO datasets whose rows are outlines."""

from __future__ import annotations

from exporters.source import Source
from exporters.yolo_reading import read_yolo, row_lengths

# Those with boxes among them are read by the same rules.
read = read_yolo
SHORTEST = 7  # a class and three corners


def recognises(source: Source) -> bool:
    return max(row_lengths(source), default=0) >= SHORTEST
