"""Writes one document for each part of the dataset."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import PurePosixPath
from typing import IO, Any

from exporters import fields
from exporters.archive import Archive
from exporters.errors import InvalidRecord
from exporters.file_names import FileNames
from exporters.options import INCLUDE_IMAGES, Options
from exporters.records import SPLITS, AnnotationRecord, DatasetRecord, ImageRecord
from exporters.sound_records import SoundRecords
from exporters.steps import Progress, Steps
from exporters.streams import JsonWriter, finite

OPTIONS = (INCLUDE_IMAGES,)
LOSSES = ("Licences are not written.",)
VERSION = "1.0"
IMAGE_MEDIA = 2  # datumaro.components.media.MediaType.IMAGE
WITHOUT_SPLIT = "default"
HEX_COLOR = re.compile(r"#([0-9a-fA-F]{2})([0-9a-fA-F]{2})([0-9a-fA-F]{2})")


def write(dataset: DatasetRecord, stream: IO[bytes], options: Options, progress: Progress | None) -> None:
    """Writes `dataset` to `stream`. The images are gone through once for each part, and once more for the pictures.

    Raises:
        InvalidRecord: as `SoundRecords`, or an image without a file where pictures are chosen.
    """
    with_pictures = options[INCLUDE_IMAGES.name]
    steps = Steps(progress, (2 if with_pictures else 1) * dataset.image_count)
    records = SoundRecords(dataset)
    items = _Items(records, steps)
    splits = {image.split for image in records.images()} or {""}
    with Archive(stream) as archive:
        for split in ("", *SPLITS):
            if split in splits:
                with archive.document(f"annotations/{_part(split)}.json") as document:
                    writer = JsonWriter(document)
                    writer.value("dm_format_version", VERSION)
                    writer.value("media_type", IMAGE_MEDIA)
                    writer.value("infos", _infos(dataset))
                    writer.value("categories", _categories(dataset))
                    writer.rows("items", items.of(split))
                    writer.finish()
        if with_pictures:
            for image in records.images():
                if image.id not in items.paths:
                    continue  # it came in while the documents were written
                if image.open is None:
                    raise InvalidRecord(f"image {image.id} has no file to put into the export")
                archive.copy(f"images/{items.paths[image.id]}", image.open())
                steps.advance()
    steps.finish()


def _part(split: str) -> str:
    return split or WITHOUT_SPLIT


def _infos(dataset: DatasetRecord) -> dict[str, Any]:
    infos: dict[str, Any] = {
        "dataset": dataset.name,
        "description": dataset.description,
        "category_ids": [category.id for category in dataset.categories],
        "generator": "Maskwright",
    }
    if dataset.created_at:
        infos["date_created"] = dataset.created_at.isoformat()
    return infos


def _categories(dataset: DatasetRecord) -> dict[str, Any]:
    labels = [
        {"name": category.name, "parent": category.supercategory, "attributes": []}
        for category in dataset.categories
    ]
    categories: dict[str, Any] = {"label": {"labels": labels, "label_groups": [], "attributes": []}}
    colors = []
    for index, category in enumerate(dataset.categories):
        if found := HEX_COLOR.fullmatch(category.color):
            red, green, blue = (int(part, 16) for part in found.groups())
            colors.append({"label_id": index, "r": red, "g": green, "b": blue})
    if colors:
        categories["mask"] = {"colormap": colors}
    return categories


class _Items:
    """The rows of the documents, and where each picture goes (some 200 bytes an image)."""

    def __init__(self, records: SoundRecords, steps: Steps) -> None:
        self._records, self._steps = records, steps
        self._label_ids = {category_id: index for index, category_id in enumerate(records.categories)}
        self._pictures, self._item_names = FileNames(), FileNames()
        self.paths: dict[int, str] = {}

    def of(self, split: str) -> Iterator[dict[str, Any]]:
        for image in self._records.images():
            # Its part may be another one than in the pass before.
            if image.split == split and image.id not in self.paths:
                file_name = self._pictures.claim(image.file_name, image.id)
                self.paths[image.id] = f"{_part(split)}/{file_name}"
                yield self._item(image, file_name)
                self._steps.advance()

    def _item(self, image: ImageRecord, file_name: str) -> dict[str, Any]:
        attributes: dict[str, Any] = {"id": image.id}
        if image.digest:
            attributes["digest"] = image.digest
        if image.created_at:
            attributes["created_at"] = image.created_at.isoformat()
        return {
            # Datumaro's own name for a picture is its path without the extension.
            "id": self._item_names.claim(str(PurePosixPath(file_name).with_suffix("")), image.id),
            "annotations": [
                self._annotation(image, annotation, order)
                for order, annotation in enumerate(self._records.annotations(image))
            ],
            "attr": attributes,
            "image": {"path": file_name, "size": [image.height, image.width]},
        }

    def _annotation(self, image: ImageRecord, annotation: AnnotationRecord, order: int) -> dict[str, Any]:
        scores = {
            "predicted_iou": finite(annotation.predicted_iou),
            "stability_score": finite(annotation.stability_score),
        }
        known = {key: value for key, value in scores.items() if value is not None}
        return {
            "id": annotation.id,
            "type": "mask",
            "attributes": fields.origin(annotation) | known,
            "group": 0,  # belongs to no other
            "label_id": self._label_ids[annotation.category_id],
            "rle": {
                "counts": annotation.segmentation["counts"],
                "size": [image.height, image.width],
            },
            "z_order": order,
        }
