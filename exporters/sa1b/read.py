"""Reads SA-1B's files, as this program, Meta's and Datumaro write them."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from functools import partial
from itertools import islice
from pathlib import PurePosixPath
from typing import Any

from exporters import fields
from exporters.errors import UnreadableFile
from exporters.merged_documents import MergedCategories, MergedIds
from exporters.reading import ReadReport
from exporters.records import AnnotationRecord, DatasetRecord, ImageRecord
from exporters.source import ZIP_FAULTS, Pictures, Source, faults_of, read_text
from exporters.splits import split_in

HEAD_BYTES = 64 * 1024
LOOKED_AT = 5
KEYS = re.compile(rb'"(image|image_id|annotations|images|items)"\s*:')
OWN_KEYS = {"image", "image_id", "annotations"}
KEYS_OF_OTHERS = {"images", "items"}  # COCO's and Datumaro's
WITHOUT_CATEGORY = "object"


def recognises(source: Source) -> bool:
    """Whether one of the first .json files begins as SA-1B's do."""
    try:
        return any(_is_one(source, name) for name in islice(_json_names(source), LOOKED_AT))
    except (UnreadableFile, KeyError, *ZIP_FAULTS):
        return False


def read(source: Source, report: ReadReport) -> DatasetRecord:
    """The records of all .json files, see `exporters.reading.Reader`. Area and bbox are those of the mask, whatever the
    file says.

    Raises:
        UnreadableFile: there is no file of the format.
    """
    images = _Images(source, report)
    if not images.names:
        first = next((refusal.message for refusal in report.refusals), "there is no .json file")
        raise UnreadableFile(f"no file has one image and its annotations, as SA-1B has them: {first}")
    return DatasetRecord(
        name="",
        categories=images.categories.all(),
        images=images,
        image_count=len(images.names),
        annotation_count=images.annotation_count,
    )


def _json_names(source: Source) -> Iterator[str]:
    return (name for name in source.names if name.lower().endswith(".json"))


def _is_one(source: Source, name: str) -> bool:
    with faults_of(name), source.open(name) as stream:
        head = stream.read(HEAD_BYTES)
    found = {key.decode() for key in KEYS.findall(head)}
    begins = head.lstrip(b"\xef\xbb\xbf \t\r\n").startswith(b"{")
    return begins and found >= OWN_KEYS and not found & KEYS_OF_OTHERS


class _Images:
    """The images with their annotations, one file at a time, made anew each time."""

    def __init__(self, source: Source, report: ReadReport) -> None:
        self._source, self._report = source, report
        self._pictures = Pictures(source)
        self.categories = MergedCategories()
        self.names: list[str] = []
        self.annotation_count = 0
        for name in _json_names(source):
            try:
                document = self._document(name)
            except fields.Refused as error:
                report.refuse(name, error.code, str(error))
                continue
            self.names.append(name)
            self.annotation_count += len(document["annotations"])
            for values in document["annotations"]:
                self._category_id(values)

    def __iter__(self) -> Iterator[ImageRecord]:
        ids, number = MergedIds(), 0
        for name in self.names:
            try:
                document = self._document(name)
            except fields.Refused as error:  # it was changed meanwhile
                self._report.refuse(name, error.code, str(error))
                continue
            image = document["image"]
            annotations = []
            for index, values in enumerate(document["annotations"]):
                try:
                    annotations.append(
                        self._annotation(number + 1, values, (image["height"], image["width"]))
                    )
                    number += 1
                except fields.FAULTS as error:
                    self._report.refuse(f"{name}: annotations[{index}]", error.code, str(error))
            image_id = image.get("image_id")
            # Where the folders of the picture's own name begin.
            above = len(PurePosixPath(name).parts) - len(PurePosixPath(image["file_name"]).parts)
            root = PurePosixPath(*PurePosixPath(name).parts[: max(above, 0)])
            picture = self._pictures.find(f"{root}/{image['file_name']}")
            yield ImageRecord(
                id=ids.claim(image_id if fields.is_id(image_id) else 0),
                file_name=image["file_name"],
                width=image["width"],
                height=image["height"],
                annotations=tuple(annotations),
                open=partial(self._source.open, picture) if picture else None,
                split=split_in(str(root)),
            )

    def _document(self, name: str) -> dict[str, Any]:
        """One file, of which the parts that everything else hangs on are sound."""
        try:
            document = json.loads(read_text(self._source, name))
        except UnreadableFile as error:
            raise fields.Refused("file_unreadable", str(error).removeprefix(f"{name}: ")) from None
        except json.JSONDecodeError as error:
            place = f"line {error.lineno}, column {error.colno}"
            raise fields.Refused("json_malformed", f"{place}: the file is not JSON: {error.msg}") from None
        except (ValueError, RecursionError) as error:  # thousands of digits, or nested too deep
            raise fields.Refused("json_malformed", f"the file is not JSON: {error}") from None
        image = document.get("image") if isinstance(document, dict) else None
        if not isinstance(image, dict) or not isinstance(document.get("annotations"), list):
            raise fields.Refused("not_an_image", "the file has no object 'image' and no list 'annotations'")
        if not fields.text(image, "file_name"):
            raise fields.Refused("file_name_missing", f"file_name is {image.get('file_name')!r:.100}")
        fields.image_hw(image.get("height"), image.get("width"))
        return document

    def _category_id(self, values: Any) -> int:
        known = values if isinstance(values, dict) else {}
        wanted = known.get("category_id")
        name = fields.text(known, "category") or WITHOUT_CATEGORY
        return self.categories.add(wanted if fields.is_id(wanted) else 0, name).id

    def _annotation(self, number: int, values: Any, hw: tuple[int, int]) -> AnnotationRecord:
        if not isinstance(values, dict):
            raise fields.Refused("annotation_malformed", "an annotation is an object with a segmentation")
        prompt = values.get("prompt") or _prompt_of(values.get("point_coords"))
        return fields.annotation(
            number,
            self._category_id(values),
            fields.mask(values.get("segmentation"), hw),
            values | {"prompt": prompt},
        )


def _prompt_of(point_coords: Any) -> dict[str, Any] | None:
    """The prompt that SA-1B's points are: all of them foreground."""
    points = point_coords if isinstance(point_coords, list) else []
    for point in points:
        is_point = isinstance(point, list) and len(point) == 2 and all(map(_is_coordinate, point))
        if not is_point:
            return None
    return {"point_coords": points, "point_labels": [1] * len(points)} if points else None


def _is_coordinate(value: Any) -> bool:
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    return is_number and abs(value) <= fields.MAX_FIGURE
