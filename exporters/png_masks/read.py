"""Reads folders of label pictures, ours and those that people make by hand."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import partial
from pathlib import PurePosixPath
from typing import IO, Any

from numpy.typing import NDArray

from exporters import json_document
from exporters.category_table import read_categories, table_name
from exporters.errors import UnreadableFile
from exporters.fields import Refused
from exporters.image_list import listed_images
from exporters.label_map import masks_in
from exporters.label_png import colours_of, looked_up, numbers_of, open_labels, packed
from exporters.read_records import annotation_record, provenance_from
from exporters.reading import ReadReport
from exporters.records import AnnotationRecord, CategoryRecord, DatasetRecord, ImageRecord, Rle
from exporters.source import Source, is_picture, picture_size, read_text
from exporters.splits import WORDS, split_in
from segmentation import rle

MASKS, PICTURES = ("masks", "mask"), ("images", "image")
LINES = ("labels.txt", "classes.txt")
NOTHING = ("background", "_background_", "unlabeled", "unlabelled", "void")
IGNORED = 255  # of 8 bits: "nobody is asked about this pixel", where no category has the number
OBJECT_FILE = re.compile(r"\d+_(.+)\.png", re.IGNORECASE)
OBJECTS = "objects.json"


def recognises(source: Source) -> bool:
    """Whether there are PNG files below `masks`, and a table of what their numbers mean or names that say it."""
    files = _Files(source)
    has_table = table_name(source) is not None or _lines_name(source) is not None
    return bool(files.objects) or (bool(files.labels) and has_table)


def read(source: Source, report: ReadReport) -> DatasetRecord:
    """The records of one dataset, see `exporters.reading.Reader`.

    A picture of categories gives one annotation for each category that an image has.

    Raises:
        UnreadableFile: there are no PNG files below `masks`, or nothing says what their numbers mean.
    """
    files = _Files(source)
    if not files.labels and not files.objects:
        raise UnreadableFile("there is no masks/*.png: label pictures must lie in a folder called masks")
    categories = _categories(source, files, report)
    images = _Images(source, files, categories, report)
    return DatasetRecord(
        name="", categories=tuple(categories.values()), images=images, image_count=len(files.keys)
    )


class _Files:
    """The files of one dataset, by image: the path below `masks` or `images`, without extension.

    Attributes:
        labels: the picture of all pixels' numbers.
        tables: the JSON file beside it that says whose the numbers are.
        objects: the pictures of one object each.
    """

    def __init__(self, source: Source) -> None:
        self.labels: dict[str, str] = {}
        self.tables: dict[str, str] = {}
        self.objects: dict[str, list[str]] = {}
        self.pictures: dict[str, str] = {}
        masks = []
        for name in source.names:
            path = PurePosixPath(name)
            below = _below(path, MASKS)
            if below is None:
                if is_picture(name):
                    key = _below(path, PICTURES)
                    self.pictures.setdefault(name.rpartition(".")[0] if key is None else key, name)
            elif path.suffix.lower() == ".json":
                self.tables[below] = name
            elif path.suffix.lower() == ".png":
                masks.append((below, name))
        for key, name in masks:
            folder = key.rpartition("/")[0]
            is_named_so = OBJECT_FILE.fullmatch(PurePosixPath(name).name) and key not in self.pictures
            if is_named_so and folder.rpartition("/")[2].lower() not in {"", *WORDS}:
                self.objects.setdefault(folder, []).append(name)
            else:
                self.labels.setdefault(key, name)
        # An image without objects has the table alone.
        suffix = f"/{PurePosixPath(OBJECTS).stem}"
        empty = {key.removesuffix(suffix) for key in self.tables if key.endswith(suffix)}
        self.keys = sorted({*self.labels, *self.objects, *self.pictures, *empty})

    def place(self, key: str) -> str:
        """The file to name where an image cannot be read."""
        return self.labels.get(key) or self.pictures.get(key) or key


def _below(path: PurePosixPath, folders: tuple[str, ...]) -> str | None:
    parts = [part.lower() for part in path.parts[:-1]]
    found = [parts.index(folder) for folder in folders if folder in parts]
    return "/".join([*path.parts[min(found) + 1 : -1], path.stem]) if found else None


def _lines_name(source: Source) -> str | None:
    names = [name for name in source.names if PurePosixPath(name).name.lower() in LINES]
    return min(names, key=lambda name: (name.count("/"), name)) if names else None


def _categories(source: Source, files: _Files, report: ReadReport) -> dict[int, CategoryRecord]:
    """By the number that pixels have for them."""
    table, lines = table_name(source), _lines_name(source)
    if table:
        return read_categories(source, table, report)
    if lines:
        return _from_lines(read_text(source, lines))
    if files.labels:
        raise UnreadableFile(
            'nothing says what the numbers mean: add a categories.json with [{"id": 1, "name": "cat"}, ...], or a '
            "labels.txt with one name a line"
        )
    found = (
        OBJECT_FILE.fullmatch(PurePosixPath(name).name) for names in files.objects.values() for name in names
    )
    titles = sorted({match[1] for match in found if match})
    return {number: CategoryRecord(number, title) for number, title in enumerate(titles, 1)}


def _from_lines(text: str) -> dict[int, CategoryRecord]:
    """`1 cat` or `1: cat` says the number. A name alone has that of its line, counted from 0 where the first line is
    the background, else from 1."""
    lines = [line.strip() for line in text.splitlines() if line.strip() and line.strip() != "__ignore__"]
    numbered = [re.fullmatch(r"(\d{1,9})\s*[:,;\s]\s*(\S.*)", line, re.ASCII) for line in lines]
    if lines and all(numbered):
        rows = [(int(match[1]), match[2]) for match in numbered if match]
    else:
        first = 0 if lines and lines[0].lower() in NOTHING else 1
        rows = list(enumerate(lines, first))
    return {number: CategoryRecord(number, name) for number, name in rows if number > 0}


@dataclass
class _Table:
    """What a JSON file beside a picture says: of each number, or of each object's file."""

    place: str = ""
    rows: dict[Any, dict[str, Any]] = field(default_factory=dict)
    size: tuple[int, int] | None = None  # width, height


class _Images:
    """The images of one dataset, one at a time, made anew each time."""

    def __init__(
        self, source: Source, files: _Files, categories: dict[int, CategoryRecord], report: ReadReport
    ) -> None:
        self._source, self._files, self._categories, self._report = source, files, categories, report
        listed = listed_images(source, report).items()
        self._listed = {_below(PurePosixPath(file), PICTURES) or file: image for file, image in listed}
        self._by_title = {category.name: number for number, category in reversed(categories.items())}
        self._by_colour = {packed((0, 0, 0)): 0}
        for number, category in categories.items():
            if re.fullmatch(r"#[0-9a-fA-F]{6}", category.color):
                self._by_colour.setdefault(int(category.color[1:], 16), number)

    def __iter__(self) -> Iterator[ImageRecord]:
        next_id = 1
        for number, key in enumerate(self._files.keys, 1):
            table = self._table(key)
            try:
                width, height = self._size(key, table)
            except (Refused, UnreadableFile) as error:
                self._refuse(self._files.place(key), error)
                continue
            annotations = tuple(self._annotations(key, table, (height, width), next_id))
            next_id += len(annotations)
            listed, picture = self._listed.get(key), self._files.pictures.get(key)
            part, _, rest = key.partition("/")
            short = rest if part.lower() in WORDS and rest else key
            yield ImageRecord(
                id=number,
                file_name=listed.name
                if listed
                else f"{short}{PurePosixPath(picture).suffix}"
                if picture
                else short,
                width=width,
                height=height,
                annotations=annotations,
                open=self._opener(picture),
                split=listed.split if listed else split_in(key.rpartition("/")[0]),
            )

    def _refuse(self, place: str, error: Exception) -> None:
        code = error.code if isinstance(error, Refused | rle.RleError) else "file_unreadable"
        self._report.refuse(place, code, str(error))

    def _opener(self, picture: str | None) -> Callable[[], IO[bytes]] | None:
        return partial(self._source.open, picture) if picture else None

    def _table(self, key: str) -> _Table:
        name = self._files.tables.get(key) or self._files.tables.get(f"{key}/{PurePosixPath(OBJECTS).stem}")
        if not name:
            return _Table()
        try:
            content = json_document.load(self._source, name)
        except UnreadableFile as error:
            self._refuse(name, error)
            return _Table()
        found = _Table(name)
        content = content if isinstance(content, dict) else {}
        width, height = content.get("width"), content.get("height")
        if isinstance(width, int) and isinstance(height, int) and min(width, height) > 0:
            found.size = width, height
        rows = content.get("instances")
        for index, row in enumerate(rows if isinstance(rows, list) else []):
            place = f"{name}: instances[{index}]"
            values = row if isinstance(row, dict) else {}
            of = values.get("value", values.get("file"))
            category = values.get("category_id")
            if type(of) not in (int, str) or of in found.rows:
                self._report.refuse(
                    place, "row_malformed", f"{of!r:.50} is no number of its own, and no file"
                )
            elif type(category) is not int or category not in self._categories:
                self._report.refuse(place, "category_unknown", f"there is no category {category!r:.50}")
            else:
                found.rows[of] = values
        return found

    def _size(self, key: str, table: _Table) -> tuple[int, int]:
        listed = self._listed.get(key)
        pictures = [
            self._files.pictures.get(key),
            self._files.labels.get(key),
            *self._files.objects.get(key, []),
        ]
        picture = next(filter(None, pictures), None)
        if listed:
            width, height = listed.width, listed.height
        elif picture:
            width, height = picture_size(self._source, picture)
        elif table.size:
            width, height = table.size
        else:
            raise Refused("size_missing", "nothing says the image's size")
        if width * height > rle.MAX_PIXELS:
            raise Refused("size_malformed", f"the image has more than {rle.MAX_PIXELS} pixels")
        return width, height

    # --- annotations of one image ---

    def _annotations(
        self, key: str, table: _Table, hw: tuple[int, int], next_id: int
    ) -> Iterator[AnnotationRecord]:
        for place, category, mask, values in self._masks(key, table, hw):
            try:
                yield annotation_record(next_id, category, mask, **provenance_from(values))
            except Refused as error:
                self._refuse(place, error)
            else:
                next_id += 1

    def _masks(
        self, key: str, table: _Table, hw: tuple[int, int]
    ) -> Iterator[tuple[str, int, Rle, dict[str, Any]]]:
        """Place, category, mask and what else is known of each object."""
        for name in self._files.objects.get(key, []):
            try:
                yield name, *self._object(name, table, hw)
            except (Refused, UnreadableFile) as error:
                self._refuse(name, error)
        name = self._files.labels.get(key, "")
        if not name:
            return
        try:
            labels, unknown = self._numbers(name, hw, bool(table.place))
        except (Refused, UnreadableFile) as error:
            self._refuse(name, error)
            return
        for value, mask in masks_in(labels):
            place = f"{name}: value {value}"
            if value == 0 or value == unknown:
                continue
            if table.place and value in table.rows:
                yield place, table.rows[value]["category_id"], mask, table.rows[value]
            elif table.place:
                self._report.refuse(
                    place, "object_unknown", f"{table.place} has no row for the number {value}"
                )
            elif value in self._categories:
                yield place, value, mask, {}
            else:
                self._report.refuse(place, "category_unknown", f"there is no category {value}")

    def _numbers(self, name: str, hw: tuple[int, int], are_objects: bool) -> tuple[NDArray[Any], int | None]:
        """(H, W), and the number that stands for pixels that nobody is asked about."""
        picture = open_labels(self._source, name, hw)
        numbers = numbers_of(picture)
        if numbers is None:
            if are_objects or len(self._by_colour) == 1:
                raise Refused(
                    "mask_has_colours",
                    "its pixels have colours and not numbers; give each category its color",
                )
            numbers = looked_up(colours_of(picture), self._by_colour)
            if (numbers < 0).any():
                self._report.refuse(name, "category_unknown", "some pixels have a colour of no category")
            return numbers, -1
        is_ignored = not are_objects and picture.mode in ("L", "P") and IGNORED not in self._categories
        return numbers, IGNORED if is_ignored else None

    def _object(self, name: str, table: _Table, hw: tuple[int, int]) -> tuple[int, Rle, dict[str, Any]]:
        path = PurePosixPath(name)
        values = table.rows.get(path.name, {})
        found = OBJECT_FILE.fullmatch(path.name)
        title = found[1] if found else ""
        category = values.get("category_id") or self._by_title.get(title)
        if category is None:
            raise Refused("category_unknown", f"there is no category {title!r:.100}")
        picture = open_labels(self._source, name, hw)
        numbers = numbers_of(picture)
        mask = (colours_of(picture) if numbers is None else numbers) != 0
        encoded = rle.encode(mask)
        return category, Rle(size=encoded["size"], counts=encoded["counts"]), values
