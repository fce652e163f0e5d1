"""Writes the boxes of masks."""

from __future__ import annotations

from collections.abc import Iterator
from typing import IO

from exporters.geometry import Geometry
from exporters.options import INCLUDE_IMAGES, Options
from exporters.records import AnnotationRecord, DatasetRecord
from exporters.steps import Progress
from exporters.yolo_writing import write_yolo

OPTIONS = (INCLUDE_IMAGES,)
LOSSES = (
    "Only the boxes of masks are written.",
    "Without a split, all images are written to train.",
    "Folders in a picture's name become part of its file name; images.csv keeps what it was.",
    "Who drew a mask, its prompt, scores and names are not written.",
)


def geometry(_options: Options) -> Geometry:
    return Geometry.BOX


def write(dataset: DatasetRecord, stream: IO[bytes], options: Options, progress: Progress | None) -> None:
    """Writes `dataset` to `stream`, see `exporters.yolo_writing`."""
    write_yolo(dataset, stream, options, progress, _rows)


def _rows(annotation: AnnotationRecord) -> Iterator[list[float]]:
    x, y, width, height = annotation.bbox_xywh
    if width > 0 and height > 0:
        yield [x + width / 2, y + height / 2, width, height]
