"""Reads Datumaro's own format, as this program and Datumaro write it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import partial
from pathlib import PurePosixPath
from typing import Any, NamedTuple

from exporters import fields
from exporters.errors import UnreadableFile
from exporters.json_stream import entries
from exporters.merged_documents import MergedCategories, MergedIds
from exporters.reading import ReadReport
from exporters.records import AnnotationRecord, CategoryRecord, DatasetRecord, ImageRecord, Rle
from exporters.row_store import Row, RowStore
from exporters.source import ZIP_FAULTS, Pictures, Source, faults_of, picture_size
from exporters.splits import split_in

HEAD_BYTES = 64 * 1024
VERSION_KEY = re.compile(rb'"dm_format_version"\s*:')
# Files of older versions do not say which one they are of.
OTHER_KEYS = (re.compile(rb'"categories"\s*:\s*\{'), re.compile(rb'"items"\s*:\s*\['))


def recognises(source: Source) -> bool:
    """Whether a .json file begins as Datumaro's do."""
    try:
        return bool(_document_names(source))
    except (UnreadableFile, KeyError, *ZIP_FAULTS):
        return False


def read(source: Source, report: ReadReport) -> DatasetRecord:
    """The records of all documents, see `exporters.reading.Reader`.

    Masks, polygons and boxes are read; annotations of one label and one group (but 0, which is none) are one instance,
    as Datumaro has it: their masks and polygons are joined, and a box among them is theirs. A label's id is what
    `infos` say, else its place, from 1.

    Raises:
        UnreadableFile: there is no document of the format, or one is damaged.
    """
    names = _document_names(source)
    if not names:
        raise UnreadableFile("there is no .json file with Datumaro's items")
    categories = MergedCategories()
    documents = [_document(source, name, categories, report) for name in names]
    infos = documents[0].infos
    return DatasetRecord(
        name=fields.text(infos, "dataset"),
        description=fields.text(infos, "description"),
        created_at=fields.time(infos.get("date_created")),
        categories=categories.all(),
        images=_Images(documents, source, report),
        image_count=sum(len(document.items) for document in documents),
        annotation_count=sum(document.annotation_count for document in documents),
    )


def _document_names(source: Source) -> list[str]:
    return [name for name in source.names if name.lower().endswith(".json") and _is_one(source, name)]


def _is_one(source: Source, name: str) -> bool:
    with faults_of(name), source.open(name) as stream:
        head = stream.read(HEAD_BYTES)
    is_known = VERSION_KEY.search(head) or all(key.search(head) for key in OTHER_KEYS)
    return bool(is_known) and head.lstrip(b"\xef\xbb\xbf \t\r\n").startswith(b"{")


@dataclass
class _Document:
    """One document, its items on the disk."""

    name: str
    items: RowStore
    infos: dict[str, Any] = field(default_factory=dict)
    categories: list[CategoryRecord | None] = field(default_factory=list)  # by label_id
    annotation_count: int = 0


def _document(source: Source, name: str, categories: MergedCategories, report: ReadReport) -> _Document:
    document = _Document(name, RowStore(f"{name}: items", report, has_ids=False))
    listed: Any = None
    has_items = False
    for key, row, value in entries(source, name):
        if key == "infos" and isinstance(value, dict):
            document.infos = value
        elif key == "categories":
            listed = value
        elif key == "items" and row is None:
            has_items = isinstance(value, list)
        elif key == "items" and row is not None:
            annotations = value.get("annotations") if isinstance(value, dict) else None
            if isinstance(annotations, list):
                document.items.add(row, row, row, value)
                document.annotation_count += len(annotations)
            else:
                report.refuse(f"{name}: items[{row}]", "item_malformed", "an item has a list 'annotations'")
    if not has_items:
        raise UnreadableFile(f"{name}: the file has no list 'items'")
    document.items.complete()
    _take_categories(document, listed, categories, report)
    return document


def _take_categories(
    document: _Document, listed: Any, categories: MergedCategories, report: ReadReport
) -> None:
    labels = _list_in(listed, "label", "labels")
    ids = document.infos.get("category_ids")
    ids = ids if isinstance(ids, list) and len(ids) == len(labels) else range(1, len(labels) + 1)
    colors = _colors(_list_in(listed, "mask", "colormap"))
    for index, (values, row_id) in enumerate(zip(labels, ids, strict=True)):
        name = fields.text(values, "name") if isinstance(values, dict) else ""
        if not name:
            report.refuse(f"{document.name}: labels[{index}]", "name_missing", "the label has no name")
            document.categories.append(None)
            continue
        wanted = row_id if fields.is_id(row_id) else 0
        document.categories.append(
            categories.add(wanted, name, fields.text(values, "parent"), colors.get(index, ""))
        )


def _list_in(listed: Any, kind: str, key: str) -> list[Any]:
    group = listed.get(kind) if isinstance(listed, dict) else None
    found = group.get(key) if isinstance(group, dict) else None
    return found if isinstance(found, list) else []


def _colors(colormap: list[Any]) -> dict[int, str]:
    """ "#0072b2", by label_id."""
    colors: dict[int, str] = {}
    for entry in colormap:
        values = [entry.get(key) for key in ("label_id", "r", "g", "b")] if isinstance(entry, dict) else []
        numbers = [value for value in values if fields.is_whole(value) and 0 <= value < 256**3]
        if len(numbers) == 4 and max(numbers[1:]) < 256:
            colors[numbers[0]] = "#" + "".join(f"{channel:02x}" for channel in numbers[1:])
    return colors


class _Part(NamedTuple):
    """One entry of an item's list, as far as it is a shape.

    Attributes:
        box: whether only the box is known.
        group: 0 for none.
    """

    place: str
    category_id: int
    segmentation: Rle
    box: bool
    group: int
    attributes: dict[str, Any]


class _Images:
    """The images of all documents with their annotations, made anew each time."""

    def __init__(self, documents: list[_Document], source: Source, report: ReadReport) -> None:
        self._documents, self._source, self._report = documents, source, report
        self._pictures = Pictures(source)

    def __iter__(self) -> Iterator[ImageRecord]:
        ids, number = MergedIds(), 0
        for document in self._documents:
            part = PurePosixPath(document.name).stem
            for row in document.items:
                try:
                    image = self._image(row, part)
                except fields.Refused as error:
                    self._report.refuse(row.place, error.code, str(error))
                    continue
                annotations = []
                for instance in _instances(self._parts(document, row, (image.height, image.width))):
                    try:
                        annotations.append(_annotation(number + 1, instance))
                        number += 1
                    except fields.FAULTS as error:
                        self._report.refuse(instance[0].place, error.code, str(error))
                attributes = row.values.get("attr")
                attributes = attributes if isinstance(attributes, dict) else {}
                image_id = attributes.get("id")
                yield ImageRecord(
                    id=ids.claim(image_id if fields.is_id(image_id) else 0),
                    file_name=image.file_name,
                    width=image.width,
                    height=image.height,
                    annotations=tuple(annotations),
                    digest=fields.text(attributes, "digest"),
                    created_at=fields.time(attributes.get("created_at")),
                    open=partial(self._source.open, image.picture) if image.picture else None,
                    split=split_in(part),
                )

    def _image(self, row: Row, part: str) -> _Image:
        about = row.values.get("image")
        about = about if isinstance(about, dict) else {}
        # Datumaro's own rule for an item that does not say its path.
        item_id = fields.text(row.values, "id")
        file_name = fields.text(about, "path") or (f"{item_id}.jpg" if item_id else "")
        if not file_name:
            raise fields.Refused("file_name_missing", "the item has neither an image's path nor an id")
        picture = self._pictures.find(f"images/{part}/{file_name}", file_name)
        size = about.get("size")
        if size is None and picture:
            try:
                told = picture_size(self._source, picture)
            except UnreadableFile as error:
                raise fields.Refused("picture_unreadable", str(error)) from None
            size = [told.height, told.width]
        height, width = fields.image_hw(
            *(size if isinstance(size, list) and len(size) == 2 else (None, None))
        )
        return _Image(file_name, height, width, picture)

    def _parts(self, document: _Document, item: Row, hw: tuple[int, int]) -> Iterator[_Part]:
        for index, values in enumerate(item.values["annotations"]):
            place = f"{item.place}: annotations[{index}]"
            try:
                yield _part(place, values, document, hw)
            except fields.FAULTS as error:
                self._report.refuse(place, error.code, str(error))


class _Image(NamedTuple):
    file_name: str
    height: int
    width: int
    picture: str | None


def _part(place: str, values: Any, document: _Document, hw: tuple[int, int]) -> _Part:
    if not isinstance(values, dict):
        raise fields.Refused("annotation_malformed", "an annotation is an object with a type")
    kind = values.get("type")
    if kind == "mask":
        segmentation = fields.mask(values.get("rle"), hw)
    elif kind == "polygon":
        segmentation = fields.mask([values.get("points")], hw)
    elif kind == "bbox":
        segmentation = fields.box_mask(values.get("bbox"), hw)
    else:
        raise fields.Refused(
            "type_unknown", f"an annotation of type {kind!r:.100} is neither a mask nor a polygon nor a box"
        )
    label_id = values.get("label_id")
    category = None
    if fields.is_whole(label_id) and 0 <= label_id < len(document.categories):
        category = document.categories[label_id]
    if category is None:
        raise fields.Refused("category_unknown", f"label {label_id!r:.100} is not listed")
    group, attributes = values.get("group"), values.get("attributes")
    return _Part(
        place,
        category.id,
        segmentation,
        kind == "bbox",
        group if fields.is_whole(group) else 0,
        attributes if isinstance(attributes, dict) else {},
    )


def _instances(parts: Iterator[_Part]) -> list[list[_Part]]:
    """The parts of each instance, in the order of their first ones."""
    together: dict[tuple[int, int, int], list[_Part]] = {}
    for index, part in enumerate(parts):
        alone = 0 if part.group else index + 1
        together.setdefault((part.group, part.category_id, alone), []).append(part)
    return list(together.values())


def _annotation(number: int, parts: list[_Part]) -> AnnotationRecord:
    shapes = [part for part in parts if not part.box] or parts
    segmentation = fields.union([part.segmentation for part in shapes])
    attributes = {key: value for part in reversed(parts) for key, value in part.attributes.items()}
    return fields.annotation(number, shapes[0].category_id, segmentation, attributes, is_box=shapes[0].box)
