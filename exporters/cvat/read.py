"""Reads CVAT's XML for images, alone or in a zip with its pictures."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from functools import partial
from pathlib import PurePosixPath
from typing import Any

from exporters import fields, shapes
from exporters.cvat.attributes import ATTRIBUTES
from exporters.cvat.document import DocumentImage, Label, Shape, Track, entries
from exporters.errors import UnreadableFile
from exporters.fields import Refused
from exporters.named_categories import CategoriesByName
from exporters.reading import ReadReport
from exporters.records import AnnotationRecord, DatasetRecord, ImageRecord, Rle
from exporters.source import ZIP_FAULTS, Pictures, Source, picture_size
from exporters.splits import split_in
from segmentation import rle

HEAD_BYTES = 64 * 1024
LOOKED_AT = 5  # documents, to recognise the format by
ROOT = re.compile(rb"<annotations[\s>].*<(?:meta|image|version)[\s>]", re.DOTALL)
WITHOUT_AREA = ("polyline", "points", "cuboid", "skeleton")
TAG = "tag"
MAX_DIGITS = 20

Hw = tuple[int, int]


def recognises(source: Source) -> bool:
    """Whether one of the first .xml files begins as CVAT's do."""
    for name in _documents(source)[:LOOKED_AT]:
        try:
            with source.open(name) as stream:
                head = stream.read(HEAD_BYTES)
        except (UnreadableFile, *ZIP_FAULTS):
            continue
        if ROOT.search(head):
            return True
    return False


def read(source: Source, report: ReadReport) -> DatasetRecord:
    """The records of one file or of several, see `exporters.reading.Reader`.

    Shapes of one image, label and group are one object; a box beside other shapes of its object says nothing more.
    Objects of a higher z_order come later: they are on top. Tracks, lines, points, cuboids and skeletons are refused;
    what is left out of many shapes (tags, attributes, `occluded`) is reported once each.

    Raises:
        UnreadableFile: there is no CVAT document, or one is damaged.
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
    return [name for name in source.names if name.lower().endswith(".xml")]


class _Images:
    """The images of the documents, read anew whenever they are gone through."""

    def __init__(self, source: Source, report: ReadReport) -> None:
        self._source, self._report, self._pictures = source, report, Pictures(source)
        self.categories = CategoriesByName()
        self.count = self.annotation_count = 0
        self._documents = _documents(source)
        if not self._documents:
            raise UnreadableFile("there is no .xml file; CVAT's is called annotations.xml")
        labels = 0
        # Once through all, so that a damaged end is known before anything is taken from the beginning.
        for name in self._documents:
            for entry in entries(source, name):
                if isinstance(entry, Label):
                    labels += 1
                    if entry.name:
                        self.categories.add(entry.name, entry.color)
                    else:
                        report.refuse(f"{name}: label {labels}", "name_missing", "a label has no name")
                elif isinstance(entry, Track):
                    report.refuse(
                        f"{name}: line {entry.line}",
                        "track",
                        "a track is an object of a video, not of one image",
                    )
                else:
                    self.count += 1
                    self._picture(entry)  # all are asked for before the first is given: each has its own
                    for objects in _objects(entry):
                        self.annotation_count += 1
                        if label := objects[0].values.get("label"):
                            self.categories.add(label)

    def __iter__(self) -> Iterator[ImageRecord]:
        image_id = number = 0
        for name in self._documents:
            for entry in entries(self._source, name):
                if not isinstance(entry, DocumentImage):
                    continue
                image_id += 1
                try:
                    image, hw = self._image(image_id, name, entry)
                except (UnreadableFile, Refused) as error:
                    self._report.refuse(f"{name}: line {entry.line}", error.code, str(error))
                    continue
                annotations = []
                for tag in (shape for shape in entry.shapes if shape.tag == TAG):
                    place = f"{name}: tag {tag.values.get('label', '')!r:.100}"
                    self._report.refuse(place, "tag", "a tag says nothing of a place in the image")
                for objects in _objects(entry):
                    number += 1
                    try:
                        annotations.append(self._annotation(number, name, objects, hw))
                        self._say_what_is_left_out(name, objects)
                    except fields.FAULTS as error:
                        self._report.refuse(f"{name}: line {objects[0].line}", error.code, str(error))
                yield ImageRecord(**image, annotations=tuple(annotations))

    def _say_what_is_left_out(self, name: str, objects: list[Shape]) -> None:
        for shape in objects:
            for attribute, value in shape.attributes.items():
                if value and attribute not in ATTRIBUTES:
                    place = f"{name}: attribute {attribute!r:.100} of {shape.values.get('label', '')!r:.100}"
                    self._report.refuse(
                        place, "attribute", "annotations have no attributes of their own here"
                    )
            if shape.values.get("occluded") == "1":
                self._report.refuse(
                    f"{name}: occluded", "attribute", "whether an object is occluded is not kept"
                )

    def _image(self, image_id: int, name: str, entry: DocumentImage) -> tuple[dict[str, Any], Hw]:
        file_name, subset = entry.values.get("name", ""), entry.values.get("subset", "")
        if not file_name:
            raise Refused("file_name_missing", "the image has no name")
        picture = self._picture(entry)
        width, height = entry.values.get("width"), entry.values.get("height")
        if picture and (width is None or height is None):
            hw = fields.image_hw(*reversed(picture_size(self._source, picture)))
        else:
            hw = fields.image_hw(_whole(height), _whole(width))
        record = {
            "id": image_id,
            "file_name": file_name,
            "height": hw[0],
            "width": hw[1],
            "open": partial(self._source.open, picture) if picture else None,
            "split": split_in(subset or str(PurePosixPath(name).with_suffix(""))),
        }
        return record, hw

    def _picture(self, entry: DocumentImage) -> str | None:
        file_name, subset = entry.values.get("name", ""), entry.values.get("subset", "")
        return self._pictures.find(f"images/{subset}/{file_name}", f"images/{file_name}", file_name)

    def _annotation(self, number: int, name: str, objects: list[Shape], hw: Hw) -> AnnotationRecord:
        """One object; a part that cannot be read is reported and left out, unless no other is there."""
        first = objects[0]
        label = first.values.get("label")
        if not label:
            raise Refused("label_missing", f"the {first.tag} has no label")
        parts = []
        for shape in objects:
            try:
                parts.append(_mask(shape, hw))
            except fields.FAULTS as error:
                if len(objects) == 1:
                    raise
                self._report.refuse(f"{name}: line {shape.line}", error.code, str(error))
        if not parts:
            raise Refused("mask_empty", "none of the object's shapes can be read")
        mask = fields.union(parts)
        is_box = all(shape.tag == "box" for shape in objects)
        return fields.annotation(
            number, self.categories.add(label), mask, _origin(first.attributes), is_box=is_box
        )


def _objects(image: DocumentImage) -> list[list[Shape]]:
    """The image's shapes, those of one object together; what is on top comes last."""
    objects: dict[Any, list[Shape]] = {}
    for index, shape in enumerate(image.shapes):
        if shape.tag == TAG:
            continue
        group = shape.values.get("group_id", "0")
        key = (shape.values.get("label"), group) if group not in ("0", "") else index
        objects.setdefault(key, []).append(shape)
    found = [[shape for shape in each if shape.tag != "box"] or each for each in objects.values()]
    return sorted(found, key=_height)


def _height(objects: list[Shape]) -> int:
    z_order = _whole(objects[0].values.get("z_order"))
    return z_order if isinstance(z_order, int) else 0


def _mask(shape: Shape, hw: Hw) -> Rle:
    if shape.tag in WITHOUT_AREA:
        raise Refused("shape_without_area", f"a {shape.tag} has no area, so it cannot be a mask")
    values = shape.values
    if shape.tag == "polygon":
        return shapes.outlines([_corners(values.get("points", ""))], hw)
    if shape.tag == "box":
        corners = [_number(values, key) for key in ("xtl", "ytl", "xbr", "ybr")]
        return shapes.rectangle(corners, hw, _number(values, "rotation", 0.0))
    if shape.tag == "ellipse":
        center, radii = (
            (_number(values, "cx"), _number(values, "cy")),
            (_number(values, "rx"), _number(values, "ry")),
        )
        return shapes.ellipse(center, radii, hw, _number(values, "rotation", 0.0))
    if shape.tag == "mask":
        return _pixels(values, hw)
    raise Refused("shape_unknown", f"a shape <{shape.tag:.50}> is not known")


def _corners(points: str) -> list[float]:
    try:
        return [float(value) for pair in points.split(";") for value in _pair(pair)]
    except ValueError:
        raise Refused("points_malformed", f'points are "x,y;x,y;...", got {points!r:.100}') from None


def _pair(pair: str) -> list[str]:
    values = pair.split(",")
    if len(values) != 2:
        raise ValueError
    return values


def _pixels(values: dict[str, str], hw: Hw) -> Rle:
    left, top, width, height = (_whole(values.get(key)) for key in ("left", "top", "width", "height"))
    if not (
        fields.is_whole(left) and fields.is_whole(top) and fields.is_side(width) and fields.is_side(height)
    ):
        raise Refused(
            "mask_malformed", "left, top, width and height of a mask must be whole numbers of pixels"
        )
    if left < 0 or top < 0 or left + width > hw[1] or top + height > hw[0]:
        raise rle.RleSizeMismatch(
            f"a mask of {width} x {height} at x {left}, y {top} reaches out of the image of {hw[1]} x {hw[0]}"
        )
    text = values.get("rle", "")
    try:
        runs = [int(run) for run in text.split(",")]
    except ValueError:
        raise rle.RleCountsMalformed(f"rle is a list of whole numbers, got {text!r:.100}") from None
    return shapes.placed_runs(runs, left, top, (height, width), hw)


def _number(values: dict[str, str], key: str, default: float | None = None) -> float:
    text = values.get(key)
    if text is None and default is not None:
        return default
    try:
        return float(text or "")
    except ValueError:
        raise Refused("points_malformed", f"{key} is {text!r:.100}; it must be a number") from None


def _whole(text: str | None) -> int | str | None:
    """The number, or what stands there instead of one."""
    return (
        int(text)
        if text is not None and len(text) <= MAX_DIGITS and re.fullmatch(r"-?[0-9]+", text)
        else text
    )


def _origin(attributes: dict[str, str]) -> dict[str, Any]:
    """Attributes are texts; what is no number or no object here is another program's, of the same name."""
    values: dict[str, Any] = dict(attributes)
    for key in ("predicted_iou", "stability_score"):
        try:
            number = float(values[key])
            values[key] = number if abs(number) <= fields.MAX_FIGURE else None
        except (KeyError, ValueError):
            values[key] = None
    try:
        values["prompt"] = json.loads(values.get("prompt", "null"))
    except (ValueError, RecursionError):
        values["prompt"] = None
    return values
