"""Reads COCO's instances file, or a zip of it and its pictures, as this program and others write them.

COCO lists annotations after all images and in any order, so the document is held in memory as a whole.
"""

from __future__ import annotations

import datetime as dt
import json
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import PurePosixPath
from typing import IO, Any, TypeGuard

from exporters.errors import UnreadableFile
from exporters.reading import ReadReport
from exporters.records import (
    AnnotationRecord,
    CategoryRecord,
    DatasetRecord,
    ImageRecord,
    LicenceRecord,
    Rle,
)
from exporters.source import ZIP_FAULTS, Pictures, Source
from segmentation import rle

HEAD_BYTES = 64 * 1024
MAX_FIGURE = 1e9  # a predicted_iou is about 1; infinity is no figure
# Parsed, a document takes some eight times its size in memory. COCO's own instances_train2017.json has 0.45 GB.
MAX_DOCUMENT_BYTES = 1_000_000_000


class _Refused(Exception):
    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code


def recognises(source: Source) -> bool:
    """Whether one of the .json files begins as an instances file does, whatever the order of its lists."""
    try:
        with source.open(_document_name(source)) as stream:
            head = stream.read(HEAD_BYTES)
    except (UnreadableFile, *ZIP_FAULTS):
        return False
    known = sum(
        key in head for key in (b'"images"', b'"annotations"', b'"categories"', b'"info"', b'"licenses"')
    )
    return head.lstrip(b"\xef\xbb\xbf \t\r\n").startswith(b"{") and known > 0


def read(source: Source, report: ReadReport) -> DatasetRecord:
    """The records of one file, see `exporters.reading.Reader`.

    `iscrowd` regions are refused, since no record can say that a mask stands for many. Area and bbox are those of the
    mask, whatever the file says. Where an id of a list is 0, all ids of that list are one higher in the records.

    Raises:
        UnreadableFile: no JSON object with the lists `images` and `annotations`, or more than MAX_DOCUMENT_BYTES.
    """
    content = _load(_document(source))
    info = content.get("info")
    info = info if isinstance(info, dict) else {}
    name, description = _text(info, "dataset"), _text(info, "description")
    categories = _categories(content.get("categories"), report)
    images = _Images(content, categories, source, report)
    return DatasetRecord(
        name=name,
        description="" if description == name else description,
        created_at=_time(info.get("date_created")),
        licences=tuple(_licences(content.get("licenses"))),
        categories=tuple(categories.values()),
        images=images,
        image_count=len(images.rows),
        annotation_count=sum(map(len, images.annotations.values())),
    )


def _document_name(source: Source) -> str:
    names = [name for name in source.names if name.lower().endswith(".json")]
    if not names:
        raise UnreadableFile("there is no .json file")
    # COCO's own folder has captions and keypoints beside instances_train2017.json.
    return min(names, key=lambda name: (not PurePosixPath(name).name.startswith("instances"), name))


def _document(source: Source) -> bytes:
    try:
        with source.open(_document_name(source)) as stream:
            content = stream.read(MAX_DOCUMENT_BYTES + 1)
    except ZIP_FAULTS as error:
        raise UnreadableFile(f"the zip cannot be unpacked: {error}") from None
    if len(content) > MAX_DOCUMENT_BYTES:
        raise UnreadableFile(
            f"the file is larger than {MAX_DOCUMENT_BYTES / 1e9:g} GB; split it by images into several"
        )
    return content


def _load(document: bytes) -> dict[str, Any]:
    try:
        content = json.loads(document)
    except json.JSONDecodeError as error:
        raise UnreadableFile(
            f"line {error.lineno}, column {error.colno}: the file is not JSON: {error.msg}"
        ) from None
    except (
        ValueError,
        RecursionError,
    ) as error:  # not UTF-8, a number of thousands of digits, nested too deep
        raise UnreadableFile(f"the file is not JSON: {error}") from None
    if not isinstance(content, dict):
        raise UnreadableFile("the file holds no JSON object")
    for key in ("images", "annotations"):
        if not isinstance(content.get(key), list):
            raise UnreadableFile(f"the file has no list {key!r}")
    return content


@dataclass(frozen=True)
class _Row:
    """One object of a list of the file."""

    place: str
    id: int  # as the records have it
    values: dict[str, Any]


def _rows(entries: Any, key: str, report: ReadReport) -> tuple[list[_Row], int]:
    """The objects with an id of their own, and by how much their ids were raised."""
    found: dict[int, tuple[str, dict[str, Any]]] = {}
    for index, values in enumerate(entries if isinstance(entries, list) else []):
        place = f"{key}[{index}]"
        row_id = values.get("id") if isinstance(values, dict) else None
        if not _is_whole(row_id) or row_id < 0:
            report.refuse(place, "id_missing", f"id is {row_id!r:.100}; it must be a whole number")
        elif row_id in found:
            report.refuse(place, "id_twice", f"id {row_id} comes twice")
        else:
            found[row_id] = f"{place} (id {row_id})", values
    shift = 1 if 0 in found else 0
    return [_Row(place, row_id + shift, values) for row_id, (place, values) in found.items()], shift


class _Images:
    """The images of one file with their annotations, made anew each time."""

    def __init__(
        self,
        content: dict[str, Any],
        categories: dict[int, CategoryRecord],
        source: Source,
        report: ReadReport,
    ) -> None:
        self._categories, self._source, self._report = categories, source, report
        self._pictures = Pictures(source)
        rows, shift = _rows(content["images"], "images", report)
        self.rows = [row for row in rows if self._is_sound(row)]
        self.annotations: dict[int, list[_Row]] = {row.id: [] for row in self.rows}  # by image id
        for row in _rows(content["annotations"], "annotations", report)[0]:
            image_id = row.values.get("image_id")
            if _is_whole(image_id) and image_id + shift in self.annotations:
                self.annotations[image_id + shift].append(row)
            else:
                report.refuse(row.place, "image_unknown", f"image {image_id!r:.100} is not listed")

    def __iter__(self) -> Iterator[ImageRecord]:
        for row in self.rows:
            height, width = row.values["height"], row.values["width"]
            yield ImageRecord(
                id=row.id,
                file_name=row.values["file_name"],
                width=width,
                height=height,
                annotations=tuple(self._annotations_of(row.id, (height, width))),
                digest=_text(row.values, "digest"),
                created_at=_time(row.values.get("date_captured")),
                open=self._opener(row.values["file_name"]),
            )

    def _is_sound(self, row: _Row) -> bool:
        name = row.values.get("file_name")
        height, width = row.values.get("height"), row.values.get("width")
        if not isinstance(name, str) or not name:
            self._report.refuse(row.place, "file_name_missing", f"file_name is {name!r:.100}")
        elif not _is_side(height) or not _is_side(width) or height * width > rle.MAX_PIXELS:
            message = f"height {height!r:.50} and width {width!r:.50} must be whole numbers of pixels"
            self._report.refuse(row.place, "size_malformed", message)
        else:
            return True
        return False

    def _annotations_of(self, image_id: int, hw: tuple[int, int]) -> Iterator[AnnotationRecord]:
        for row in self.annotations[image_id]:
            try:
                yield self._annotation(row, hw)
            except (_Refused, rle.RleError) as error:
                self._report.refuse(row.place, error.code, str(error))

    def _annotation(self, row: _Row, hw: tuple[int, int]) -> AnnotationRecord:
        values = row.values
        category_id = values.get("category_id")
        if not _is_whole(category_id) or category_id not in self._categories:
            raise _Refused("category_unknown", f"category {category_id!r:.100} is not listed")
        if values.get("iscrowd"):
            raise _Refused("crowd_region", "a region that stands for many cannot be kept as one instance")
        segmentation = _segmentation(values.get("segmentation"), hw)
        area = rle.area(segmentation)
        x, y, width, height = rle.bbox_xywh(segmentation)
        if not area:
            raise _Refused("mask_empty", "the mask has no pixel")
        return AnnotationRecord(
            id=row.id,
            category_id=self._categories[category_id].id,
            segmentation=segmentation,
            area=area,
            bbox_xywh=(x, y, width, height),
            uuid=_uuid(values.get("uuid")),
            predicted_iou=_figure(values, "predicted_iou"),
            stability_score=_figure(values, "stability_score"),
            name=name if isinstance(name := values.get("name"), str) else "",
        )

    def _opener(self, file_name: str) -> Callable[[], IO[bytes]] | None:
        name = self._pictures.find(f"images/{file_name}") or self._pictures.find(file_name)
        return partial(self._source.open, name) if name else None


def _categories(entries: Any, report: ReadReport) -> dict[int, CategoryRecord]:
    """By the id that the file gives them."""
    found = {}
    rows, shift = _rows(entries, "categories", report)
    for row in rows:
        name = row.values.get("name")
        if not isinstance(name, str) or not name:
            report.refuse(row.place, "name_missing", f"name is {name!r:.100}")
            continue
        found[row.id - shift] = CategoryRecord(
            row.id, name, _text(row.values, "supercategory"), _text(row.values, "color")
        )
    return found


def _licences(entries: Any) -> Iterator[LicenceRecord]:
    for values in entries if isinstance(entries, list) else []:
        if isinstance(values, dict) and _is_whole(values.get("id")):
            yield LicenceRecord(values["id"], _text(values, "name"), _text(values, "url"))


def _segmentation(value: Any, hw: tuple[int, int]) -> Rle:
    """The mask in any of COCO's three ways: polygons, compressed RLE, uncompressed RLE. Raises rle.RleError."""
    if isinstance(value, list):
        return _rle(rle.from_polygons(value, hw))
    if isinstance(value, dict) and isinstance(value.get("counts"), list):
        if value.get("size") != list(hw):
            raise rle.RleSizeMismatch(
                f"the mask's size is {value.get('size')!r:.100}, the image's {list(hw)}"
            )
        return _rle(rle.from_runs(value["counts"], hw))
    rle.check(value, hw)
    return _rle(value)


def _rle(encoded: dict[str, Any]) -> Rle:
    return Rle(size=encoded["size"], counts=encoded["counts"])


def _is_whole(value: Any) -> TypeGuard[int]:
    return isinstance(value, int) and not isinstance(value, bool)


def _is_side(value: Any) -> TypeGuard[int]:
    return _is_whole(value) and value > 0


def _text(values: dict[str, Any], key: str) -> str:
    value = values.get(key)
    return value if isinstance(value, str) else ""


def _figure(values: dict[str, Any], key: str) -> float | None:
    value = values.get(key)
    if value is None:
        return None
    # An int of any length is a number to JSON; float() of a long one raises.
    is_number = isinstance(value, int | float) and not isinstance(value, bool) and abs(value) <= MAX_FIGURE
    if not is_number:
        raise _Refused("figure_malformed", f"{key} is {value!r:.100}; it must be a number or null")
    return float(value)


def _uuid(value: Any) -> str:
    """ "" for an id of another kind: it names nothing here."""
    try:
        return str(uuid.UUID(value)) if isinstance(value, str) else ""
    except ValueError:
        return ""


def _time(value: Any) -> dt.datetime | None:
    try:
        return dt.datetime.fromisoformat(value) if isinstance(value, str) else None
    except ValueError:
        return None
