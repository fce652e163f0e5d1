"""Writes masks as rows of outlines."""

from __future__ import annotations

from collections.abc import Iterator
from typing import IO

from exporters.geometry import Geometry
from exporters.options import INCLUDE_IMAGES, Choice, ChoiceOption, Options
from exporters.polygons import HOLES, TOLERANCE, joined, polygons_of, without_holes
from exporters.records import AnnotationRecord, DatasetRecord
from exporters.steps import Progress
from exporters.yolo_writing import write_yolo

PARTS = ChoiceOption(
    name="parts",
    title="Parts of one object",
    choices=(
        Choice("one", "Stay one object", "Tied by bridges without width", "parts tied to one outline"),
        Choice("own", "Become objects of their own", "", "parts as objects of their own"),
    ),
    default="one",
)
OPTIONS = (PARTS, HOLES, TOLERANCE, INCLUDE_IMAGES)
LOSSES = (
    "One row is one outline: parts are tied by bridges, or become objects of their own.",
    "Holes are cut open or filled.",
    "Without a split, all images are written to train.",
    "Folders in a picture's name become part of its file name; images.csv keeps what it was.",
    "Who drew a mask, its prompt, scores and names are not written.",
)


def geometry(options: Options) -> Geometry:
    return Geometry.POLYGONS if options[PARTS.name] == "one" else Geometry.ONE_POLYGON


def write(dataset: DatasetRecord, stream: IO[bytes], options: Options, progress: Progress | None) -> None:
    """Writes `dataset` to `stream`, see `exporters.yolo_writing`."""

    def rows(annotation: AnnotationRecord) -> Iterator[list[float]]:
        parts = polygons_of(annotation.segmentation, float(options[TOLERANCE.name]))
        groups = [[part] for part in parts] if options[PARTS.name] == "own" else [parts]
        for group in filter(None, groups):
            is_cut = options[HOLES.name] == "cut"
            yield joined(without_holes(group) if is_cut else [part.outer for part in group])

    write_yolo(dataset, stream, options, progress, rows)
