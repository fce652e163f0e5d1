"""One small dataset for the tests of every format."""

from __future__ import annotations

import datetime as dt
import io
from collections.abc import Iterable
from dataclasses import replace

import numpy as np
from pycocotools import mask as coco_mask

from exporters.records import AnnotationRecord, CategoryRecord, DatasetRecord, ImageRecord, LicenceRecord
from exporters.registry import find_format

HEIGHT, WIDTH = 60, 80
PERSON = CategoryRecord(id=1, name="person", supercategory="living", color="#0072b2")


def disc(height: int, width: int, y: float, x: float, radius: float) -> np.ndarray:
    rows, columns = np.ogrid[:height, :width]
    return (rows - y) ** 2 + (columns - x) ** 2 <= radius**2


def masks() -> dict[str, np.ndarray]:
    """Shapes at the edges of what a mask can be, all (60, 80) bool."""
    empty = np.zeros((HEIGHT, WIDTH), bool)
    shapes = {
        name: empty.copy() for name in ("one pixel", "last pixel", "row", "column", "diagonal", "corner")
    }
    shapes["one pixel"][17, 23] = True
    shapes["last pixel"][-1, -1] = True
    shapes["row"][30, :] = True
    shapes["column"][:, 0] = True
    shapes["diagonal"][np.arange(10), np.arange(10)] = True
    shapes["corner"][:5, :5] = True
    shapes["full"] = ~empty
    shapes["disc"] = disc(HEIGHT, WIDTH, 30, 40, 20)
    shapes["ring"] = shapes["disc"] & ~disc(HEIGHT, WIDTH, 30, 40, 9)
    shapes["two pieces"] = disc(HEIGHT, WIDTH, 15, 15, 8) | disc(HEIGHT, WIDTH, 45, 60, 10)
    shapes["noise"] = np.random.default_rng(7).random((HEIGHT, WIDTH)) < 0.5
    return shapes


def annotation(number: int, mask: np.ndarray) -> AnnotationRecord:
    encoded = coco_mask.encode(np.asfortranarray(mask.astype(np.uint8)))
    return AnnotationRecord(
        id=number,
        category_id=PERSON.id,
        segmentation={"size": list(mask.shape), "counts": encoded["counts"].decode()},
        area=int(mask.sum()),
        bbox_xywh=tuple(coco_mask.toBbox(encoded).tolist()),
        uuid=f"00000000-0000-4000-8000-{number:012d}",
        predicted_iou=0.875,
        stability_score=0.96875,
    )


def image(number: int = 1, file_name: str = "photo.jpg") -> ImageRecord:
    return ImageRecord(id=number, file_name=file_name, width=WIDTH, height=HEIGHT)


def dataset(
    annotations: Iterable[AnnotationRecord], images: list[ImageRecord] | None = None
) -> DatasetRecord:
    """The annotations are those of the first image."""
    annotations = tuple(annotations)
    first, *others = images or [image()]
    return DatasetRecord(
        name="Test",
        categories=(PERSON,),
        images=(replace(first, annotations=annotations), *others),
        image_count=1 + len(others),
        annotation_count=len(annotations),
    )


def golden_dataset() -> DatasetRecord:
    """What `tests/data/coco/*.json` were written from, by the exporter of revision 5168d33."""
    shapes = masks()
    del shapes["noise"]
    annotations = {number: annotation(number, mask) for number, mask in enumerate(shapes.values(), 1)}
    annotations[1] = replace(annotations[1], uuid="", predicted_iou=None, stability_score=float("inf"))
    created_at = dt.datetime(2024, 5, 6, 7, 8, 9, 123456, dt.UTC)
    images = [
        replace(image(1, "A/cat.jpg"), digest="ab" * 32, created_at=created_at),
        image(2, "a/Cat.jpg"),
        image(5, '猫 "cut".png'),
    ]
    belongs_to = {number: 1 if number % 3 else 2 for number in annotations}
    return DatasetRecord(
        name="Gölden",
        description="Two lines\nof text",
        created_at=dt.datetime(2025, 1, 2, 3, 4, 5, tzinfo=dt.UTC),
        categories=(PERSON, CategoryRecord(id=7, name="cut \ud83d")),
        images=tuple(
            replace(
                row,
                annotations=tuple(annotations[n] for n, image_id in belongs_to.items() if image_id == row.id),
            )
            for row in images
        ),
        licences=(LicenceRecord(1, "CC0", "https://example.org"),),
    )


def write_as(format_name: str, records: DatasetRecord, **options) -> bytes:
    stream = io.BytesIO()
    chosen = find_format(format_name)
    chosen.write(records, stream, chosen.options_from(options), None)
    return stream.getvalue()
