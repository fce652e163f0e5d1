"""Writes COCO's instances file as a stream."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from dataclasses import replace
from typing import IO, Any

from exporters.archive import Archive
from exporters.coco_rows import image_row
from exporters.errors import InvalidRecord
from exporters.file_names import FileNames
from exporters.geometry import Geometry
from exporters.options import INCLUDE_IMAGES, Choice, ChoiceOption, Options
from exporters.polygons import HOLES, TOLERANCE, rings_of
from exporters.records import AnnotationRecord, CategoryRecord, DatasetRecord, ImageRecord
from exporters.steps import Progress, Steps
from exporters.streams import JsonWriter, finite
from segmentation import rle

DOCUMENT = "annotations/instances.json"  # in the zip

SEGMENTATION = ChoiceOption(
    name="segmentation",
    title="Masks as",
    choices=(
        Choice("rle", "RLE", "Every pixel, with holes and parts", "masks as RLE"),
        Choice(
            "polygon",
            "Polygons",
            "Outlines, for tools that read only those",
            "masks as polygons",
        ),
        Choice("both", "Both", "RLE, and the outlines beside it", "masks as RLE and polygons"),
    ),
    default="rle",
)
# As they were before there was a choice.
WITH_OUTLINES = (SEGMENTATION.name, "polygon", "both")
EXACT = replace(TOLERANCE, default="0", only_with=WITH_OUTLINES)
OPTIONS = (SEGMENTATION, EXACT, replace(HOLES, only_with=WITH_OUTLINES), INCLUDE_IMAGES)
LOSSES = (
    "Polygons cannot say holes: they are cut open or come back filled.",
    "Who drew a mask, with which model and which prompt, is not written.",
)


def geometry(options: Options) -> Geometry:
    return Geometry.POLYGONS if options["segmentation"] == "polygon" else Geometry.RLE


def write(dataset: DatasetRecord, stream: IO[bytes], options: Options, progress: Progress | None) -> None:
    """Writes `dataset` to `stream` in memory that does not grow with the masks.

    COCO lists all images before the first annotation, so the images are gone through once for each of the two lists,
    and once more for the files.

    Raises:
        InvalidRecord: an id twice, a category that is not in the dataset, a mask of another size than its image.
    """
    passes = 2 if options["include_images"] else 1
    steps = Steps(progress, passes * dataset.image_count + dataset.annotation_count)
    if options["include_images"]:
        with Archive(stream) as archive:
            with archive.document(DOCUMENT) as document:
                listed = _write_document(dataset, document, options, steps)
            _copy_files(dataset, archive, listed, steps)
    else:
        _write_document(dataset, stream, options, steps)
    steps.finish()


def _write_document(
    dataset: DatasetRecord, stream: IO[bytes], options: Options, steps: Steps
) -> dict[int, str]:
    """Writes the document; returns the file name of every image in it, by id (some 200 bytes per image)."""
    categories = {category.id for category in dataset.categories}
    if len(categories) != len(dataset.categories):
        raise InvalidRecord("two categories have the same COCO id; ids must differ within a project")
    listed: dict[int, str] = {}

    def images() -> Iterator[dict[str, Any]]:
        names = FileNames()
        for image in dataset.images:
            if image.id in listed:
                raise InvalidRecord(f"image id {image.id} comes twice")
            listed[image.id] = names.claim(image.file_name, image.id)
            yield image_row(image, listed[image.id])
            steps.advance()

    def annotations() -> Iterator[dict[str, Any]]:
        seen: set[int] = set()
        for image in _listed(dataset, listed):
            for annotation in image.annotations:
                if annotation.id in seen or annotation.id < 1:
                    raise InvalidRecord(f"annotation id {annotation.id} comes twice or is below 1")
                if annotation.category_id not in categories:
                    raise InvalidRecord(
                        f"annotation {annotation.uuid or annotation.id} has category {annotation.category_id}, "
                        "which is not in the dataset"
                    )
                seen.add(annotation.id)
                yield _annotation_row(image, annotation, options)
                steps.advance()

    writer = JsonWriter(stream)
    writer.value("info", _info(dataset))
    writer.rows("licenses", ({"id": row.id, "name": row.name, "url": row.url} for row in dataset.licences))
    writer.rows("categories", (_category_row(category) for category in dataset.categories))
    writer.rows("images", images())
    writer.rows("annotations", annotations())
    writer.finish()
    return listed


def _info(dataset: DatasetRecord) -> dict[str, Any]:
    """What a file says about itself."""
    created = dataset.created_at or dt.datetime.now(dt.UTC)
    return {
        "description": dataset.description or dataset.name,
        "version": "1.0",
        "year": created.year,
        "contributor": "",
        "url": "",
        "date_created": created.isoformat(),
        "dataset": dataset.name,
        "generator": "Maskwright",
    }


def _copy_files(dataset: DatasetRecord, archive: Archive, listed: dict[int, str], steps: Steps) -> None:
    for image in _listed(dataset, listed):
        if image.open is None:
            raise InvalidRecord(f"image {image.id} has no file to put into the export")
        archive.copy(f"images/{listed[image.id]}", image.open())
        steps.advance()


def _listed(dataset: DatasetRecord, listed: dict[int, str]) -> Iterator[ImageRecord]:
    """The images without those that came in after `images` was written: only what is listed counts."""
    return (image for image in dataset.images if image.id in listed)


def _category_row(category: CategoryRecord) -> dict[str, Any]:
    row = {"id": category.id, "name": category.name, "supercategory": category.supercategory}
    return row | {"color": category.color} if category.color else row


def _annotation_row(image: ImageRecord, annotation: AnnotationRecord, options: Options) -> dict[str, Any]:
    segmentation = options[SEGMENTATION.name]
    image_hw = [image.height, image.width]
    if list(annotation.segmentation["size"]) != image_hw:
        raise InvalidRecord(
            f"annotation {annotation.uuid or annotation.id}: its mask is {annotation.segmentation['size']} "
            f"(height, width), its image {image_hw}"
        )
    row: dict[str, Any] = {
        "id": annotation.id,
        "image_id": image.id,
        "category_id": annotation.category_id,
        "iscrowd": 0,
        "area": annotation.area,
        "bbox": list(annotation.bbox_xywh),
    }
    encoded = {"size": image_hw, "counts": annotation.segmentation["counts"]}
    if segmentation == "rle":
        row["segmentation"] = encoded
    else:
        polygons = _polygons(annotation, options)
        if segmentation == "both":
            row["segmentation"] = encoded
            row["polygons"] = polygons
        else:
            row["segmentation"] = polygons
    if annotation.uuid:
        row["uuid"] = annotation.uuid
    if annotation.name:
        row["name"] = annotation.name
    row["predicted_iou"] = finite(annotation.predicted_iou)
    row["stability_score"] = finite(annotation.stability_score)
    return row


def _polygons(annotation: AnnotationRecord, options: Options) -> list[list[float]]:
    if options[TOLERANCE.name] == "0" and options[HOLES.name] == "fill":
        return [[*ring] for ring in rle.to_polygons(rle.decode(annotation.segmentation))]
    rings = rings_of(annotation.segmentation, options)
    return [[int(side) if side.is_integer() else round(side, 2) for side in ring] for ring in rings]
