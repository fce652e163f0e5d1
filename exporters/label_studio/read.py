"""Reads Label Studio's tasks: what people drew, or where nobody did, what a model offered."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator
from functools import partial
from typing import Any, TypeGuard
from urllib.parse import parse_qs, unquote, urlsplit

from exporters import fields, shapes
from exporters.errors import UnreadableFile
from exporters.fields import Refused
from exporters.label_studio import brush, config
from exporters.label_studio.tasks import tasks
from exporters.named_categories import CategoriesByName
from exporters.reading import ReadReport
from exporters.records import SPLITS, AnnotationRecord, DatasetRecord, ImageRecord, Rle
from exporters.source import ZIP_FAULTS, Pictures, Source, is_picture, picture_size

HEAD_BYTES = 64 * 1024
LOOKED_AT = 5  # documents, to recognise the format by
# Keys of a region's value, by what they say of its place; a key point has x and y alone.
PLACES = ("rle", "points", "radiusX", "width", "x")

# Where Label Studio keeps what was uploaded, and where its exports and ours have the pictures.
UPLOADS = re.compile(r"^(data/upload/\d+/|images/)")
# To tell uploads of one name apart, it puts eight digits of a UUID and a hyphen before the name.
UPLOADED = re.compile(r"^data/upload/\d+/[0-9a-f]{8}-(?=.)")
# Types of results that draw; others that do end in "labels".
REGIONS = ("rectangle", "polygon", "brush", "ellipse", "keypoint")

Hw = tuple[int, int]


def recognises(source: Source) -> bool:
    """Whether one of the first .json files begins as a list of tasks does."""
    for name in _documents(source)[:LOOKED_AT]:
        try:
            with source.open(name) as stream:
                head = stream.read(HEAD_BYTES).lstrip(b"\xef\xbb\xbf \t\r\n")
        except (UnreadableFile, *ZIP_FAULTS):
            continue
        is_task = b'"data"' in head or b'"file_upload"' in head
        has_regions = any(key in head for key in (b'"annotations"', b'"predictions"', b'"completions"'))
        if head[:1] == b"[" and is_task and has_regions:
            return True
    return False


def read(source: Source, report: ReadReport) -> DatasetRecord:
    """The records of an export in "JSON", see `exporters.reading.Reader`.

    Of a task, all annotations that were not cancelled are read, whoever made them; where there are none, the
    predictions, with their score as predicted_iou. Regions whose `meta` has one `uuid` are one object. What is no
    region of the image (choices, text, relations) is left out, each kind reported once. A picture that is not in the
    files is called as it was before it was uploaded to Label Studio.

    Raises:
        UnreadableFile: there is no list of tasks, or it is damaged.
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
    return [name for name in source.names if name.lower().endswith(".json")]


class _Region:
    """One region, or several that are parts of one object.

    Attributes:
        place: "annotations[0].result[3]".
        about: the annotation or prediction that it stands in.
        is_offered: by a model.
    """

    def __init__(self, place: str, values: Any, about: dict[str, Any], is_offered: bool) -> None:
        self.place, self.about, self.is_offered = place, about, is_offered
        self.parts: list[tuple[str, Any]] = [(place, values)]

    @property
    def values(self) -> Any:
        return self.parts[0][1]


class _Images:
    """The images of the tasks, read anew whenever they are gone through."""

    def __init__(self, source: Source, report: ReadReport) -> None:
        self._source, self._report, self._pictures = source, report, Pictures(source)
        self.categories = CategoriesByName()
        self.count = self.annotation_count = 0
        for label, color in config.labels_in(source):
            self.categories.add(label, color)
        names = _documents(source)
        if not names:
            raise UnreadableFile("there is no .json file; export the project as JSON")
        # Once through all, so that a damaged end is known before anything is taken from the beginning.
        self._documents = []
        for name in names:
            is_ours = False
            for place, task in tasks(source, name):
                if not isinstance(task, dict) or not isinstance(task.get("data"), dict):
                    message = "a task is an object with data; export the project as JSON, not as JSON-MIN"
                    report.refuse(place, "task_malformed", message)
                    continue
                is_ours = True
                self.count += 1
                for kind in _kinds_beside_regions(task):
                    first = place.removeprefix(f"{name}: ")
                    message = f"results of this type are no masks and do not come in; the first is in {first}"
                    report.refuse(f"{name}: {kind}", "not_of_a_mask", message)
                for region in _regions(task):
                    self.annotation_count += 1
                    if label := _label(region.values):
                        self.categories.add(label)
            if is_ours:
                self._documents.append(name)
        if not self._documents and len(report.refusals) > 0:
            raise UnreadableFile(f"{report.refusals[0].place}: {report.refusals[0].message}")

    def __iter__(self) -> Iterator[ImageRecord]:
        image_id = number = 0
        for name in self._documents:
            for place, task in tasks(self._source, name):
                if not isinstance(task, dict) or not isinstance(task.get("data"), dict):
                    continue
                image_id += 1
                regions = _regions(task)
                try:
                    image, hw = self._image(image_id, task, regions)
                except (UnreadableFile, Refused) as error:
                    self._report.refuse(place, error.code, str(error))
                    continue
                annotations = []
                for region in regions:
                    number += 1
                    try:
                        annotations.append(self._annotation(number, place, region, hw))
                    except fields.FAULTS as error:
                        self._report.refuse(f"{place}: {region.place}", error.code, str(error))
                yield ImageRecord(**image, annotations=tuple(annotations))

    def _image(
        self, image_id: int, task: dict[str, Any], regions: list[_Region]
    ) -> tuple[dict[str, Any], Hw]:
        address = _address(task["data"])
        if not address:
            raise Refused("file_name_missing", "the task's data names no picture")
        path = _path(address)
        file_name = UPLOADS.sub("", UPLOADED.sub("", path))
        picture = self._pictures.find(path) or self._pictures.find(file_name)
        meta = task.get("meta")
        meta = meta if isinstance(meta, dict) else {}
        height, width = _told_size(meta, regions)
        if (height is None or width is None) and picture:
            size = picture_size(self._source, picture)
            height, width = size.height, size.width
        if height is None or width is None:
            message = "no region says original_width and original_height, and the picture is not there"
            raise Refused("size_unknown", message)
        hw = fields.image_hw(height, width)
        split = fields.text(meta, "split")
        record = {
            "id": image_id,
            "file_name": file_name,
            "height": hw[0],
            "width": hw[1],
            "open": partial(self._source.open, picture) if picture else None,
            "split": split if split in SPLITS else "",
        }
        return record, hw

    def _annotation(self, number: int, place: str, region: _Region, hw: Hw) -> AnnotationRecord:
        values = region.values
        label = _label(values)
        if not label:
            raise Refused("label_missing", "the region has no label")
        masks = []
        for part_place, part in region.parts:
            try:
                masks.append(_mask(part, hw))
            except fields.FAULTS as error:
                if len(region.parts) == 1:
                    raise
                self._report.refuse(f"{place}: {part_place}", error.code, str(error))
        if not masks:
            raise Refused("mask_empty", "none of the object's regions can be read")
        meta = values.get("meta")
        origin: dict[str, Any] = dict(meta) if isinstance(meta, dict) else {}
        if not fields.text(origin, "name") and isinstance(text := origin.get("text"), list):
            origin["name"] = " ".join(line for line in text if isinstance(line, str))
        origin.setdefault("author", _author(region))
        origin.setdefault("created_at", region.about.get("created_at"))
        if region.is_offered:
            origin.setdefault("predicted_iou", _score(values, region.about))
        mask = fields.union(masks)
        is_box = _kind_of(values["value"]) == "width"
        return fields.annotation(number, self.categories.add(label), mask, origin, is_box=is_box)


def _regions(task: dict[str, Any]) -> list[_Region]:
    """What is drawn in a task; parts of one object together."""
    for key in ("annotations", "completions", "predictions"):
        entries = task.get(key)
        found: dict[Any, _Region] = {}
        is_given = False
        for index, entry in enumerate(entries if isinstance(entries, list) else []):
            if not isinstance(entry, dict) or entry.get("was_cancelled") or entry.get("skipped"):
                continue
            is_given = True
            results = entry.get("result")
            results = results if isinstance(results, list) else []
            labelled = {row.get("id") for row in results if _label(row) and isinstance(row.get("id"), str)}
            for at, row in enumerate(results):
                if not _is_region(row, labelled):
                    continue
                place = f"{key}[{index}].result[{at}]"
                meta = row.get("meta") if isinstance(row, dict) else None
                uuid = fields.lasting_id(meta.get("uuid")) if isinstance(meta, dict) else ""
                object_key = (index, uuid, _label(row)) if uuid else (index, at)
                if object_key in found:
                    found[object_key].parts.append((place, row))
                else:
                    found[object_key] = _Region(place, row, entry, key == "predictions")
        if is_given:  # even without a region: then somebody says that there is nothing
            return list(found.values())
    return []


def _kinds_beside_regions(task: dict[str, Any]) -> Iterator[str]:
    """Types of results that say something, but of no place of their own: "choices", "textarea", "relation"."""
    for key in ("annotations", "completions"):
        entries = task.get(key)
        for entry in entries if isinstance(entries, list) else []:
            if not isinstance(entry, dict) or entry.get("was_cancelled") or entry.get("skipped"):
                continue
            results = entry.get("result")
            for row in results if isinstance(results, list) else []:
                kind = row.get("type") if isinstance(row, dict) else None
                if isinstance(kind, str) and _is_beside_regions(kind):
                    yield kind[:50]


def _is_beside_regions(kind: str) -> bool:
    """Whether results of this type draw nothing, though those of one region repeat its place."""
    return bool(kind) and not kind.endswith("labels") and kind not in REGIONS


def _is_region(row: Any, labelled: set[str]) -> bool:
    """Whether it says something of a place. Two tags may write one region twice, with its label and without."""
    if not isinstance(row, dict):
        return True  # and refused by name
    value = row.get("value")
    kind = row.get("type")
    if isinstance(kind, str) and _is_beside_regions(kind):
        return False
    is_drawn = isinstance(value, dict) and _kind_of(value) is not None
    is_drawn = is_drawn or (isinstance(kind, str) and kind.endswith("labels"))
    is_said_twice = isinstance(row.get("id"), str) and row["id"] in labelled
    return is_drawn and (bool(_label(row)) or not is_said_twice)


def _label(row: Any) -> str:
    """The first label of a region, or ""."""
    value = row.get("value") if isinstance(row, dict) else None
    kind = row.get("type") if isinstance(row, dict) else None
    if not isinstance(value, dict) or not isinstance(kind, str):
        return ""
    labels = value.get(kind if kind.endswith("labels") else f"{kind}labels")
    return labels[0] if isinstance(labels, list) and labels and isinstance(labels[0], str) else ""


def _kind_of(value: dict[str, Any]) -> str | None:
    return next((key for key in PLACES if key in value), None)


def _mask(row: Any, hw: Hw) -> Rle:
    value = row.get("value") if isinstance(row, dict) else None
    if not isinstance(value, dict):
        raise Refused("region_malformed", "a region is an object with type and value")
    if row.get("image_rotation"):
        message = f"the image is turned by {row['image_rotation']!r:.20} degrees in Label Studio; turn the file instead"
        raise Refused("image_turned", message)
    height, width = hw
    kind = _kind_of(value)
    if row.get("type") in ("keypoint", "keypointlabels"):
        raise Refused("shape_without_area", "a key point has no area, so it cannot be a mask")
    if kind == "rle":
        try:
            runs = brush.decode(value["rle"], height * width)
        except brush.BrushError as error:
            raise Refused("brush_malformed", str(error)) from None
        return shapes.placed_runs(runs, 0, 0, hw, hw)
    if kind == "points":
        return shapes.outlines([_corners(value["points"], hw)], hw)
    if kind == "radiusX":
        x, y, radius_x, radius_y = (_number(value, key) for key in ("x", "y", "radiusX", "radiusY"))
        center, radii = (x * width / 100, y * height / 100), (radius_x * width / 100, radius_y * height / 100)
        return shapes.ellipse(center, radii, hw, _number(value, "rotation", 0.0))
    if kind == "width":
        return _box(value, hw)
    raise Refused("shape_without_area", "a region without an area cannot be a mask")


def _box(value: dict[str, Any], hw: Hw) -> Rle:
    """A rectangle, turned clockwise about its first corner."""
    height, width = hw
    x, y, box_width, box_height = (_number(value, key) for key in ("x", "y", "width", "height"))
    x, box_width = x * width / 100, box_width * width / 100
    y, box_height = y * height / 100, box_height * height / 100
    angle = math.radians(_number(value, "rotation", 0.0))
    cos, sin = math.cos(angle), math.sin(angle)
    corners = []
    for dx, dy in ((0.0, 0.0), (box_width, 0.0), (box_width, box_height), (0.0, box_height)):
        corners += [x + dx * cos - dy * sin, y + dx * sin + dy * cos]
    return shapes.outlines([[_whole_pixels(corner) for corner in corners]], hw)


def _whole_pixels(value: float) -> float:
    """Per cents of a width give 11.999999999: without this, the corner falls into the pixel before."""
    return round(value, 6)


def _corners(points: Any, hw: Hw) -> list[float]:
    corners: list[float] = []
    for point in points if isinstance(points, list) else [None]:
        if not isinstance(point, list) or len(point) != 2 or not all(map(_is_number, point)):
            raise Refused("points_malformed", f"points are a list of [x, y] in per cent, got {point!r:.100}")
        corners += [_whole_pixels(point[0] * hw[1] / 100), _whole_pixels(point[1] * hw[0] / 100)]
    return corners


def _is_number(value: Any) -> TypeGuard[float]:
    return isinstance(value, int | float) and not isinstance(value, bool) and abs(value) <= fields.MAX_FIGURE


def _number(values: dict[str, Any], key: str, default: float | None = None) -> float:
    value = values.get(key, default)
    if not _is_number(value):
        raise Refused("points_malformed", f"{key} is {value!r:.100}; it must be a number")
    return float(value)


def _told_size(meta: dict[str, Any], regions: list[_Region]) -> tuple[Any, Any]:
    for region in regions:
        values = region.values
        if isinstance(values, dict) and "original_width" in values and "original_height" in values:
            return values["original_height"], values["original_width"]
    return meta.get("height"), meta.get("width")


def _address(data: dict[str, Any]) -> str:
    """The picture's, by the name that nearly all projects use, or the first that looks like a picture."""
    if isinstance(data.get("image"), str):
        return str(data["image"])
    texts = [value for value in data.values() if isinstance(value, str)]
    return next((text for text in texts if is_picture(_path(text))), "")


def _path(address: str) -> str:
    """The path that an address of Label Studio means: /data/upload/1/cat.jpg, /data/local-files/?d=cats/cat.jpg,
    s3://bucket/cat.jpg, https://..."""
    try:
        parts = urlsplit(address)
        asked = parse_qs(parts.query).get("d", [""])[0]
    except ValueError:
        return address
    path = asked or unquote(parts.path) or address
    return "/".join(part for part in path.replace("\\", "/").split("/") if part not in ("", ".", ".."))


def _author(region: _Region) -> str:
    by = region.about.get("completed_by")
    return fields.text(by, "email") if isinstance(by, dict) and not region.is_offered else ""


def _score(values: dict[str, Any], about: dict[str, Any]) -> float | None:
    """A region's own, else the prediction's."""
    scores = (each.get("score") for each in (values, about))
    return next((float(score) for score in scores if _is_number(score)), None)
