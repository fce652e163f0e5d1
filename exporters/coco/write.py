"""Writes COCO's instances file as a stream."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from dataclasses import replace
from functools import cached_property
from typing import IO, Any

from exporters.archive import Archive
from exporters.coco_rows import image_row
from exporters.errors import InvalidRecord
from exporters.file_names import FileNames
from exporters.geometry import Geometry
from exporters.options import INCLUDE_IMAGES, Choice, ChoiceOption, Options
from exporters.polygons import HOLES, TOLERANCE, rings_of
from exporters.records import AnnotationRecord, CategoryRecord, DatasetRecord, ImageRecord
from exporters.seen_ids import SeenIds
from exporters.sound_records import SoundRecords
from exporters.steps import Progress, Steps
from exporters.streams import JsonWriter, finite
from segmentation import rle

DOCUMENT = "annotations/instances.json"  # in the zip
DOCUMENT_OF_PART = "annotations/instances_{}.json"
WITHOUT_SPLIT = "default"  # as Datumaro calls it

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
    "Where masks go out as polygons, holes are cut open or filled.",
    "Who drew a mask, with which model and which prompt, is not written.",
    "With the pictures there is one document for each part of the dataset; without them the part stands beside each "
    "image as `split`, where other programs do not look.",
)


def geometry(options: Options) -> Geometry:
    return Geometry.POLYGONS if options["segmentation"] == "polygon" else Geometry.RLE


def write(dataset: DatasetRecord, stream: IO[bytes], options: Options, progress: Progress | None) -> None:
    """Writes `dataset` to `stream`, in memory that does not grow with the masks but by a bit for each id.

    COCO lists all images before the first annotation, so the images are gone through once for each of the two lists of
    a document, and once more for the files. With the pictures, each part of the dataset has a document of its own.

    Raises:
        InvalidRecord: as `SoundRecords`; an annotation's id twice or below 1; a picture without its file.
    """
    steps = Steps(
        progress, (2 if options["include_images"] else 1) * dataset.image_count + dataset.annotation_count
    )
    documents = _Documents(dataset, options, steps)
    if options["include_images"]:
        with Archive(stream) as archive:
            for part in documents.parts:
                name = DOCUMENT_OF_PART.format(part or WITHOUT_SPLIT) if documents.has_parts else DOCUMENT
                with archive.document(name) as document:
                    documents.write(document, part)
            for place, image in documents.pictures():
                if image.open is None:
                    raise InvalidRecord(f"image {image.id} has no file to put into the export")
                archive.copy(place, image.open())
                steps.advance()
    else:
        documents.write(stream, None)
    steps.finish()


class _Documents:
    """The documents of one export, and where each picture goes (some 200 bytes an image)."""

    def __init__(self, dataset: DatasetRecord, options: Options, steps: Steps) -> None:
        self._dataset, self._options, self._steps = dataset, options, steps
        self._records = SoundRecords(dataset)
        self._names, self._ids = FileNames(), SeenIds()
        self._listed: dict[int, tuple[str, str]] = {}  # image id -> its part and its name in the file

    @cached_property
    def parts(self) -> list[str]:
        """Of the dataset, "" among them where an image has none. To know them, the images are gone through."""
        return sorted({image.split for image in self._dataset.images}) or [""]

    @property
    def has_parts(self) -> bool:
        return self.parts != [""]

    def write(self, stream: IO[bytes], part: str | None) -> None:
        """One document.

        Args:
            part: whose images it has; None: all of them.
        """
        dataset = self._dataset
        writer = JsonWriter(stream)
        writer.value("info", _info(dataset))
        writer.rows(
            "licenses", ({"id": row.id, "name": row.name, "url": row.url} for row in dataset.licences)
        )
        writer.rows("categories", (_category_row(category) for category in dataset.categories))
        writer.rows("images", self._images(part))
        writer.rows("annotations", self._annotations(part))
        writer.finish()

    def pictures(self) -> Iterator[tuple[str, ImageRecord]]:
        """Every image that a document lists, with its place in the zip."""
        for image in self._dataset.images:
            if image.id in self._listed:
                part, name = self._listed[image.id]
                folder = f"images/{part or WITHOUT_SPLIT}" if self.has_parts else "images"
                yield f"{folder}/{name}", image

    def _images(self, part: str | None) -> Iterator[dict[str, Any]]:
        for image in self._records.images():
            # An image's part may be another one than in the pass before; it is listed once.
            if (part is None or image.split == part) and image.id not in self._listed:
                name = self._names.claim(image.file_name, image.id)
                self._listed[image.id] = image.split, name
                yield image_row(image, name) | ({"split": image.split} if image.split else {})
                self._steps.advance()

    def _annotations(self, part: str | None) -> Iterator[dict[str, Any]]:
        for image in self._dataset.images:
            # Those that came in after the list of images was written are left out.
            if image.id not in self._listed or (part is not None and self._listed[image.id][0] != part):
                continue
            for annotation in self._records.annotations(image):
                if annotation.id < 1 or not self._ids.add(annotation.id):
                    raise InvalidRecord(f"annotation id {annotation.id} comes twice or is below 1")
                yield _annotation_row(image, annotation, self._options)
                self._steps.advance()


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


def _category_row(category: CategoryRecord) -> dict[str, Any]:
    row = {"id": category.id, "name": category.name, "supercategory": category.supercategory}
    return row | {"color": category.color} if category.color else row


def _annotation_row(image: ImageRecord, annotation: AnnotationRecord, options: Options) -> dict[str, Any]:
    segmentation = options[SEGMENTATION.name]
    row: dict[str, Any] = {
        "id": annotation.id,
        "image_id": image.id,
        "category_id": annotation.category_id,
        "iscrowd": 0,
        "area": annotation.area,
        "bbox": list(annotation.bbox_xywh),
    }
    encoded = {"size": [image.height, image.width], "counts": annotation.segmentation["counts"]}
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
