"""Reads labelme's documents, with masks, pictures beside them or within them."""

from __future__ import annotations

import base64
import binascii
import io
import math
import posixpath
from collections.abc import Callable, Iterator
from functools import partial
from typing import IO, Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image, UnidentifiedImageError

from exporters import fields, json_document, shapes
from exporters.errors import UnreadableFile
from exporters.fields import Refused
from exporters.named_categories import CategoriesByName
from exporters.reading import ReadReport
from exporters.records import AnnotationRecord, DatasetRecord, ImageRecord, Rle
from exporters.source import ZIP_FAULTS, Pictures, Source, picture_size, read_text
from segmentation import rle

HEAD_BYTES = 64 * 1024
LOOKED_AT = 5  # documents, to recognise the format by
LABELS = "labels.txt"
LABELMES_OWN = ("__ignore__", "_background_")
WITHOUT_AREA = ("line", "linestrip", "point", "points")

Hw = tuple[int, int]


def recognises(source: Source) -> bool:
    """Whether one of the first .json files begins as a document of labelme."""
    for name in _documents(source)[:LOOKED_AT]:
        try:
            with source.open(name) as stream:
                head = stream.read(HEAD_BYTES)
        except (UnreadableFile, *ZIP_FAULTS):
            continue
        is_object = head.lstrip(b"\xef\xbb\xbf \t\r\n").startswith(b"{")
        if is_object and b'"shapes"' in head and (b'"flags"' in head or b'"imagePath"' in head):
            return True
    return False


def read(source: Source, report: ReadReport) -> DatasetRecord:
    """The records of a folder of documents, see `exporters.reading.Reader`.

    Shapes of one label and one `group_id` are one object. Categories stand in the order of labels.txt, then as they
    come. A rectangle's and a circle's mask are the pixels that it covers; lines and points are refused.

    Raises:
        UnreadableFile: there is no document of labelme.
    """
    images = _Images(source, report)
    return DatasetRecord(
        name="",
        categories=images.categories.records(),
        images=images,
        image_count=len(images.documents),
        annotation_count=images.annotation_count,
    )


def _documents(source: Source) -> list[str]:
    return [name for name in source.names if name.lower().endswith(".json")]


def _load(source: Source, name: str) -> dict[str, Any]:
    values = json_document.load(source, name)
    if not isinstance(values, dict) or not isinstance(values.get("shapes"), list):
        raise UnreadableFile(f"{name}: no document of labelme: it has no list 'shapes'")
    return values


class _Images:
    """The images of the documents, each read anew whenever it is asked for."""

    def __init__(self, source: Source, report: ReadReport) -> None:
        self._source, self._report, self._pictures = source, report, Pictures(source)
        self.categories = CategoriesByName()
        self.documents: list[str] = []
        self.annotation_count = 0
        for label in _listed_labels(source):
            self.categories.add(label)
        faults = []
        for name in _documents(source):
            try:
                values = _load(source, name)
            except UnreadableFile as error:
                faults.append(error)
                report.refuse(name, error.code, str(error))
                continue
            self.documents.append(name)
            for objects in _objects(values["shapes"]).values():
                self.annotation_count += 1
                first = objects[0][1]
                named = fields.text(first, "label") if isinstance(first, dict) else ""
                if named:
                    self.categories.add(named)
        if not self.documents:
            raise (
                faults[0] if faults else UnreadableFile("there is no .json file; labelme writes one an image")
            )

    def __iter__(self) -> Iterator[ImageRecord]:
        number = 0
        for image_id, name in enumerate(self.documents, 1):
            try:
                values = _load(self._source, name)
                image, hw = self._image(image_id, name, values)
            except (UnreadableFile, Refused) as error:
                self._report.refuse(name, error.code, str(error))
                continue
            annotations = []
            for objects in _objects(values["shapes"]).values():
                number += 1
                try:
                    annotations.append(self._annotation(number, f"{name}: ", objects, hw))
                except fields.FAULTS as error:
                    self._report.refuse(f"{name}: shapes[{objects[0][0]}]", error.code, str(error))
            yield ImageRecord(**image, annotations=tuple(annotations))

    def _image(self, image_id: int, name: str, values: dict[str, Any]) -> tuple[dict[str, Any], Hw]:
        folder = posixpath.dirname(name)
        wanted = fields.text(values, "imagePath").replace("\\", "/") or f"{_stem(name)}.jpg"
        path = posixpath.normpath(posixpath.join(folder, wanted)).lstrip("/")
        picture = self._pictures.find(path)
        opener: Callable[[], IO[bytes]] | None = None
        if picture:
            opener = partial(self._source.open, picture)
        elif isinstance(values.get("imageData"), str):
            opener = partial(_embedded, self._source, name)
        height, width = values.get("imageHeight"), values.get("imageWidth")
        if height is None or width is None:
            height, width = self._size(picture, opener, name)
        hw = fields.image_hw(height, width)
        told = "/".join(part for part in path.split("/") if part not in ("", ".", ".."))
        record = {
            "id": image_id,
            "file_name": picture or told,
            "height": hw[0],
            "width": hw[1],
            "open": opener,
        }
        return record, hw

    def _size(self, picture: str | None, opener: Callable[[], IO[bytes]] | None, name: str) -> Hw:
        if picture:
            size = picture_size(self._source, picture)
            return size.height, size.width
        if opener is None:
            raise Refused("size_malformed", "imageHeight and imageWidth are missing, and so is the picture")
        try:
            with Image.open(opener()) as found:
                return found.size[1], found.size[0]
        except (UnidentifiedImageError, Image.DecompressionBombError, SyntaxError, *ZIP_FAULTS):
            raise Refused("picture_unreadable", f"imageData of {name} is no picture") from None

    def _annotation(self, number: int, told: str, objects: list[tuple[int, Any]], hw: Hw) -> AnnotationRecord:
        """One object; a part that cannot be read is reported and left out, unless no other is there."""
        first = objects[0][1]
        label = first.get("label") if isinstance(first, dict) else None
        if not isinstance(label, str) or not label:
            raise Refused("label_missing", f"label is {label!r:.100}")
        parts = []
        for index, shape in objects:
            try:
                parts.append(_mask(shape, hw))
            except fields.FAULTS as error:
                if len(objects) == 1:
                    raise
                self._report.refuse(f"{told}shapes[{index}]", error.code, str(error))
        if not parts:
            raise Refused("mask_empty", "none of the object's shapes can be read")
        is_box = len(objects) == 1 and first.get("shape_type") == "rectangle"
        values = first | {"name": fields.text(first, "description")}
        mask = fields.union(parts)
        return fields.annotation(number, self.categories.add(label), mask, values, is_box=is_box)


def _listed_labels(source: Source) -> Iterator[str]:
    for name in source.names:
        if posixpath.basename(name) == LABELS:
            try:
                lines = read_text(source, name).splitlines()
            except UnreadableFile:
                continue
            yield from (line.strip() for line in lines if line.strip() and line.strip() not in LABELMES_OWN)


def _objects(entries: list[Any]) -> dict[Any, list[tuple[int, Any]]]:
    """The shapes with their places, those of one object together."""
    objects: dict[Any, list[tuple[int, Any]]] = {}
    for index, shape in enumerate(entries):
        group = shape.get("group_id") if isinstance(shape, dict) else None
        label = shape.get("label") if isinstance(shape, dict) else None
        is_grouped = fields.is_whole(group) and isinstance(label, str)
        objects.setdefault((label, group) if is_grouped else index, []).append((index, shape))
    return objects


def _mask(shape: Any, hw: Hw) -> Rle:
    if not isinstance(shape, dict):
        raise Refused("shape_malformed", "a shape is an object with label, points and shape_type")
    kind = shape.get("shape_type") or "polygon"
    if kind in WITHOUT_AREA:
        raise Refused("shape_without_area", f"a {kind} has no area, so it cannot be a mask")
    points = _points(shape.get("points"))
    if kind == "mask":
        return _pixels(shape.get("mask"), points, hw)
    if kind in ("polygon", "oriented_rectangle"):
        return shapes.outlines([[value for point in points for value in point]], hw)
    if kind not in ("rectangle", "circle"):
        raise Refused("shape_unknown", f"shape_type {kind!r:.50} is not known")
    if kind == "rectangle" and len(points) == 4:  # as other programs write it
        return shapes.outlines([[value for point in points for value in point]], hw)
    if len(points) != 2:
        raise Refused("points_malformed", f"a {kind} has two points, not {len(points)}")
    (x0, y0), (x1, y1) = points
    if kind == "rectangle":
        return shapes.rectangle((x0, y0, x1, y1), hw)
    radius = math.hypot(x1 - x0, y1 - y0)  # its centre, and a point on it
    return shapes.ellipse((x0, y0), (radius, radius), hw)


def _points(value: Any) -> list[tuple[float, float]]:
    try:
        points = np.asarray(value, float)
    except (TypeError, ValueError, OverflowError):
        points = np.empty(0)
    if points.ndim != 2 or points.shape[1] != 2 or not np.isfinite(points).all():
        raise Refused("points_malformed", f"points are a list of finite [x, y], got {value!r:.100}")
    return [(float(x), float(y)) for x, y in points]


def _pixels(value: Any, points: list[tuple[float, float]], hw: Hw) -> Rle:
    if not isinstance(value, str) or len(points) != 2:
        raise Refused("mask_malformed", "a mask has two points and its pixels as a PNG in base64")
    (left, top), (right, bottom) = points
    try:
        with Image.open(io.BytesIO(_decoded(value))) as picture:
            width, height = picture.size
            # Labelme counts the last pixel in; others give its far edge.
            if abs(right - left + 1 - width) > 1 or abs(bottom - top + 1 - height) > 1:
                raise Refused(
                    "mask_size_mismatch",
                    f"the mask has {width} x {height} pixels, its box x {left:g} to {right:g}, y {top:g} to {bottom:g}",
                )
            if max(abs(left), abs(top)) > rle.MAX_PIXELS or width > hw[1] or height > hw[0]:
                raise rle.RleSizeMismatch(f"a mask of {width} x {height} in an image of {hw[1]} x {hw[0]}")
            mask = _set_pixels(picture)
    except (UnidentifiedImageError, Image.DecompressionBombError, SyntaxError, EOFError, OSError) as error:
        raise Refused("mask_malformed", f"the mask is no PNG: {error}") from None
    return shapes.placed(mask, int(left), int(top), hw)


def _set_pixels(picture: Image.Image) -> NDArray[np.bool_]:
    values = np.asarray(picture)
    if values.ndim == 3:
        colours = values[..., :-1] if picture.mode in ("LA", "RGBA", "PA") else values
        return (colours != 0).any(-1)
    return values != 0


def _decoded(text: str) -> bytes:
    try:
        return base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError) as error:
        raise Refused("mask_malformed", f"not base64: {error}") from None


def _embedded(source: Source, name: str) -> IO[bytes]:
    """The picture that a document holds, read when it is asked for."""
    try:
        return io.BytesIO(base64.b64decode(_load(source, name).get("imageData") or ""))
    except (binascii.Error, TypeError, ValueError) as error:
        raise UnreadableFile(f"{name}: imageData is not base64: {error}") from None


def _stem(name: str) -> str:
    return posixpath.splitext(posixpath.basename(name))[0]
