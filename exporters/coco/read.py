"""Reads COCO's instances file, or a zip of it and its pictures, as this program and others write them.

COCO lists annotations after all images and in any order, so their rows are put aside on the disk, by image.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import PurePosixPath
from typing import IO, Any

from exporters import fields
from exporters.errors import UnreadableFile
from exporters.json_stream import MAX_DOCUMENT_BYTES, entries
from exporters.reading import ReadReport
from exporters.records import AnnotationRecord, CategoryRecord, DatasetRecord, ImageRecord, LicenceRecord
from exporters.row_store import Row, RowStore, place_of
from exporters.source import ZIP_FAULTS, Pictures, Source

HEAD_BYTES = 64 * 1024
# Formats that have lists of the same names: panoptic segments, one image by itself, Datumaro's items.
KEYS_OF_OTHERS = re.compile(rb'"(segments_info|image|items)"\s*:')


def recognises(source: Source) -> bool:
    """Whether one of the .json files begins as an instances file does, whatever the order of its lists."""
    try:
        name = _document_name(source)
        with source.open(name) as stream:
            head = stream.read(HEAD_BYTES)
    except (UnreadableFile, *ZIP_FAULTS):
        return False
    known = sum(
        key in head for key in (b'"images"', b'"annotations"', b'"categories"', b'"info"', b'"licenses"')
    )
    is_other = KEYS_OF_OTHERS.search(head)
    is_panoptic = PurePosixPath(name).name.lower().startswith("panoptic")
    return (
        head.lstrip(b"\xef\xbb\xbf \t\r\n").startswith(b"{") and known > 0 and not (is_other or is_panoptic)
    )


def read(source: Source, report: ReadReport) -> DatasetRecord:
    """The records of one file, see `exporters.reading.Reader`.

    `iscrowd` regions are refused, since no record can say that a mask stands for many. Area and bbox are those of the
    mask, whatever the file says. Where an id of a list is 0, all ids of that list are one higher in the records.

    Raises:
        UnreadableFile: no JSON object with the lists `images` and `annotations`, or more than MAX_DOCUMENT_BYTES.
    """
    document = _document(source, report)
    info = document.info
    name, description = fields.text(info, "dataset"), fields.text(info, "description")
    categories = _categories(document.categories, report)
    return DatasetRecord(
        name=name,
        description="" if description == name else description,
        created_at=fields.time(info.get("date_created")),
        licences=tuple(_licences(document.licences)),
        categories=tuple(categories.values()),
        images=_Images(document, categories, source, report),
        image_count=len(document.images),
        annotation_count=len(document.annotations),
    )


def _document_name(source: Source) -> str:
    names = [name for name in source.names if name.lower().endswith(".json")]
    if not names:
        raise UnreadableFile("there is no .json file")
    # COCO's own folder has captions and keypoints beside instances_train2017.json.
    return min(names, key=lambda name: (not PurePosixPath(name).name.startswith("instances"), name))


@dataclass
class _Document:
    """The lists of one file: the short ones as they are, images and annotations on the disk."""

    images: RowStore
    annotations: RowStore
    categories: list[Any] = field(default_factory=list)
    licences: list[Any] = field(default_factory=list)
    info: dict[str, Any] = field(default_factory=dict)


def _document(source: Source, report: ReadReport) -> _Document:
    document = _Document(RowStore("images", report), RowStore("annotations", report))
    lists = set()
    for key, row, value, text in entries(
        source, _document_name(source), told=False, max_bytes=MAX_DOCUMENT_BYTES
    ):
        if row is None:
            if isinstance(value, list):
                lists.add(key)
            elif key == "info" and isinstance(value, dict):
                document.info = value
        elif key == "categories":
            document.categories.append(value)
        elif key == "licenses":
            document.licences.append(value)
        elif key == "images":
            _keep(document.images, key, row, value, text, report)
        elif key == "annotations":
            _keep(document.annotations, key, row, value, text, report)
    for key in ("images", "annotations"):
        if key not in lists:
            raise UnreadableFile(f"the file has no list {key!r}")
    document.images.complete()
    document.annotations.complete()
    _drop_those_of_unknown_images(document, report)
    return document


def _keep(store: RowStore, key: str, row: int, values: Any, text: str, report: ReadReport) -> None:
    """Puts an image or an annotation aside, if it can be told from others; an image also has to have a size."""
    place = f"{key}[{row}]"
    try:
        row_id = _id(values)
        place = place_of(key, row, row_id)
        # The image that an annotation belongs to; an image is its own.
        owner = values.get("image_id") if key == "annotations" else row_id
        if not fields.is_id(owner):
            raise fields.Refused("image_unknown", f"image {owner!r:.100} is not listed")
        if key == "images":
            _check_image(values)
        if not store.add(row, row_id, owner, text):
            raise fields.Refused("id_twice", f"id {row_id} comes twice")
    except fields.Refused as error:
        report.refuse(place, error.code, str(error))


def _id(values: Any) -> int:
    row_id = values.get("id") if isinstance(values, dict) else None
    if not fields.is_id(row_id):
        raise fields.Refused("id_missing", f"id is {row_id!r:.100}; it must be a whole number")
    return row_id


def _check_image(values: dict[str, Any]) -> None:
    name = values.get("file_name")
    if not isinstance(name, str) or not name:
        raise fields.Refused("file_name_missing", f"file_name is {name!r:.100}")
    fields.image_hw(values.get("height"), values.get("width"))


def _drop_those_of_unknown_images(document: _Document, report: ReadReport) -> None:
    for owner in [owner for owner in document.annotations.owners() if not document.images.has(owner)]:
        for place in document.annotations.places_of(owner):
            report.refuse(place, "image_unknown", f"image {owner} is not listed")
        document.annotations.drop(owner)


class _Images:
    """The images of one file with their annotations, made anew each time."""

    def __init__(
        self,
        document: _Document,
        categories: dict[int, CategoryRecord],
        source: Source,
        report: ReadReport,
    ) -> None:
        self._document, self._categories = document, categories
        self._source, self._report = source, report
        self._pictures = Pictures(source)
        self._image_shift = 1 if document.images.has(0) else 0
        self._annotation_shift = 1 if document.annotations.has(0) else 0

    def __iter__(self) -> Iterator[ImageRecord]:
        for row in self._document.images:
            height, width = row.values["height"], row.values["width"]
            yield ImageRecord(
                id=row.id + self._image_shift,
                file_name=row.values["file_name"],
                width=width,
                height=height,
                annotations=tuple(self._annotations_of(row.id, (height, width))),
                digest=fields.text(row.values, "digest"),
                created_at=fields.time(row.values.get("date_captured")),
                open=self._opener(row.values["file_name"]),
            )

    def _annotations_of(self, image_id: int, hw: tuple[int, int]) -> Iterator[AnnotationRecord]:
        for row in self._document.annotations.of(image_id):
            try:
                yield self._annotation(row, hw)
            except fields.FAULTS as error:
                self._report.refuse(row.place, error.code, str(error))

    def _annotation(self, row: Row, hw: tuple[int, int]) -> AnnotationRecord:
        values = row.values
        category_id = values.get("category_id")
        if not fields.is_id(category_id) or category_id not in self._categories:
            raise fields.Refused("category_unknown", f"category {category_id!r:.100} is not listed")
        if values.get("iscrowd"):
            raise fields.Refused(
                "crowd_region", "a region that stands for many cannot be kept as one instance"
            )
        return fields.annotation(
            row.id + self._annotation_shift,
            self._categories[category_id].id,
            fields.mask(values.get("segmentation"), hw),
            values,
        )

    def _opener(self, file_name: str) -> Callable[[], IO[bytes]] | None:
        name = self._pictures.find(f"images/{file_name}") or self._pictures.find(file_name)
        return partial(self._source.open, name) if name else None


def _categories(entries: list[Any], report: ReadReport) -> dict[int, CategoryRecord]:
    """By the id that the file gives them."""
    found: dict[int, CategoryRecord] = {}
    seen: set[int] = set()
    for index, values in enumerate(entries):
        place = f"categories[{index}]"
        try:
            row_id = _id(values)
            if row_id in seen:
                raise fields.Refused("id_twice", f"id {row_id} comes twice")
            seen.add(row_id)
            place = place_of("categories", index, row_id)
            name = fields.text(values, "name")
            if not name:
                raise fields.Refused("name_missing", f"name is {values.get('name')!r:.100}")
            found[row_id] = CategoryRecord(
                row_id, name, fields.text(values, "supercategory"), fields.text(values, "color")
            )
        except fields.Refused as error:
            report.refuse(place, error.code, str(error))
    if 0 in seen:
        return {row_id: replace(category, id=row_id + 1) for row_id, category in found.items()}
    return found


def _licences(entries: list[Any]) -> Iterator[LicenceRecord]:
    for values in entries:
        if isinstance(values, dict) and fields.is_whole(values.get("id")):
            yield LicenceRecord(values["id"], fields.text(values, "name"), fields.text(values, "url"))
