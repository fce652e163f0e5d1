"""Reads Cityscapes' folders, gtFine or gtCoarse, as the dataset has them and as datumaro writes them.

The pixels of instanceIds count, else those of labelIds, else the polygons, painted one over the other.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import PurePosixPath
from typing import IO, Any

from exporters import json_document
from exporters.category_table import read_categories, table_name
from exporters.cityscapes.labels import LICENSE_PLATE, NOBODY, OWN, PLATE
from exporters.errors import UnreadableFile
from exporters.fields import Refused
from exporters.image_list import listed_images
from exporters.label_map import masks_in, painted
from exporters.label_png import numbers_of, open_labels
from exporters.overlap_option import OVERLAP
from exporters.read_records import annotation_record, provenance_from
from exporters.reading import ReadReport
from exporters.records import AnnotationRecord, CategoryRecord, DatasetRecord, ImageRecord, Rle
from exporters.source import Source, is_picture, picture_size, read_text
from exporters.splits import WORDS
from segmentation import rle

FILE = re.compile(r"(.+)_gt(Fine|Coarse)_(polygons\.json|labelIds\.png|instanceIds\.png)")
FOLDERS = ("gtFine", "gtCoarse", "leftImg8bit")
PICTURE_ENDING = "_leftImg8bit"
OF_ONE_LABEL = 1000
PLATES = (255, 65_535)  # -1 in 8 and in 16 bits
COLOURS = "label_colors.txt"


def recognises(source: Source) -> bool:
    """Whether a file has the name that Cityscapes' annotations have."""
    return any(FILE.fullmatch(PurePosixPath(name).name) for name in source.names)


def read(source: Source, report: ReadReport) -> DatasetRecord:
    """The records of one dataset, see `exporters.reading.Reader`.

    The categories are those of categories.json or label_colors.txt, else Cityscapes' own, with their ids; "unlabeled"
    is nobody's, and "license plate", which has -1 there, is 34.

    Raises:
        UnreadableFile: there is no file of Cityscapes' names.
    """
    files = _Files(source)
    if not files.annotated:
        raise UnreadableFile(
            "there is no *_gtFine_polygons.json, *_gtFine_labelIds.png or *_gtFine_instanceIds.png"
        )
    categories = _categories(source, report)
    images = _Images(source, files, categories, report)
    return DatasetRecord(
        name="", categories=tuple(categories.values()), images=images, image_count=len(files.keys)
    )


class _Files:
    """The files of one dataset, by image: the path below gtFine or leftImg8bit, without the endings."""

    def __init__(self, source: Source) -> None:
        self.annotated: dict[str, dict[str, str]] = {}  # by kind: "polygons", "labelIds", "instanceIds"
        self.pictures: dict[str, str] = {}
        for name in source.names:
            found = FILE.fullmatch(PurePosixPath(name).name)
            if found:
                kind = found[3].partition(".")[0]
                own = self.annotated.setdefault(_below(name, found[1]), {})
                # gtFine is before gtCoarse in what a person means, and after it in the alphabet.
                if kind not in own or found[2] == "Fine":
                    own[kind] = name
            elif is_picture(name):
                path = PurePosixPath(name)
                if path.stem.endswith(PICTURE_ENDING):
                    self.pictures.setdefault(_below(name, path.stem.removesuffix(PICTURE_ENDING)), name)
        self.keys = sorted({*self.annotated, *self.pictures})


def _below(name: str, stem: str) -> str:
    parts = PurePosixPath(name).parts[:-1]
    first = next((index + 1 for index, part in enumerate(parts) if part in FOLDERS), 0)
    return "/".join([*parts[first:], stem])


def _categories(source: Source, report: ReadReport) -> dict[int, CategoryRecord]:
    """By the number in labelIds."""
    table = table_name(source)
    if table:
        return read_categories(source, table, report)
    colours = [name for name in source.names if PurePosixPath(name).name == COLOURS]
    if colours:
        return dict(_from_colours(source, min(colours, key=len), report))
    own = {label.id: CategoryRecord(label.id, label.name, color=_hex(label.colour)) for label in OWN}
    return own | {PLATE: CategoryRecord(PLATE, LICENSE_PLATE.name, color=_hex(LICENSE_PLATE.colour))}


def _from_colours(source: Source, name: str, report: ReadReport) -> Iterator[tuple[int, CategoryRecord]]:
    """A line is `r g b name`, or a name alone; its place from 0 on is the number."""
    number = 0
    for line_number, line in enumerate(read_text(source, name).splitlines(), 1):
        if not line.strip() or line.strip().startswith("#"):
            continue
        found = re.fullmatch(r"(?:(\d{1,3})\s+(\d{1,3})\s+(\d{1,3})\s+)?(\S.*)", line.strip(), re.ASCII)
        colour = [int(value) for value in found.groups()[:3] if value] if found else []
        if not found or any(value > 255 for value in colour):
            report.refuse(
                f"{name} line {line_number}", "category_malformed", f"{line!r:.100} names no category"
            )
        elif number > 0:
            yield number, CategoryRecord(number, found[4], color=_hex(colour) if colour else "")
        number += 1


def _hex(colour: tuple[int, ...] | list[int]) -> str:
    return "#" + bytes(colour).hex()


@dataclass(frozen=True)
class _Document:
    """The polygons of one image; empty where there is no such file or it is damaged."""

    name: str = ""
    size: tuple[int, int] | None = None  # width, height
    objects: tuple[Any, ...] = ()

    def known(self) -> dict[int, dict[str, Any]]:
        """What is said of each number in instanceIds, as this program writes it."""
        rows = (row for row in self.objects if isinstance(row, dict) and type(row.get("instance")) is int)
        return {row["instance"]: row for row in rows}


class _Images:
    """The images of one dataset, one at a time, made anew each time."""

    def __init__(
        self, source: Source, files: _Files, categories: dict[int, CategoryRecord], report: ReadReport
    ) -> None:
        self._source, self._files, self._categories, self._report = source, files, categories, report
        self._by_name = {category.name: number for number, category in reversed(categories.items())}
        self._listed = {
            _below(file, PurePosixPath(file).stem.removesuffix(PICTURE_ENDING)): image
            for file, image in listed_images(source, report).items()
        }

    def __iter__(self) -> Iterator[ImageRecord]:
        next_id = 1
        for number, key in enumerate(self._files.keys, 1):
            document = self._document(key)
            picture, listed = self._files.pictures.get(key), self._listed.get(key)
            try:
                width, height = self._size(key, document)
            except (Refused, UnreadableFile) as error:
                own = self._files.annotated.get(key, {})
                self._refuse(document.name or next(iter(own.values()), picture or key), error)
                continue
            annotations = tuple(self._annotations(key, document, (height, width), next_id))
            next_id += len(annotations)
            stem = key.rpartition("/")[2]
            yield ImageRecord(
                id=number,
                file_name=listed.name
                if listed
                else PurePosixPath(picture or f"{stem}{PICTURE_ENDING}.png").name,
                width=width,
                height=height,
                annotations=annotations,
                open=self._opener(picture),
                split=listed.split if listed else WORDS.get(key.partition("/")[0].lower(), ""),
            )

    def _refuse(self, place: str, error: Exception) -> None:
        code = error.code if isinstance(error, Refused | rle.RleError) else "file_unreadable"
        self._report.refuse(place, code, str(error))

    def _opener(self, picture: str | None) -> Callable[[], IO[bytes]] | None:
        return partial(self._source.open, picture) if picture else None

    def _document(self, key: str) -> _Document:
        name = self._files.annotated.get(key, {}).get("polygons")
        if not name:
            return _Document()
        try:
            content = json_document.load(self._source, name)
        except UnreadableFile as error:
            self._refuse(name, error)
            return _Document()
        if not isinstance(content, dict) or not isinstance(content.get("objects"), list):
            self._report.refuse(name, "document_malformed", 'it has no list "objects"')
            return _Document(name)
        width, height = content.get("imgWidth"), content.get("imgHeight")
        size = None
        if isinstance(width, int) and isinstance(height, int) and min(width, height) > 0:
            size = width, height
        return _Document(name, size, tuple(content["objects"]))

    def _size(self, key: str, document: _Document) -> tuple[int, int]:
        own = self._files.annotated.get(key, {})
        picture = own.get("instanceIds") or own.get("labelIds") or self._files.pictures.get(key)
        if document.size:
            width, height = document.size
        elif picture:
            width, height = picture_size(self._source, picture)
        else:
            raise Refused("size_missing", "imgWidth and imgHeight must be whole numbers of pixels")
        if width * height > rle.MAX_PIXELS:
            raise Refused("size_malformed", f"the image has more than {rle.MAX_PIXELS} pixels")
        return width, height

    # --- annotations of one image ---

    def _annotations(
        self, key: str, document: _Document, hw: tuple[int, int], next_id: int
    ) -> Iterator[AnnotationRecord]:
        own = self._files.annotated.get(key, {})
        name = own.get("instanceIds") or own.get("labelIds")
        if name:
            try:
                found = list(self._in_pixels(name, document.known(), hw))
            except (Refused, UnreadableFile) as error:
                self._refuse(name, error)
                return
        else:
            found = self._in_polygons(document, hw)
        for category, mask, values in found:
            yield annotation_record(next_id, category, mask, **provenance_from(values))
            next_id += 1

    def _in_pixels(
        self, name: str, known: dict[int, dict[str, Any]], hw: tuple[int, int]
    ) -> Iterator[tuple[int, Rle, dict[str, Any]]]:
        numbers = numbers_of(open_labels(self._source, name, hw))
        if numbers is None:
            raise Refused("mask_has_colours", "its pixels have colours and not numbers")
        for value, mask in masks_in(numbers):
            category = value // OF_ONE_LABEL if value >= OF_ONE_LABEL else value
            if value in PLATES and PLATE in self._categories and value not in self._categories:
                category = PLATE
            if category == NOBODY:
                continue
            if category in self._categories:
                yield category, mask, known.get(value, {})
            else:
                self._report.refuse(
                    f"{name}: value {value}", "category_unknown", f"there is no label {category}"
                )

    def _in_polygons(self, document: _Document, hw: tuple[int, int]) -> list[tuple[int, Rle, dict[str, Any]]]:
        """What is to be seen of each object when all are painted."""
        drawn: list[AnnotationRecord] = []
        known: list[dict[str, Any]] = []
        for place, row, outlines in self._outlined(document):
            try:
                category = self._category_of(row["label"])
                mask = rle.from_polygons(outlines, hw)
                drawn.append(annotation_record(len(drawn) + 1, category, mask))
                known.append(row)
            except (Refused, rle.RleError) as error:
                self._refuse(place, error)
        owners = painted(drawn, hw, {OVERLAP.name: "later"})
        return [
            (drawn[number - 1].category_id, mask, known[number - 1])
            for number, mask in masks_in(owners)
            if number
        ]

    def _outlined(self, document: _Document) -> Iterator[tuple[str, dict[str, Any], list[list[float]]]]:
        """Place, row and outlines of each object. Those of one number, as we write them, are one object's."""
        waiting: tuple[str, dict[str, Any], list[list[float]]] | None = None
        for index, row in enumerate(document.objects):
            place = f"{document.name}: objects[{index}]"
            if not isinstance(row, dict):
                self._report.refuse(place, "object_malformed", "an object has a label and a polygon")
                continue
            if row.get("deleted") in (1, True) or row.get("label") == "unlabeled":
                continue
            try:
                outline = _outline(row.get("polygon"))
            except Refused as error:
                self._refuse(place, error)
                continue
            instance = row.get("instance")
            if waiting and type(instance) is int and waiting[1].get("instance") == instance:
                waiting[2].append(outline)
                continue
            if waiting:
                yield waiting
            waiting = place, {"label": None, **row}, [outline]
        if waiting:
            yield waiting

    def _category_of(self, label: Any) -> int:
        # "cargroup" is several cars that nobody told apart.
        names = [label, label.removesuffix("group")] if isinstance(label, str) else []
        category = next((self._by_name[name] for name in names if name in self._by_name), None)
        if category is None:
            raise Refused("category_unknown", f"there is no label {label!r:.100}")
        return category


def _outline(polygon: Any) -> list[float]:
    if not isinstance(polygon, list) or not all(
        isinstance(point, list) and len(point) == 2 for point in polygon
    ):
        raise Refused("polygon_malformed", "a polygon is a list of points [x, y]")
    return [_coordinate(value) for point in polygon for value in point]


def _coordinate(value: Any) -> float:
    is_number = isinstance(value, int | float) and not isinstance(value, bool) and abs(value) < 1e9
    if not is_number or not math.isfinite(value):
        raise Refused("polygon_malformed", f"{value!r:.50} is no coordinate")
    return float(value)
