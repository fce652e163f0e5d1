"""Writes one JSON an image."""

from __future__ import annotations

from pathlib import PurePosixPath
from typing import IO, Any

from exporters import fields
from exporters.archive import Archive
from exporters.errors import InvalidRecord
from exporters.file_names import FileNames
from exporters.options import INCLUDE_IMAGES, Options
from exporters.records import AnnotationRecord, CategoryRecord, DatasetRecord, ImageRecord
from exporters.sound_records import SoundRecords
from exporters.steps import Progress, Steps
from exporters.streams import JsonWriter, finite

OPTIONS = (INCLUDE_IMAGES,)
LOSSES = (
    "Categories are written beside what the format knows, and other programs pass over them.",
    "A category without annotations, supercategories and colors are not written.",
)
FOREGROUND = 1


def write(dataset: DatasetRecord, stream: IO[bytes], options: Options, progress: Progress | None) -> None:
    """Writes `dataset` to `stream` in one pass.

    Raises:
        InvalidRecord: as `SoundRecords`, or an image without a file where pictures are chosen.
    """
    steps = Steps(progress, dataset.image_count)
    records = SoundRecords(dataset)
    pictures, documents = FileNames(), FileNames()
    with Archive(stream) as archive:
        for image in records.images():
            folder = f"{image.split}/" if image.split else ""
            file_name = pictures.claim(image.file_name, image.id)
            name = documents.claim(str(PurePosixPath(file_name).with_suffix(".json")), image.id)
            with archive.document(f"{folder}{name}") as document:
                writer = JsonWriter(document)
                writer.value("image", _image_row(image, file_name))
                writer.rows(
                    "annotations",
                    (
                        _annotation_row(image, annotation, records.category_of(annotation))
                        for annotation in records.annotations(image)
                    ),
                )
                writer.finish()
            if options[INCLUDE_IMAGES.name]:
                if image.open is None:
                    raise InvalidRecord(f"image {image.id} has no file to put into the export")
                archive.copy(f"{folder}{file_name}", image.open())
            steps.advance()
    steps.finish()


def _image_row(image: ImageRecord, file_name: str) -> dict[str, Any]:
    return {"image_id": image.id, "width": image.width, "height": image.height, "file_name": file_name}


def _annotation_row(
    image: ImageRecord, annotation: AnnotationRecord, category: CategoryRecord
) -> dict[str, Any]:
    row: dict[str, Any] = {
        "id": annotation.id,
        "segmentation": {
            "size": [image.height, image.width],
            "counts": annotation.segmentation["counts"],
        },
        "bbox": list(annotation.bbox_xywh),
        "area": annotation.area,
    }
    # Readers want a number, or nothing.
    for key, value in (
        ("predicted_iou", finite(annotation.predicted_iou)),
        ("stability_score", finite(annotation.stability_score)),
    ):
        if value is not None:
            row[key] = float(value)
    row["point_coords"] = _foreground_points(annotation)
    row["crop_box"] = [0, 0, image.width, image.height]
    return row | {"category": category.name, "category_id": category.id} | fields.origin(annotation)


def _foreground_points(annotation: AnnotationRecord) -> list[list[float]]:
    """[[x, y], ...] in image pixels: SA-1B's points have no labels, since all of them are foreground."""
    prompt = annotation.prompt or {}
    points, labels = prompt.get("point_coords") or [], prompt.get("point_labels") or []
    return [list(point) for point, label in zip(points, labels, strict=False) if label == FOREGROUND]
