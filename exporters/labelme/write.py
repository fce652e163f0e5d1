"""Writes a zip of labelme's documents, image by image."""

from __future__ import annotations

import base64
import io
from collections.abc import Iterator
from pathlib import PurePosixPath
from typing import IO, Any

import numpy as np
from PIL import Image

from exporters import fields, mask_or_polygons
from exporters.archive import Archive
from exporters.errors import InvalidRecord
from exporters.file_names import FileNames
from exporters.named_categories import check_names_differ
from exporters.options import INCLUDE_IMAGES, Options
from exporters.polygons import rings_of
from exporters.records import AnnotationRecord, DatasetRecord, ImageRecord
from exporters.shapes import cropped
from exporters.sound_records import SoundRecords
from exporters.steps import Progress, Steps
from exporters.streams import JsonWriter, finite

OPTIONS = (*mask_or_polygons.OPTIONS, INCLUDE_IMAGES)
LOSSES = (
    "Supercategories, colours and splits are not written.",
    "Where masks go out as polygons, holes are cut open or filled.",
)
VERSION = "5.2.0"  # the first that knows masks
LABELS = "labels.txt"
LABELMES_OWN = ("__ignore__", "_background_")  # the lines that its own converters want first

geometry = mask_or_polygons.geometry


def write(dataset: DatasetRecord, stream: IO[bytes], options: Options, progress: Progress | None) -> None:
    """Writes `dataset` to `stream`, holding one image's document at a time.

    Raises:
        InvalidRecord: as `SoundRecords`; two categories of one name; an image without the file that it should bring.
    """
    check_names_differ(dataset.categories)
    records = SoundRecords(dataset)
    steps = Steps(progress, dataset.image_count + dataset.annotation_count)
    names = FileNames()
    names.claim(LABELS, 0)
    with Archive(stream) as archive:
        with archive.document(LABELS) as document:
            document.write("".join(f"{name}\n" for name in _names(dataset)).encode("utf-8"))
        for image in records.images():
            document_name, picture_name = _claim(names, image)
            with archive.document(document_name) as document:
                _write_document(records, image, PurePosixPath(picture_name).name, document, options, steps)
            if options["include_images"]:
                if image.open is None:
                    raise InvalidRecord(f"image {image.id} has no file to put into the export")
                archive.copy(picture_name, image.open())
            steps.advance()
    steps.finish()


def _names(dataset: DatasetRecord) -> Iterator[str]:
    """Those that fit on a line of a text file."""
    yield from LABELMES_OWN
    for category in dataset.categories:
        line = category.name.encode("utf-8", "ignore").decode()
        if line == category.name.strip() and line.isprintable() and line:
            yield line


def _claim(names: FileNames, image: ImageRecord) -> tuple[str, str]:
    """Names of the document and of the picture: labelme looks for cat.json beside cat.jpg."""
    picture = names.claim(image.file_name, image.id)
    extension = PurePosixPath(picture).suffix
    extension = "" if extension.lower() == ".json" else extension
    document = names.claim(f"{picture.removesuffix(extension)}.json", image.id)
    return document, document.removesuffix(".json") + extension


def _write_document(
    records: SoundRecords,
    image: ImageRecord,
    picture: str,
    stream: IO[bytes],
    options: Options,
    steps: Steps,
) -> None:
    def shapes() -> Iterator[dict[str, Any]]:
        for index, annotation in enumerate(records.annotations(image)):
            label = records.category_of(annotation).name
            yield from _shapes(annotation, label, index, options)
            steps.advance()

    writer = JsonWriter(stream)
    writer.value("version", VERSION)
    writer.value("flags", {})
    writer.rows("shapes", shapes())
    writer.value("imagePath", picture)
    writer.value("imageData", None)
    writer.value("imageHeight", image.height)
    writer.value("imageWidth", image.width)
    writer.finish()


def _shapes(
    annotation: AnnotationRecord, label: str, index: int, options: Options
) -> Iterator[dict[str, Any]]:
    head: dict[str, Any] = {"label": label}
    tail = {"description": annotation.name, "flags": {}} | _origin(annotation)
    if mask_or_polygons.are_masks(options):
        mask, x, y = cropped(annotation.segmentation)
        if mask.size:
            box = [[x, y], [x + mask.shape[1] - 1, y + mask.shape[0] - 1]]
            yield head | {"points": box, "group_id": None, "shape_type": "mask"} | tail | {"mask": _png(mask)}
        return
    rings = rings_of(annotation.segmentation, options)
    for ring in rings:
        points = [[x, y] for x, y in zip(ring[::2], ring[1::2], strict=True)]
        group = index if len(rings) > 1 else None
        yield head | {"points": points, "group_id": group, "shape_type": "polygon"} | tail


def _origin(annotation: AnnotationRecord) -> dict[str, Any]:
    known = fields.origin(annotation) | {
        "predicted_iou": finite(annotation.predicted_iou),
        "stability_score": finite(annotation.stability_score),
    }
    known.pop("name", None)
    return {key: value for key, value in known.items() if value is not None}


def _png(mask: np.ndarray) -> str:
    stream = io.BytesIO()
    Image.fromarray(mask.astype(np.uint8)).save(stream, "PNG")
    return base64.b64encode(stream.getvalue()).decode("ascii")
