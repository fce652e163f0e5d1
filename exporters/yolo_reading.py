"""Reads YOLO datasets in the layouts that are about.

    Ultralytics     data.yaml, images/<split>/*.jpg, labels/<split>/*.txt
    Roboflow        data.yaml, train/images/*.jpg, train/labels/*.txt, likewise valid and test
    Darknet         obj.names or classes.txt, and each *.txt beside its picture

A row is `class cx cy w h`, or `class x y x y x y ...`, in shares of the picture's sides; one dataset may have both. A
sixth number, as predictions have it (the confidence), is passed over. The names of classes come from a .yaml with
`names`, a list or a table, else from classes.txt or a *.names file.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from itertools import islice
from pathlib import PurePosixPath
from typing import IO, Any

import yaml

from exporters.errors import UnreadableFile
from exporters.fields import Refused
from exporters.image_list import ListedImage, listed_images
from exporters.read_records import annotation_record, rle_of_box
from exporters.reading import ReadReport
from exporters.records import AnnotationRecord, CategoryRecord, DatasetRecord, ImageRecord
from exporters.source import ZIP_FAULTS, Pictures, Source, is_picture, picture_size, read_text
from exporters.splits import WORDS, split_in
from segmentation import rle

HEAD_BYTES = 64 * 1024
LABELS_LOOKED_AT = 20
MAX_YAML_BYTES = 2_000_000  # PyYAML takes a second for each 100 kB
MAX_CLASSES = 100_000
YAML = (".yaml", ".yml")
# Some tools leave a little outside; pixels instead of shares lie far out.
LOWEST, HIGHEST = -1.0, 2.0


def row_lengths(source: Source) -> set[int]:
    """How many numbers the rows of a few label files have; empty where these are no label files. Never raises."""
    lengths: set[int] = set()
    labels = (name for name in _label_files(source).values())
    for name in islice(labels, LABELS_LOOKED_AT):
        try:
            with source.open(name) as stream:
                lines = stream.read(HEAD_BYTES).decode("utf-8-sig").splitlines()
            rows = [[float(value) for value in line.split()] for line in lines[:1000] if line.strip()]
        except (UnreadableFile, *ZIP_FAULTS):
            continue
        if any(not row or not row[0].is_integer() for row in rows):
            return set()
        lengths |= set(map(len, rows))
    return lengths


def read_yolo(source: Source, report: ReadReport) -> DatasetRecord:
    """The records of one dataset, see `exporters.reading.Reader`. A class's id is its index + 1.

    Raises:
        UnreadableFile: nothing says the classes' names, or there is neither a picture nor a label.
    """
    config = _Config(source, report)
    images = _Images(source, config, report)
    if not images.entries:
        raise UnreadableFile(
            "there is no picture and no label: a YOLO dataset has images/*.jpg and labels/*.txt of the same names"
        )
    return DatasetRecord(
        name="",
        categories=tuple(CategoryRecord(index + 1, name) for index, name in config.names.items()),
        images=images,
        image_count=len(images.entries),
    )


class _Config:
    """What stands in data.yaml, or in the files that stand for it.

    Attributes:
        name: of the file.
        names: of the classes, by index.
        parts: which entries of train, val and test the file has.
        has_keypoints: rows have points after the box.
    """

    def __init__(self, source: Source, report: ReadReport) -> None:
        self.name, content = _yaml_with_names(source)
        self.parts: list[tuple[str, str]] = []
        self.has_keypoints = "kpt_shape" in content
        if content:
            self.names = dict(_names_of(content["names"], self.name, report))
            self._find_parts(content)
            if self.has_keypoints:
                report.refuse(
                    f"{self.name}: kpt_shape", "keypoints", "key points are not read; the boxes are"
                )
        else:
            self.name, self.names = _names_from_lines(source)

    def _find_parts(self, content: dict[str, Any]) -> None:
        for key, value in content.items():
            split = WORDS.get(key.lower()) if isinstance(key, str) else None
            for path in value if isinstance(value, list) else [value]:
                if split and isinstance(path, str) and path.strip():
                    self.parts.append((split, path.strip().replace("\\", "/")))


def _yaml_with_names(source: Source) -> tuple[str, dict[str, Any]]:
    names = [name for name in source.names if name.lower().endswith(YAML)]
    names.sort(key=lambda name: (name.count("/"), PurePosixPath(name).stem != "data", name))
    fault: UnreadableFile | None = None
    for name in names[:10]:
        try:
            content = _loaded(source, name)
        except UnreadableFile as error:
            fault = fault or error
            continue
        if isinstance(content, dict) and "names" in content:
            return name, content
    if fault:
        raise fault
    return "", {}


def _loaded(source: Source, name: str) -> Any:
    if source.size(name) > MAX_YAML_BYTES:
        raise UnreadableFile(
            f"{name}: longer than {MAX_YAML_BYTES / 1e6:g} MB, too long for names of classes"
        )
    text = read_text(source, name)
    if len(text) > MAX_YAML_BYTES:
        raise UnreadableFile(
            f"{name}: longer than {MAX_YAML_BYTES / 1e6:g} MB, too long for names of classes"
        )
    try:
        # Texts only, so that a class called "no" or "1" keeps its name.
        return yaml.load(text, _TextLoader)  # noqa: S506 - it makes texts, lists and tables, nothing else
    except yaml.MarkedYAMLError as error:
        at = error.problem_mark
        place = f" line {at.line + 1}, column {at.column + 1}" if at else ""
        raise UnreadableFile(f"{name}{place}: the file is not YAML: {error.problem}") from None
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        told = str(error).splitlines() or ["?"]
        raise UnreadableFile(f"{name}: the file is not YAML: {told[0]:.200}") from None


class _TextLoader(yaml.BaseLoader):
    """Texts, lists and tables, none of which stands in two places: a few lines of lists of references to lists could
    stand for more values than there is memory."""

    def compose_node(self, parent: yaml.Node | None, index: int) -> yaml.Node | None:
        if self.check_event(yaml.AliasEvent):
            event = self.peek_event()
            raise yaml.composer.ComposerError(
                None, None, f"it refers to &{event.anchor:.50}; write the value itself", event.start_mark
            )
        return super().compose_node(parent, index)


def _names_of(names: Any, place: str, report: ReadReport) -> Iterator[tuple[int, str]]:
    """Index and name of each class, from `names: [a, b]` or `names: {0: a, 1: b}`."""
    if isinstance(names, list):
        rows = [(str(index), name) for index, name in enumerate(names)]
    elif isinstance(names, dict):
        rows = list(names.items())
    else:
        raise UnreadableFile(f"{place}: names must be a list of the classes' names, or a table of them")
    seen = set()
    for key, name in rows:
        index = int(key) if isinstance(key, str) and key.isascii() and key.isdigit() and len(key) < 7 else -1
        if not 0 <= index < MAX_CLASSES or index in seen or not isinstance(name, str) or not name:
            report.refuse(
                f"{place}: names[{key!r:.50}]", "name_missing", f"{name!r:.100} is no name of a class"
            )
            continue
        seen.add(index)
        yield index, name


def _names_from_lines(source: Source) -> tuple[str, dict[int, str]]:
    files = [name for name in source.names if _says_names(name) or name.lower().endswith(".names")]
    if not files:
        raise UnreadableFile(
            "nothing says the names of the classes: add a data.yaml with names, or a classes.txt with one name a line"
        )
    name = min(files, key=lambda file: (file.count("/"), file))
    lines = [line.strip() for line in read_text(source, name).rstrip().splitlines()]
    return name, {index: line for index, line in enumerate(lines[:MAX_CLASSES]) if line}


def _says_names(name: str) -> bool:
    """Whether it is the list of classes, which labelImg puts among the labels."""
    return PurePosixPath(name).name.lower() == "classes.txt"


@dataclass(frozen=True)
class _Entry:
    """One picture, the file of its labels, and the row of images.csv, as far as there are any."""

    key: str  # the picture's path without extension
    picture: str | None
    label: str | None
    listed: ListedImage | None


def _key(name: str) -> str:
    path = PurePosixPath(name)
    # The stem may be ".", as of "..png", which is no name of a path.
    return path.as_posix().removesuffix(path.suffix) if path.suffix else name


def _label_files(source: Source) -> dict[str, str]:
    """By the key of the picture that each is for, as Ultralytics finds them: the last folder `labels` of the path is
    `images` in the picture's. Or a file is beside its picture."""
    pictures = {_key(name) for name in source.names if is_picture(name)}
    found = {}
    for name in source.names:
        if not name.lower().endswith(".txt") or _says_names(name):
            continue
        folders = list(PurePosixPath(name).parts[:-1])
        if "labels" in folders:
            folders[len(folders) - 1 - folders[::-1].index("labels")] = "images"
            found[_key("/".join([*folders, PurePosixPath(name).name]))] = name
        elif _key(name) in pictures:
            found.setdefault(_key(name), name)
    return found


class _Images:
    """The images of one dataset, one at a time, made anew each time."""

    def __init__(self, source: Source, config: _Config, report: ReadReport) -> None:
        self._source, self._config, self._report = source, config, report
        self._pictures = Pictures(source)
        self._parts = self._pictures_of_parts()
        listed = {_key(file): image for file, image in listed_images(source, report).items()}
        labels = _label_files(source)
        of_pictures = {name: _key(name) for name in self._pictures.names}
        keys = set(of_pictures.values())
        self.entries = [
            _Entry(key, name, labels.get(key), listed.get(key)) for name, key in of_pictures.items()
        ]
        self.entries += [
            _Entry(key, None, labels.get(key), listed.get(key))
            for key in sorted({*labels, *listed})
            if key not in keys
        ]
        self._names = self._short_names()

    def __iter__(self) -> Iterator[ImageRecord]:
        next_id = 1
        for number, entry in enumerate(self.entries, 1):
            try:
                width, height = self._size_of(entry)
            except (Refused, UnreadableFile) as error:
                code = error.code if isinstance(error, Refused) else "picture_unreadable"
                self._report.refuse(entry.picture or entry.label or entry.key, code, str(error))
                continue
            annotations = tuple(self._annotations_of(entry, (height, width), next_id))
            next_id += len(annotations)
            yield ImageRecord(
                id=number,
                file_name=self._names[entry],
                width=width,
                height=height,
                annotations=annotations,
                open=self._opener(entry.picture),
                split=self._split_of(entry),
            )

    def _size_of(self, entry: _Entry) -> tuple[int, int]:
        if entry.listed:
            return entry.listed.width, entry.listed.height
        if not entry.picture:
            raise Refused(
                "picture_missing",
                "there is no picture of this name, so its size is not known; put the pictures beside the labels",
            )
        size = picture_size(self._source, entry.picture)
        if size.width * size.height > rle.MAX_PIXELS:
            raise Refused("size_malformed", f"{size.width} x {size.height} pixels are too many")
        return size.width, size.height

    def _annotations_of(self, entry: _Entry, hw: tuple[int, int], next_id: int) -> Iterator[AnnotationRecord]:
        if not entry.label:
            return
        try:
            lines = read_text(self._source, entry.label).split("\n")
        except UnreadableFile as error:
            self._report.refuse(entry.label, "file_unreadable", str(error))
            return
        for number, line in enumerate(lines, 1):
            if not line.strip():
                continue
            try:
                yield self._annotation(line.split(), hw, next_id)
            except (Refused, rle.RleError) as error:
                self._report.refuse(f"{entry.label} line {number}", error.code, str(error))
            else:
                next_id += 1

    def _annotation(self, row: list[str], hw: tuple[int, int], number: int) -> AnnotationRecord:
        index, *values = map(_number, row)
        if index not in self._config.names:
            raise Refused("category_unknown", f"class {row[0]:.30} has no name in {self._config.name}")
        category_id = int(index) + 1
        outside = next((value for value in values if not LOWEST <= value <= HIGHEST), None)
        height, width = hw
        if self._config.has_keypoints or len(values) == 5:
            values = values[:4]
            outside = next((value for value in values if not LOWEST <= value <= HIGHEST), None)
        if outside is not None:
            raise Refused(
                "coordinates_outside",
                f"{outside:g} is no share of the picture's side; YOLO's numbers run from 0 to 1",
            )
        if len(values) == 4:
            x, y, box_width, box_height = values
            box = rle_of_box(
                (x - box_width / 2) * width,
                (y - box_height / 2) * height,
                box_width * width,
                box_height * height,
                hw,
            )
            return annotation_record(number, category_id, box, is_box=True)
        if len(values) < 6 or len(values) % 2:
            raise Refused(
                "polygon_malformed",
                f"{len(values)} numbers after the class are no box (4) and no outline (pairs, 6 or more)",
            )
        outline = [value * (height if at % 2 else width) for at, value in enumerate(values)]
        return annotation_record(number, category_id, rle.from_polygons([outline], hw))

    def _opener(self, picture: str | None) -> Callable[[], IO[bytes]] | None:
        return partial(self._source.open, picture) if picture else None

    # --- names and parts ---

    def _short_names(self) -> dict[_Entry, str]:
        """Names without the layout's folders; whole paths where two would be the same."""
        short = {entry: _without_layout(entry) for entry in self.entries}
        seen: dict[str, int] = {}
        for name in short.values():
            seen[name] = seen.get(name, 0) + 1
        return {
            entry: name if seen[name] == 1 else entry.picture or entry.key for entry, name in short.items()
        }

    def _split_of(self, entry: _Entry) -> str:
        if entry.listed:
            return entry.listed.split
        if entry.picture in self._parts:
            return self._parts[entry.picture]
        return split_in(str(PurePosixPath(entry.key).parent))

    def _pictures_of_parts(self) -> dict[str, str]:
        """The part of the dataset that data.yaml puts each picture in."""
        folders = {
            parent.as_posix() for name in self._pictures.names for parent in PurePosixPath(name).parents
        } - {"."}
        found: dict[str, str] = {}
        for split, path in self._config.parts:
            if path.lower().endswith(".txt"):
                pictures = self._listed_in(path)
            else:
                below = {f"{folder}/" for folder in _meant(path, folders)}
                pictures = [name for name in self._pictures.names if any(map(name.startswith, below))]
            for name in pictures:
                found.setdefault(name, split)
        return found

    def _listed_in(self, path: str) -> list[str]:
        for name in _meant(path, set(self._source.names)):
            try:
                lines = read_text(self._source, name).split("\n")
            except UnreadableFile as error:
                self._report.refuse(name, "file_unreadable", str(error))
                continue
            wanted = ("/".join(_steps_down(line.strip())) for line in lines)
            return [found for line in wanted if line and (found := self._pictures.find(line))]
        return []


def _without_layout(entry: _Entry) -> str:
    """The path below `images`, and below the part's folder."""
    if entry.listed:
        return entry.listed.name
    parts = PurePosixPath(entry.picture or entry.key).parts
    folders = list(parts[:-1])
    if "images" in folders:
        del folders[: len(folders) - folders[::-1].index("images")]
    while folders and folders[0].lower() in WORDS:
        del folders[0]
    return "/".join([*folders, parts[-1]])


def _meant(path: str, known: set[str]) -> list[str]:
    """Those of the paths in the dataset that a path of the author's own disk stands for: the ends of both agree, in as
    many folders as can be."""
    parts = _steps_down(path)
    for at in range(len(parts)):
        end = "/".join(parts[at:])
        found = [name for name in sorted(known) if name == end or name.endswith(f"/{end}")]
        if found:
            return found
    return []


def _steps_down(path: str) -> list[str]:
    return [part for part in path.replace("\\", "/").split("/") if part not in ("", ".", "..")]


def _number(text: str) -> float:
    try:
        value = float(text) if len(text) <= 40 else math.nan
    except ValueError:
        value = math.nan
    if not math.isfinite(value):
        raise Refused("number_malformed", f"{text!r:.60} is no number")
    return value
