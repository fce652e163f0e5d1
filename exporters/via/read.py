"""Reads the files of VIA with the pictures beside them."""

from __future__ import annotations

import math
import posixpath
from collections import Counter
from collections.abc import Iterator
from functools import partial
from typing import Any, TypeGuard
from urllib.parse import unquote, urlsplit

from exporters import fields, shapes
from exporters.errors import UnreadableFile
from exporters.fields import Refused
from exporters.named_categories import CategoriesByName
from exporters.reading import ReadReport
from exporters.records import AnnotationRecord, DatasetRecord, ImageRecord, Rle
from exporters.source import ZIP_FAULTS, Pictures, Source, picture_size
from exporters.splits import split_in
from exporters.via.documents import ViaDocument, ViaImage, load

HEAD_BYTES = 64 * 1024
LOOKED_AT = 5  # documents, to recognise the format by
WITHOUT_AREA = ("point", "polyline", "line")
CHOSEN = ("dropdown", "radio", "checkbox")  # attributes whose values are a list to choose from
# What people call the attribute that holds the class, in the order in which they are looked for.
CLASS_NAMES = ("class", "label", "category", "name", "type", "object", "class_name", "object_name")
NO_CLASS = "object"  # where a file names no class at all

Hw = tuple[int, int]


def recognises(source: Source) -> bool:
    """Whether one of the first files begins as one of VIA's kinds does."""
    for name in _documents(source)[:LOOKED_AT]:
        try:
            with source.open(name) as stream:
                head = stream.read(HEAD_BYTES).lstrip(b"\xef\xbb\xbf \t\r\n")
        except (UnreadableFile, *ZIP_FAULTS):
            continue
        if name.lower().endswith(".csv"):
            if head.lstrip(b"#").startswith(b"filename,") and b"region_shape_attributes" in head:
                return True
        elif head.startswith(b"{") and any(
            key in head for key in (b'"_via_img_metadata"', b'"_via_settings"', b'"shape_attributes"')
        ):
            return True
    return False


def read(source: Source, report: ReadReport) -> DatasetRecord:
    """The records of one file or of several, see `exporters.reading.Reader`.

    A region's class is the value of one region attribute, the same for the whole dataset: one that the project gives a
    list of values, else one called class, label or the like, else the one that most regions have. A file in a folder
    train, val or test has its images in that split.

    Raises:
        UnreadableFile: there is no file of VIA.
    """
    images = _Images(source, report)
    return DatasetRecord(
        name="",
        categories=images.categories.records(),
        images=images,
        image_count=images.count,
        annotation_count=images.annotation_count,
    )


def _documents(source: Source) -> list[str]:
    return [name for name in source.names if name.lower().endswith((".json", ".csv"))]


class _Images:
    """The images of the files, read anew whenever they are gone through."""

    def __init__(self, source: Source, report: ReadReport) -> None:
        self._source, self._report, self._pictures = source, report, Pictures(source)
        self.categories = CategoriesByName()
        self.count = self.annotation_count = 0
        self._documents: list[str] = []
        faults = []
        votes = _Votes()
        for name in _documents(source):
            try:
                document = load(source, name)
            except UnreadableFile as error:
                faults.append(error)
                report.refuse(name, error.code, str(error))
                continue
            self._documents.append(name)
            self.count += len(document.images)
            self.annotation_count += sum(len(image.regions) for image in document.images)
            votes.add(document)
        if not self._documents:
            raise faults[0] if faults else UnreadableFile("there is no .json or .csv file of VIA")
        self._attribute = votes.winner()
        for label in votes.values_of(self._attribute):
            self.categories.add(label)

    def __iter__(self) -> Iterator[ImageRecord]:
        image_id = number = 0
        for name in self._documents:
            try:
                document = load(self._source, name)
            except UnreadableFile as error:
                self._report.refuse(name, error.code, str(error))
                continue
            for index, found in enumerate(document.images):
                image_id += 1
                place = f"{name}: {found.file_name!s:.200}" if found.file_name else f"{name}: image {index}"
                first = number + 1
                number += len(found.regions)
                try:
                    image, hw = self._image(image_id, name, found)
                except (UnreadableFile, Refused) as error:
                    self._report.refuse(place, error.code, str(error))
                    continue
                annotations = []
                for at, (where, region) in enumerate(found.regions):
                    try:
                        annotations.append(self._annotation(first + at, region, hw))
                    except fields.FAULTS as error:
                        self._report.refuse(f"{place}: {where}", error.code, str(error))
                yield ImageRecord(**image, annotations=tuple(annotations))

    def _image(self, image_id: int, name: str, found: ViaImage) -> tuple[dict[str, Any], Hw]:
        if not isinstance(found.file_name, str) or not found.file_name:
            raise Refused("file_name_missing", f"filename is {found.file_name!r:.100}")
        path = _path(found.file_name)
        beside = posixpath.join(posixpath.dirname(name), path)
        picture = self._pictures.find(beside, path)
        told = found.file_attributes if isinstance(found.file_attributes, dict) else {}
        if picture:
            size = picture_size(self._source, picture)
            hw = fields.image_hw(size.height, size.width)
        elif "height" in told and "width" in told:
            hw = fields.image_hw(_whole(told["height"]), _whole(told["width"]))
        else:
            raise Refused(
                "size_unknown",
                "VIA keeps no size of an image, and its picture is not here: bring the pictures along",
            )
        record = {
            "id": image_id,
            "file_name": path,
            "height": hw[0],
            "width": hw[1],
            "open": partial(self._source.open, picture) if picture else None,
            "split": split_in(posixpath.dirname(name)),
        }
        return record, hw

    def _annotation(self, number: int, region: Any, hw: Hw) -> AnnotationRecord:
        shape = region.get("shape_attributes") if isinstance(region, dict) else None
        if not isinstance(shape, dict):
            raise Refused(
                "region_malformed", "a region is an object with shape_attributes and region_attributes"
            )
        label = _value(region, self._attribute) if self._attribute else NO_CLASS
        if not label:
            raise Refused("label_missing", f"the region has no value for {self._attribute!r:.100}")
        mask = _mask(shape, hw)
        is_box = shape.get("name") == "rect"
        return fields.annotation(number, self.categories.add(label), mask, {}, is_box=is_box)


class _Votes:
    """Which region attribute holds the class."""

    def __init__(self) -> None:
        self._chosen: dict[str, list[str]] = {}  # attributes with a list of values
        self._filled: Counter[str] = Counter()
        self._values: dict[str, dict[str, None]] = {}  # in the order in which they come

    def add(self, document: ViaDocument) -> None:
        for name, about in document.attributes.items():
            options = about.get("options") if isinstance(about, dict) else None
            if isinstance(options, dict) and options and about.get("type") in CHOSEN:
                self._chosen.setdefault(name, []).extend(options)
        for image in document.images:
            for _, region in image.regions:
                attributes = region.get("region_attributes") if isinstance(region, dict) else None
                for name in attributes if isinstance(attributes, dict) else ():
                    if value := _value(region, name):
                        self._filled[name] += 1
                        self._values.setdefault(name, {})[value] = None

    def winner(self) -> str:
        """Its name, or "" where no region has any attribute."""
        by_name = {name.lower().replace(" ", "_"): name for name in reversed([*self._filled, *self._chosen])}
        named = [by_name[name] for name in CLASS_NAMES if name in by_name]
        candidates = [
            *(name for name in named if name in self._chosen),
            *self._chosen,
            *named,
            *(name for name, _ in self._filled.most_common()),
        ]
        return candidates[0] if candidates else ""

    def values_of(self, name: str) -> list[str]:
        """The listed values, then those that regions have."""
        if not name:
            return [NO_CLASS]
        return [value for value in [*self._chosen.get(name, []), *self._values.get(name, {})] if value]


def _value(region: Any, attribute: str) -> str:
    """A region's value, of a checkbox the first that is checked, or ""."""
    attributes = region.get("region_attributes")
    value = attributes.get(attribute) if isinstance(attributes, dict) else None
    if isinstance(value, dict):
        value = next((key for key, is_set in value.items() if is_set is True), None)
    return value.strip() if isinstance(value, str) else ""


def _mask(shape: dict[str, Any], hw: Hw) -> Rle:
    kind = shape.get("name")
    if kind in WITHOUT_AREA:
        raise Refused("shape_without_area", f"a {kind} has no area, so it cannot be a mask")
    if kind == "polygon":
        return shapes.outlines([_corners(shape)], hw)
    if kind == "rect":
        x, y, width, height = (_number(shape, key) for key in ("x", "y", "width", "height"))
        return shapes.rectangle((x, y, x + width, y + height), hw)
    if kind == "circle":
        radius = _number(shape, "r")
        return shapes.ellipse((_number(shape, "cx"), _number(shape, "cy")), (radius, radius), hw)
    if kind == "ellipse":
        center, radii = (
            (_number(shape, "cx"), _number(shape, "cy")),
            (_number(shape, "rx"), _number(shape, "ry")),
        )
        turned = _number(shape, "theta") if shape.get("theta") is not None else 0.0  # radians, from 2.0.3 on
        return shapes.ellipse(center, radii, hw, math.degrees(turned))
    raise Refused("shape_unknown", f"a shape {kind!r:.50} is not known")


def _corners(shape: dict[str, Any]) -> list[float]:
    xs, ys = shape.get("all_points_x"), shape.get("all_points_y")
    if not isinstance(xs, list) or not isinstance(ys, list) or len(xs) != len(ys):
        raise Refused("points_malformed", "all_points_x and all_points_y must be lists of one length")
    if not all(map(_is_number, xs)) or not all(map(_is_number, ys)):
        raise Refused("points_malformed", "all_points_x and all_points_y must be lists of numbers")
    return [float(value) for point in zip(xs, ys, strict=True) for value in point]


def _is_number(value: Any) -> TypeGuard[float]:
    return isinstance(value, int | float) and not isinstance(value, bool) and abs(value) <= fields.MAX_FIGURE


def _number(values: dict[str, Any], key: str) -> float:
    value = values.get(key)
    if not _is_number(value):
        raise Refused("points_malformed", f"{key} is {value!r:.100}; it must be a number")
    return float(value)


def _whole(value: Any) -> Any:
    """The number that a text is: attributes of a file are typed in by hand."""
    is_digits = isinstance(value, str) and value.isascii() and value.isdigit() and len(value) <= 20
    return int(value) if is_digits else value


def _path(file_name: str) -> str:
    """A file name, of an address on the web its path."""
    path = file_name.replace("\\", "/")
    if "://" in path:
        try:
            path = unquote(urlsplit(path).path) or path
        except ValueError:
            pass
    return "/".join(part for part in path.split("/") if part not in ("", ".", "..")) or file_name
