"""COCO's documents: which of the files they are, and their rows put aside.

COCO lists annotations after all images and in any order, so rows are put aside on the disk, by image.
"""

from __future__ import annotations

import posixpath
import re
from dataclasses import dataclass, field
from typing import Any

from exporters import fields
from exporters.errors import UnreadableFile
from exporters.json_stream import MAX_DOCUMENT_BYTES, entries
from exporters.reading import ReadReport
from exporters.row_store import RowStore, place_of
from exporters.source import ZIP_FAULTS, Pictures, Source, picture_size
from exporters.splits import WORDS, split_in

ROBOFLOW = "_annotations.coco.json"
# COCO's own folder has these beside instances_train2017.json.
OTHER_TASKS = ("captions", "image_info", "panoptic", "person_keypoints", "stuff")
MAX_ID_DIGITS = 19
HEAD_BYTES = 64 * 1024
LOOKED_AT = 200  # files, whose beginnings say whether they are of the dataset
KEYS = (b'"images"', b'"annotations"', b'"categories"', b'"info"', b'"licenses"')
# Formats that have lists of the same names: panoptic segments, one image by itself, Datumaro's items.
KEYS_OF_OTHERS = re.compile(rb'"(segments_info|image|items)"\s*:')
# Of categories, and of licences: they are held in memory.
MAX_SHORT_LIST = 100_000


def names_in(source: Source) -> list[str]:
    """The files that make up the dataset: COCO's instances_train2017.json and instances_val2017.json, Roboflow's
    train/_annotations.coco.json and valid/_annotations.coco.json, train.json and val.json; where no name says it, those
    that begin as such files do; else the first.

    Raises:
        UnreadableFile: there is no .json file.
    """
    names = _json_names(source)
    if not names:
        raise UnreadableFile("there is no .json file")
    instances = [name for name in names if posixpath.basename(name).startswith("instances")]
    roboflow = [name for name in names if posixpath.basename(name) == ROBOFLOW]
    own = [name for name in names if not posixpath.basename(name).lower().startswith(OTHER_TASKS)]
    parts = [name for name in own if split_of(name)]
    return instances or roboflow or parts or _beginning_so(source, own or names) or names[:1]


def refuse_others(source: Source, read: list[str], report: ReadReport) -> None:
    """Reports the files that look as if they were of the dataset and are not read."""
    names = [
        name
        for name in _json_names(source)
        if name not in read and not posixpath.basename(name).lower().startswith(OTHER_TASKS)
    ]
    for name in _beginning_so(source, names):
        report.refuse(name, "file_not_read", f"only {', '.join(read[:3])} is read; bring this file by itself")


def begins_as_instances(source: Source, name: str) -> bool:
    """Whether a file begins as one of instances does, whatever the order of its lists. Never raises."""
    try:
        with source.open(name) as stream:
            head = stream.read(HEAD_BYTES)
    except (UnreadableFile, *ZIP_FAULTS):
        return False
    known = any(key in head for key in KEYS)
    is_panoptic = posixpath.basename(name).lower().startswith("panoptic")
    return (
        head.lstrip(b"\xef\xbb\xbf \t\r\n").startswith(b"{")
        and known
        and not (KEYS_OF_OTHERS.search(head) or is_panoptic)
    )


def _json_names(source: Source) -> list[str]:
    return [name for name in source.names if name.lower().endswith(".json")]


def _beginning_so(source: Source, names: list[str]) -> list[str]:
    return [name for name in names[:LOOKED_AT] if begins_as_instances(source, name)]


def split_of(name: str) -> str:
    """The part of the dataset that a file stands for, by a word of its name or by its folder."""
    words = re.split(r"[^a-z]+", posixpath.basename(name).lower())
    return next((WORDS[word] for word in words if word in WORDS), "") or split_in(posixpath.dirname(name))


class Document:
    """The lists of one file: the short ones as they are, images and annotations on the disk.

    Attributes:
        told: begins the places of the report, where there are several files.
        used: the ids of categories that annotations have.

    Raises:
        UnreadableFile: no JSON object with the lists `images` and `annotations`, or too long.
    """

    def __init__(
        self, source: Source, pictures: Pictures, name: str, report: ReadReport, *, is_one_of_several: bool
    ):
        self.name, self.told = name, f"{name}: " if is_one_of_several else ""
        self.split = split_of(name)
        self._source, self._pictures, self._report = source, pictures, report
        self.images = RowStore(f"{self.told}images", report)
        self.annotations = RowStore(f"{self.told}annotations", report)
        self.categories: list[Any] = []
        self.licences: list[Any] = []
        self.info: dict[str, Any] = {}
        self.used: set[int] = set()
        self._read(is_one_of_several)

    def picture_of(self, values: dict[str, Any]) -> str | None:
        """The file of an image, beside the document or where it may be else."""
        file_name = values["file_name"]
        # images/train2017/ has the pictures of instances_train2017.json.
        part = posixpath.basename(self.name).removesuffix(".json").rpartition("_")[2]
        return self._pictures.find(
            posixpath.join(posixpath.dirname(self.name), file_name),
            f"images/{part}/{file_name}",
            f"images/{file_name}",
            file_name,
        )

    def hw_of(self, values: dict[str, Any]) -> tuple[int, int]:
        """Height and width of an image, of its file where the document does not say them.

        Raises:
            fields.Refused: there is neither.
        """
        height, width = whole(values.get("height")), whole(values.get("width"))
        if (not height or not width) and (picture := self.picture_of(values)):
            try:
                size = picture_size(self._source, picture)
            except UnreadableFile as error:
                raise fields.Refused("size_malformed", str(error)) from None
            height, width = size.height, size.width
        return fields.image_hw(height, width)

    def _read(self, is_told: bool) -> None:
        lists = set()
        for key, row, value in entries(self._source, self.name, told=is_told, max_bytes=MAX_DOCUMENT_BYTES):
            if row is None:
                if isinstance(value, list):
                    lists.add(key)
                elif key == "info" and isinstance(value, dict):
                    self.info = value
            elif key in ("categories", "licenses"):
                if row >= MAX_SHORT_LIST:
                    raise UnreadableFile(f"{self.told}the list {key!r} has more than {MAX_SHORT_LIST} rows")
                (self.categories if key == "categories" else self.licences).append(value)
            elif key in ("images", "annotations"):
                self._keep(key, row, value)
        for key in ("images", "annotations"):
            if key not in lists:
                raise UnreadableFile(f"{self.told}the file has no list {key!r}")
        self.images.complete()
        self.annotations.complete()
        self._drop_those_of_unknown_images()

    def _keep(self, key: str, row: int, values: Any) -> None:
        """Puts an image or an annotation aside, if it can be told from others; an image also has to have a size."""
        row_id = None
        try:
            row_id = id_of(values)
            # The image that an annotation belongs to; an image is its own.
            owner = whole(values.get("image_id")) if key == "annotations" else row_id
            if not fields.is_id(owner):
                raise fields.Refused("image_unknown", f"image {owner!r:.100} is not listed")
            if key == "images":
                self._check_image(values)
            elif fields.is_id(category_id := whole(values.get("category_id"))):
                self.used.add(category_id)
            store = self.images if key == "images" else self.annotations
            store.add(row, row_id, owner, values)
        except fields.Refused as error:
            told = f"{self.told}{key}"
            place = f"{told}[{row}]" if row_id is None else place_of(told, row, row_id)
            self._report.refuse(place, error.code, str(error))

    def _check_image(self, values: dict[str, Any]) -> None:
        name = values.get("file_name")
        if not isinstance(name, str) or not name:
            raise fields.Refused("file_name_missing", f"file_name is {name!r:.100}")
        self.picture_of(values)  # all are asked for before the first is given: each has its own
        self.hw_of(values)

    def _drop_those_of_unknown_images(self) -> None:
        for owner in [owner for owner in self.annotations.owners() if not self.images.has(owner)]:
            for place in self.annotations.places_of(owner):
                self._report.refuse(place, "image_unknown", f"image {owner} is not listed")
            self.annotations.drop(owner)


@dataclass
class Ids:
    """Gives the ids of several documents' rows: as they are, raised where they begin at 0 or would come twice."""

    top: int = field(default=0)

    def shift_of(self, rows: RowStore) -> int:
        """By how much the ids of a document's list are raised.

        Raises:
            UnreadableFile: there is no room above the ids of another document.
        """
        lowest, highest = rows.id_range()
        shift = max(0, self.top + 1 - lowest)
        self.top = max(self.top, highest + shift)
        if self.top > fields.MAX_ID + 1:
            raise UnreadableFile(
                f"ids up to {highest} of one file leave no room for those of another; number them anew"
            )
        return shift


def id_of(values: Any) -> int:
    """The id of a row.

    Raises:
        fields.Refused: it has none.
    """
    row_id = whole(values.get("id")) if isinstance(values, dict) else None
    if not fields.is_id(row_id):
        raise fields.Refused("id_missing", f"id is {row_id!r:.100}; it must be a whole number")
    return row_id


def whole(value: Any) -> Any:
    """The number that a text of digits is, since some programs write ids and sizes so; else the value."""
    if type(value) is int:
        return value  # nearly always
    is_digits = isinstance(value, str) and value.isascii() and value.isdigit() and len(value) <= MAX_ID_DIGITS
    return int(value) if is_digits else value
