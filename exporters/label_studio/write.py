"""Writes Label Studio's tasks as a stream."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import IO, Any
from urllib.parse import quote

from exporters import fields, mask_or_polygons
from exporters.archive import Archive
from exporters.errors import InvalidRecord
from exporters.file_names import FileNames
from exporters.label_studio import brush, config
from exporters.named_categories import check_names_differ
from exporters.options import INCLUDE_IMAGES, Options
from exporters.polygons import rings_of
from exporters.records import AnnotationRecord, CategoryRecord, DatasetRecord, ImageRecord
from exporters.shapes import row_runs_of
from exporters.sound_records import SoundRecords
from exporters.steps import Progress, Steps
from exporters.streams import TextWriter, dumps, finite
from exporters.xml_text import sayable

DOCUMENT = "tasks.json"
PICTURE = "/data/local-files/?d=images/"
OPTIONS = (*mask_or_polygons.OPTIONS, INCLUDE_IMAGES)
LOSSES = (
    "Supercategories are not written.",
    "Where masks go out as polygons, holes are cut open or filled.",
)

geometry = mask_or_polygons.geometry


def write(dataset: DatasetRecord, stream: IO[bytes], options: Options, progress: Progress | None) -> None:
    """Writes `dataset` to `stream`, holding one region at a time.

    The images are gone through once more for the files.

    Raises:
        InvalidRecord: as `SoundRecords`; two categories of one name; an image without the file that it should bring;
            a mask that is too large for a brush.
    """
    # A region's label must be one of the labelling interface, which is XML.
    categories = tuple(
        replace(category, name=sayable(category.name), color=sayable(category.color))
        for category in dataset.categories
    )
    check_names_differ(categories)
    records = SoundRecords(replace(dataset, categories=categories))
    passes = 2 if options["include_images"] else 1
    steps = Steps(progress, passes * dataset.image_count + dataset.annotation_count)
    names = FileNames()
    listed: dict[int, str] = {}
    with Archive(stream) as archive:
        tag = "BrushLabels" if mask_or_polygons.are_masks(options) else "PolygonLabels"
        with archive.document(config.NAME) as document:
            document.write(config.text_of(tag, categories).encode("utf-8"))
        with archive.document(DOCUMENT) as document:
            writer = TextWriter(document)
            separator = "[\n"
            for image in records.images():
                listed[image.id] = names.claim(image.file_name, image.id)
                writer.text(separator + _task_head(image, listed[image.id]))
                between = "\n"
                for annotation in records.annotations(image):
                    for region in _regions(image, annotation, records.category_of(annotation), options):
                        writer.text(between + dumps(region))
                        between = ",\n"
                    steps.advance()
                writer.text("]}]}")
                separator = ",\n"
                steps.advance()
            writer.text("[]\n" if separator == "[\n" else "\n]\n")
            writer.flush()
        if options["include_images"]:
            _copy_files(dataset, archive, listed, steps)
    steps.finish()


def _copy_files(dataset: DatasetRecord, archive: Archive, listed: dict[int, str], steps: Steps) -> None:
    for image in dataset.images:
        if image.id not in listed:
            continue  # came in after the document was written
        if image.open is None:
            raise InvalidRecord(f"image {image.id} has no file to put into the export")
        archive.copy(f"images/{listed[image.id]}", image.open())
        steps.advance()


def _task_head(image: ImageRecord, name: str) -> str:
    """The task up to its regions."""
    data = {"image": f"{PICTURE}{quote(name, errors='replace')}"}
    meta = {"width": image.width, "height": image.height} | ({"split": image.split} if image.split else {})
    return (
        f'{{"id": {image.id}, "data": {dumps(data)}, "meta": {dumps(meta)}, '
        f'"annotations": [{{"id": {image.id}, "was_cancelled": false, "ground_truth": false, "result": ['
    )


def _regions(
    image: ImageRecord, annotation: AnnotationRecord, category: CategoryRecord, options: Options
) -> Iterator[dict[str, Any]]:
    head = {
        "from_name": config.FROM_NAME,
        "to_name": config.TO_NAME,
        "origin": "manual",
        "original_width": image.width,
        "original_height": image.height,
        "image_rotation": 0,
    }
    meta = {"meta": _meta(annotation)}
    region_id = annotation.uuid or f"annotation-{annotation.id}"
    if mask_or_polygons.are_masks(options):
        try:
            code = brush.encode(row_runs_of(annotation.segmentation))
        except brush.BrushError as error:
            raise InvalidRecord(f"annotation {annotation.uuid or annotation.id}: {error}") from None
        value: dict[str, Any] = {"format": "rle", "rle": code, "brushlabels": [category.name]}
        yield {"id": region_id, "type": "brushlabels"} | head | {"value": value} | meta
        return
    for index, ring in enumerate(rings_of(annotation.segmentation, options)):
        points = [
            [100 * x / image.width, 100 * y / image.height]
            for x, y in zip(ring[::2], ring[1::2], strict=True)
        ]
        value = {"points": points, "closed": True, "polygonlabels": [category.name]}
        part_id = f"{region_id}-{index}" if index else region_id
        yield {"id": part_id, "type": "polygonlabels"} | head | {"value": value} | meta


def _meta(annotation: AnnotationRecord) -> dict[str, Any]:
    known = fields.origin(annotation) | {
        "predicted_iou": finite(annotation.predicted_iou),
        "stability_score": finite(annotation.stability_score),
    }
    meta = {key: value for key, value in known.items() if value is not None}
    # Label Studio shows this text beside the region.
    return meta | {"text": [annotation.name]} if annotation.name else meta
