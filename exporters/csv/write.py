"""Writes the table as a stream."""

from __future__ import annotations

import csv
from typing import IO

from exporters.geometry import Geometry
from exporters.options import BooleanOption, Options
from exporters.records import AnnotationRecord, CategoryRecord, DatasetRecord, ImageRecord
from exporters.sound_records import SoundRecords
from exporters.spreadsheet import harmless
from exporters.steps import Progress, Steps
from exporters.streams import TextWriter, finite

BYTE_ORDER_MARK = BooleanOption(
    name="byte_order_mark",
    title="For Excel",
    help="A mark at the beginning, by which Excel knows that the text is UTF-8",
    phrase="with a byte order mark",
)
OPTIONS = (BYTE_ORDER_MARK,)
LOSSES = (
    "Of a mask only its area and its box are written.",
    "Images without annotations and categories without annotations have no row.",
)
COLUMNS = (
    "image",
    "split",
    "uuid",
    "category",
    "supercategory",
    "area",
    "x",
    "y",
    "width",
    "height",
    "predicted_iou",
    "stability_score",
    "author",
    "created_at",
    "time_spent_s",
    "clicks",
    "bundle_digest",
    "name",
    "image_width",
    "image_height",
)

Cell = str | int | float | None


def geometry(_options: Options) -> Geometry:
    return Geometry.BOX


def write(dataset: DatasetRecord, stream: IO[bytes], options: Options, progress: Progress | None) -> None:
    """Writes `dataset` to `stream`, one row at a time.

    Raises:
        InvalidRecord: as `SoundRecords`.
    """
    steps = Steps(progress, dataset.image_count + dataset.annotation_count)
    records = SoundRecords(dataset)
    text = TextWriter(stream)
    if options[BYTE_ORDER_MARK.name]:
        text.text("\ufeff")
    table = csv.writer(_Lines(text))
    table.writerow(COLUMNS)
    for image in records.images():
        for annotation in records.annotations(image):
            table.writerow(map(_cell, _row(image, annotation, records.category_of(annotation))))
            steps.advance()
        steps.advance()
    text.flush()
    steps.finish()


class _Lines:
    """What `csv.writer` writes to."""

    def __init__(self, text: TextWriter) -> None:
        self._text = text

    def write(self, line: str) -> None:
        # A name cut in the middle of a surrogate pair has no UTF-8.
        self._text.text(line.encode("utf-8", "replace").decode("utf-8"))


def _row(image: ImageRecord, annotation: AnnotationRecord, category: CategoryRecord) -> tuple[Cell, ...]:
    return (
        image.file_name,
        image.split,
        annotation.uuid,
        category.name,
        category.supercategory,
        annotation.area,
        *map(_short, annotation.bbox_xywh),
        finite(annotation.predicted_iou),
        finite(annotation.stability_score),
        annotation.author,
        annotation.created_at.isoformat() if annotation.created_at else None,
        finite(annotation.time_spent_s),
        annotation.clicks,
        annotation.bundle_digest,
        annotation.name,
        image.width,
        image.height,
    )


def _short(value: float) -> int | float:
    """Whole pixels without ".0"."""
    return int(value) if value == int(value) else value


def _cell(value: Cell) -> Cell:
    return harmless(value) if isinstance(value, str) else value
