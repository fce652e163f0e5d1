"""Reads Pascal VOC's folders, as the development kit has them and as Roboflow, datumaro and supervision write them.

An object's mask is looked for in SegmentationObject, then in the XML's own <polygon>; an object with neither is its
box. Boxes count pixels from 1, and the last one is inside.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import partial
from itertools import islice
from pathlib import PurePosixPath
from typing import IO, Any
from xml.etree import ElementTree

import numpy as np
from numpy.typing import NDArray

from exporters.colour_map import PALETTE, colour
from exporters.errors import UnreadableFile
from exporters.fields import Refused
from exporters.image_list import listed_images
from exporters.label_map import masks_in
from exporters.label_png import colours_of, looked_up, numbers_of, open_labels, packed
from exporters.read_records import annotation_record, provenance_from, rle_of_box
from exporters.reading import ReadReport
from exporters.records import AnnotationRecord, CategoryRecord, DatasetRecord, ImageRecord, Rle
from exporters.source import ZIP_FAULTS, Source, is_picture, picture_size, read_text
from exporters.splits import WORDS, split_in
from exporters.voc.classes import BACKGROUND, CLASSES, VOID, VOID_COLOUR
from exporters.xml_document import parsed, text_in
from segmentation import rle

ANNOTATIONS, PICTURES = "Annotations", "JPEGImages"
CLASS_MASKS, OBJECT_MASKS = "SegmentationClass", "SegmentationObject"
HEAD_BYTES = 4096
ROOT = re.compile(rb"<annotation[\s>]")
# LabelMe's old format has the same root, and points as <pt>.
OTHERS = (b"<pt>", b"<nrows>", b"<imagesize>")
FLAGS = ("difficult", "truncated", "occluded")
SLACK = 2.0  # pixels that a mask may lie outside of its box: tools count from 0 or from 1


def recognises(source: Source) -> bool:
    """Whether one of the first .xml files begins as an image's annotation does."""
    names = (name for name in source.names if name.lower().endswith(".xml"))
    for name in islice(names, 3):
        try:
            with source.open(name) as stream:
                head = stream.read(HEAD_BYTES)
        except (UnreadableFile, *ZIP_FAULTS):
            continue
        if (
            ROOT.search(head)
            and (b"<size>" in head or b"<object>" in head)
            and not any(map(head.count, OTHERS))
        ):
            return True
    return False


def read(source: Source, report: ReadReport) -> DatasetRecord:
    """The records of one dataset, see `exporters.reading.Reader`.

    The classes are those of labelmap.txt; without one those of the XML files, which are all read for it, behind VOC's
    own 20 where there are masks, whose numbers mean those. FLAGS of objects are left out and reported once each.

    Raises:
        UnreadableFile: there is no XML file of an image.
    """
    files = _Files(source)
    if not files.keys:
        raise UnreadableFile("there is no Annotations/*.xml and no SegmentationClass/*.png of an image")
    table = _ClassTable(source, files, report)
    images = _Images(source, files, table, report)
    return DatasetRecord(
        name="",
        categories=tuple(CategoryRecord(number, name) for name, number in table.numbers.items()),
        images=images,
        image_count=len(files.keys),
    )


class _Files:
    """The files of one dataset, by image: the path below the folder of their kind, without extension."""

    def __init__(self, source: Source) -> None:
        self.documents: dict[str, str] = {}
        self.class_masks: dict[str, str] = {}
        self.object_masks: dict[str, str] = {}
        self.pictures: dict[str, str] = {}
        self.picture_names: dict[str, list[str]] = {}  # by last part
        for name in source.names:
            parts = PurePosixPath(name).parts
            if name.lower().endswith(".xml"):
                self.documents.setdefault(_below(name, ANNOTATIONS), name)
            elif CLASS_MASKS in parts:
                self.class_masks.setdefault(_below(name, CLASS_MASKS), name)
            elif OBJECT_MASKS in parts:
                self.object_masks.setdefault(_below(name, OBJECT_MASKS), name)
            elif is_picture(name):
                self.pictures.setdefault(_below(name, PICTURES), name)
                self.picture_names.setdefault(parts[-1], []).append(name)
        # A picture about which nothing is said is an image without annotations.
        alone = {key for key, name in self.pictures.items() if PICTURES in PurePosixPath(name).parts}
        self.keys = sorted({*self.documents, *self.class_masks, *alone})

    def place(self, key: str) -> str:
        """The file to name where an image cannot be read."""
        return self.documents.get(key) or self.class_masks.get(key) or self.pictures[key]

    def picture(self, key: str, file_name: str) -> str | None:
        if key in self.pictures:
            return self.pictures[key]
        found = self.picture_names.get(PurePosixPath(file_name.replace("\\", "/")).name, [])
        return found[0] if len(found) == 1 else None


def _below(name: str, folder: str) -> str:
    path = PurePosixPath(name)
    parts = list(path.with_suffix("").parts)
    if folder in parts[:-1]:
        del parts[: parts.index(folder) + 1]
    return "/".join(parts)


class _ClassTable:
    """The classes' names, the numbers and the colours that masks have for them.

    Attributes:
        numbers: by name, 1 and up; as the records have them.
        has_map: the classes are those of labelmap.txt and no others.
    """

    def __init__(self, source: Source, files: _Files, report: ReadReport) -> None:
        self.numbers: dict[str, int] = {}
        self._by_colour = {packed((0, 0, 0)): 0, packed(VOID_COLOUR): 0}
        self._by_index: dict[int, int] = {0: 0, VOID: 0}
        maps = [name for name in source.names if PurePosixPath(name).name == "labelmap.txt"]
        if maps:
            self._read_map(source, min(maps, key=len), report)
            return
        names = set()
        for name in files.documents.values():
            try:
                names |= {text_in(each, "name") for each in parsed(source, name).iter("object")}
            except UnreadableFile as error:
                report.refuse(name, "file_unreadable", str(error))
        known = CLASSES if files.class_masks else ()
        for index, name in enumerate([*known, *sorted(names - {""} - set(known))], 1):
            self._add(index, name, colour(index) if index < VOID else None)

    def _read_map(self, source: Source, name: str, report: ReadReport) -> None:
        index = 0
        for line_number, line in enumerate(read_text(source, name).splitlines(), 1):
            if not line.strip() or line.lstrip().startswith("#"):
                continue
            label, _, rest = line.strip().partition(":")
            values = [int(value) for value in re.findall(r"\b\d{1,3}\b", rest.partition(":")[0])]
            is_colour = len(values) == 3 and max(values) < 256
            if not label or label in self.numbers or (rest.partition(":")[0] and not is_colour):
                report.refuse(
                    f"{name} line {line_number}", "class_malformed", f"{line!r:.100} names no class"
                )
            elif label != BACKGROUND:
                index = index or 1  # a map may leave the background out
                self._add(index, label, (values[0], values[1], values[2]) if is_colour else None)
            index += 1

    def _add(self, index: int, name: str, own: tuple[int, int, int] | None) -> None:
        self.numbers[name] = len(self.numbers) + 1
        self._by_index.setdefault(index, self.numbers[name])
        self._by_colour.setdefault(packed(own or colour(index % 256)), self.numbers[name])

    def classes_in(self, source: Source, name: str, hw: tuple[int, int] | None) -> NDArray[np.int32]:
        """(H, W): the number of each pixel's class, 0 for none and -1 for one that is not known.

        A palette's colours count and not its numbers, which depend on who wrote the file.
        """
        picture = open_labels(source, name, hw)
        numbers = numbers_of(picture)
        if numbers is None:
            return looked_up(colours_of(picture), self._by_colour)
        palette = picture.getpalette("RGB") if picture.mode == "P" else None
        if palette:
            colours = np.asarray(palette, np.int32).reshape(-1, 3) @ (1 << 16, 1 << 8, 1)
            table = looked_up(colours.astype(np.int32)[None], self._by_colour)[0]
            return np.take(np.append(table, -1), numbers, mode="clip")
        return looked_up(numbers, self._by_index)


@dataclass
class _Object:
    """One <object> of a document. `mask` is what the picture of objects or the class masks have for it."""

    place: str
    element: ElementTree.Element
    name: str
    mask: Rle | None = None

    def box(self) -> tuple[float, float, float, float]:
        """x, y, width, height in image pixels, counted from 0."""
        left, top, right, bottom = (
            _number(text_in(self.element, f"bndbox/{key}"), key) for key in ("xmin", "ymin", "xmax", "ymax")
        )
        left, right = sorted((left, right))
        top, bottom = sorted((top, bottom))
        # Who counts from 0 says 0 for the first pixel.
        left, top = max(left - 1, 0.0), max(top - 1, 0.0)
        return left, top, right - left, bottom - top

    def has_in_box(self, mask: Rle) -> bool:
        try:
            x, y, width, height = self.box()
        except Refused:
            return False
        left, top, wide, high = rle.bbox_xywh(mask)
        return (
            x - SLACK <= left
            and y - SLACK <= top
            and left + wide <= x + width + SLACK
            and top + high <= y + height + SLACK
        )


class _Images:
    """The images of one dataset, one at a time, made anew each time."""

    def __init__(self, source: Source, files: _Files, table: _ClassTable, report: ReadReport) -> None:
        self._source, self._files, self._table, self._report = source, files, table, report
        self._splits = _splits(source, set(files.keys), report)
        self._listed = {
            _below(file, PICTURES): image for file, image in listed_images(source, report).items()
        }

    def __iter__(self) -> Iterator[ImageRecord]:
        next_id = 1
        for number, key in enumerate(self._files.keys, 1):
            place = self._files.place(key)
            try:
                root = parsed(self._source, place) if key in self._files.documents else None
                image = self._image(number, key, root)
            except (Refused, UnreadableFile) as error:
                code = error.code if isinstance(error, Refused) else "file_unreadable"
                self._report.refuse(place, code, str(error))
                continue
            annotations = tuple(self._annotations(key, root, (image.height, image.width), next_id))
            next_id += len(annotations)
            yield ImageRecord(**{**vars(image), "annotations": annotations})

    def _image(self, number: int, key: str, root: ElementTree.Element | None) -> ImageRecord:
        if root is not None and root.tag != "annotation":
            raise Refused("no_annotation", f"its root is <{root.tag:.50}> and not <annotation>")
        file_name = text_in(root, "filename") if root is not None else ""
        picture = self._files.picture(key, file_name)
        listed = self._listed.get(key)
        width, height = self._size(key, root, picture)
        # The development kit's names are flat; below folders of parts they are the author's.
        short = PurePosixPath(file_name or picture or key).name
        return ImageRecord(
            id=number,
            file_name=listed.name if listed else short,
            width=width,
            height=height,
            open=self._opener(picture),
            split=listed.split if listed else self._splits.get(key) or split_in(key.rpartition("/")[0]),
        )

    def _size(self, key: str, root: ElementTree.Element | None, picture: str | None) -> tuple[int, int]:
        said = [text_in(root, f"size/{side}") if root is not None else "" for side in ("width", "height")]
        if all(re.fullmatch(r"0*[1-9]\d{0,8}", side, re.ASCII) for side in said):
            width, height = map(int, said)
        elif picture:
            width, height = picture_size(self._source, picture)
        elif key in self._files.class_masks:
            width, height = picture_size(self._source, self._files.class_masks[key])
        else:
            raise Refused(
                "size_missing", "there is neither a <size> nor a picture, so the image's size is not known"
            )
        if width * height > rle.MAX_PIXELS:
            raise Refused("size_malformed", f"{width} x {height} pixels are too many")
        return width, height

    def _opener(self, picture: str | None) -> Callable[[], IO[bytes]] | None:
        return partial(self._source.open, picture) if picture else None

    # --- annotations of one image ---

    def _annotations(
        self, key: str, root: ElementTree.Element | None, hw: tuple[int, int], next_id: int
    ) -> Iterator[AnnotationRecord]:
        objects = self._objects(key, root)
        try:
            others = self._with_masks(key, objects, hw)
        except (Refused, UnreadableFile) as error:
            code = error.code if isinstance(error, Refused) else "picture_unreadable"
            masks = self._files.object_masks.get(key) or self._files.class_masks.get(key, key)
            self._report.refuse(masks, code, f"{error}; the boxes are read")
            others = []
        for each in objects:
            try:
                yield self._annotation(each, hw, next_id)
            except (Refused, rle.RleError) as error:
                self._report.refuse(each.place, error.code, str(error))
            else:
                next_id += 1
        for number, mask in others:
            yield annotation_record(next_id, number, mask)
            next_id += 1

    def _objects(self, key: str, root: ElementTree.Element | None) -> list[_Object]:
        elements = list(root.iterfind("object")) if root is not None else []
        return [
            _Object(f"{self._files.documents[key]}: object {number}", element, text_in(element, "name"))
            for number, element in enumerate(elements, 1)
        ]

    def _annotation(self, each: _Object, hw: tuple[int, int], number: int) -> AnnotationRecord:
        if each.name not in self._table.numbers:
            raise Refused("category_unknown", f"there is no class {each.name!r:.100}")
        for flag in FLAGS:
            if text_in(each.element, flag) == "1":
                self._report.refuse(flag, "attribute", f"whether an object is {flag} is not kept")
        known = provenance_from(
            {
                text_in(attribute, "name"): text_in(attribute, "value")
                for attribute in each.element.iterfind("attributes/attribute")
            }
        )
        category = self._table.numbers[each.name]
        polygons = list(each.element.iterfind("polygon"))
        if each.mask is not None:
            return annotation_record(number, category, each.mask, **known)
        if polygons:
            mask = rle.from_polygons([_outline(polygon) for polygon in polygons], hw)
            return annotation_record(number, category, mask, **known)
        return annotation_record(number, category, rle_of_box(*each.box(), hw), is_box=True, **known)

    def _with_masks(self, key: str, objects: list[_Object], hw: tuple[int, int]) -> list[tuple[int, Rle]]:
        """Gives objects their masks; returns those that are nobody's, with the numbers of their classes."""
        if key not in self._files.class_masks:
            return []
        classes = self._table.classes_in(self._source, self._files.class_masks[key], hw)
        if (classes < 0).any():
            self._report.refuse(
                self._files.class_masks[key], "category_unknown", "some pixels have a colour of no class"
            )
        if key in self._files.object_masks:
            return self._by_object(self._files.object_masks[key], classes, objects)
        return self._by_class(classes, objects)

    def _by_object(
        self, name: str, classes: NDArray[np.int32], objects: list[_Object]
    ) -> list[tuple[int, Rle]]:
        height, width = classes.shape
        numbers = _object_numbers(self._source, name, (height, width))
        classes = np.maximum(classes, 0)
        numbers[classes == 0] = 0
        own_class = _majorities(numbers, classes)
        others = []
        for number, mask in masks_in(numbers):
            if number == 0:
                continue
            category = own_class[number]
            # The n-th object of the document is number n, in most files.
            ordered = [*objects[number - 1 : number], *objects]
            owner = next(
                (
                    each
                    for each in ordered
                    if each.mask is None
                    and self._table.numbers.get(each.name) == category
                    and each.has_in_box(mask)
                ),
                None,
            )
            if owner:
                owner.mask = mask
            else:
                others.append((category, mask))
        return others

    def _by_class(self, classes: NDArray[np.int32], objects: list[_Object]) -> list[tuple[int, Rle]]:
        """Without numbers of objects, a mask is that of its class's one object, or of all of them together."""
        others = []
        for category, mask in masks_in(classes):
            if category <= 0:
                continue
            own = [each for each in objects if self._table.numbers.get(each.name) == category]
            if len(own) == 1 and own[0].has_in_box(mask):
                own[0].mask = mask
            else:
                others.append((category, mask))
        return others


def _object_numbers(source: Source, name: str, hw: tuple[int, int]) -> NDArray[Any]:
    """(H, W): 1 and up, 0 for none. Where pixels have colours, those of VOC's table stand for its numbers."""
    picture = open_labels(source, name, hw)
    numbers = numbers_of(picture)
    if numbers is None:
        by_colour = {packed(each): number for number, each in enumerate(PALETTE)}
        by_colour |= {packed(VOID_COLOUR): VOID}
        colours = colours_of(picture)
        strangers = (int(value) for value in np.unique(colours) if int(value) not in by_colour)
        by_colour |= {value: number for number, value in enumerate(strangers, 256)}
        numbers = looked_up(colours, by_colour)
    # 255 is the border, but in files of 16 bits.
    if picture.mode in ("L", "P", "RGB", "RGBA"):
        numbers[numbers == VOID] = 0
    return numbers


def _majorities(numbers: NDArray[Any], classes: NDArray[np.int32]) -> dict[int, int]:
    """The class that most pixels of each number have."""
    width = int(classes.max()) + 1
    counts = np.bincount((numbers * np.int64(width) + classes).ravel())
    counts.resize(-(-len(counts) // width), width)  # (numbers, classes)
    return dict(enumerate(counts.argmax(1).tolist()))


def _outline(polygon: ElementTree.Element) -> list[float]:
    """<x1>, <y1>, <x2>, ... counted from 1, as Roboflow and supervision write them."""
    points: dict[int, dict[str, float]] = {}
    for child in polygon:
        found = re.fullmatch(r"([xy])(\d{1,6})", child.tag, re.ASCII)
        if found:
            axis, number = found.groups()
            points.setdefault(int(number), {})[axis] = _number(child.text or "", child.tag) - 1
    if not points or any(len(point) != 2 for point in points.values()):
        raise Refused("polygon_malformed", "a corner of the outline lacks its x or y")
    return [value for _, point in sorted(points.items()) for value in (point["x"], point["y"])]


def _number(text: str, what: str) -> float:
    try:
        value = float(text) if len(text) <= 40 else math.nan
    except ValueError:
        value = math.nan
    if not math.isfinite(value):
        raise Refused("number_malformed", f"{what} is {text!r:.60}; it must be a number")
    return value


def _splits(source: Source, keys: set[str], report: ReadReport) -> dict[str, str]:
    """The part of each image, from ImageSets/*/{train,val,test}.txt."""
    found: dict[str, str] = {}
    for name in source.names:
        path = PurePosixPath(name)
        split = WORDS.get(path.stem.lower())
        if not split or path.suffix != ".txt" or "ImageSets" not in path.parts:
            continue
        try:
            lines: Iterable[str] = read_text(source, name).splitlines()
        except UnreadableFile as error:
            report.refuse(name, "file_unreadable", str(error))
            continue
        for line in map(str.strip, lines):
            if line and line not in keys:
                line = line.split()[0].strip('"')
            if line in keys:
                found.setdefault(line, split)
    return found
