"""Reads data sets for the library `datasets`, as this program and others write them."""

from __future__ import annotations

import io
import json
from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import partial
from pathlib import PurePosixPath
from typing import IO, Any

from PIL import Image

from exporters import fields
from exporters.errors import UnreadableFile
from exporters.hugging_face.features import CATEGORY
from exporters.hugging_face.rows import FoundRow, Rows, rows_of
from exporters.merged_documents import MergedCategories, MergedIds
from exporters.reading import ReadReport
from exporters.records import AnnotationRecord, CategoryRecord, DatasetRecord, ImageRecord, Rle
from exporters.source import ZIP_FAULTS, FileSource, Pictures, Source, picture_size
from exporters.splits import split_in

PICTURE = "picture"
PARQUET_BEGINNING = b"PAR1"
# Other people's words for the columns of `objects`, ours first.
BOX = ("bbox", "bboxes")
MASK = ("segmentation", "segmentations", "masks")
PICTURE_FAULTS = (Image.UnidentifiedImageError, Image.DecompressionBombError, SyntaxError, *ZIP_FAULTS)


def recognises(source: Source) -> bool:
    """Whether there is a metadata.jsonl, or a file that begins as Parquet does."""
    try:
        return any(
            PurePosixPath(name).name == "metadata.jsonl"
            or (name.lower().endswith(".parquet") and _begins_as_parquet(source, name))
            for name in source.names
        )
    except (UnreadableFile, KeyError, *ZIP_FAULTS):
        return False


def read(source: Source, report: ReadReport) -> DatasetRecord:
    """The records of all files of rows, see `exporters.reading.Reader`.

    Of `objects`, masks are COCO's RLE or polygons; an object without one is its box (x, y, width, height). Categories
    are a ClassLabel's numbers, or names. The part of the dataset is what the file's name or its folder says.

    Raises:
        UnreadableFile: there is no file of rows that can be read.
    """
    files = rows_of(source, report)
    if not files:
        first = next((f"{each.place}: {each.message}" for each in report.refusals), "")
        raise UnreadableFile(first or "there is neither a .parquet file nor a metadata.jsonl")
    categories = _Categories()
    image_count = annotation_count = 0
    for file in files:
        categories.listed_in(file)
        try:
            for objects in file.categories():
                image_count += 1
                for values in _objects(objects):
                    annotation_count += 1
                    categories.of(file, values)
        except UnreadableFile as error:
            report.refuse(file.name, "file_unreadable", str(error).removeprefix(f"{file.name}: "))
    own = next((file.own for file in files if file.own), {})
    return DatasetRecord(
        name=fields.text(own, "name"),
        description=fields.text(own, "description"),
        created_at=fields.time(own.get("created_at")),
        categories=categories.all(),
        images=_Images(files, categories, source, report),
        image_count=image_count,
        annotation_count=annotation_count,
    )


def _begins_as_parquet(source: Source, name: str) -> bool:
    with source.open(name) as stream:
        return stream.read(len(PARQUET_BEGINNING)) == PARQUET_BEGINNING


def _objects(objects: Any) -> list[dict[str, Any]]:
    """The annotations of a row, which stand in it as an object of lists or as a list of objects."""
    if isinstance(objects, list):
        return [values if isinstance(values, dict) else {} for values in objects]
    if not isinstance(objects, dict):
        return []
    lists = {key: values for key, values in objects.items() if isinstance(values, list)}
    count = max(map(len, lists.values()), default=0)
    return [
        {key: values[index] for key, values in lists.items() if index < len(values)} for index in range(count)
    ]


def _first(values: dict[str, Any], keys: tuple[str, ...]) -> Any:
    return next((values[key] for key in keys if values.get(key) is not None), None)


class _Categories:
    """The categories of all files: those that a file lists, then those that its rows name."""

    def __init__(self) -> None:
        self._merged = MergedCategories()

    def all(self) -> tuple[CategoryRecord, ...]:
        return self._merged.all()

    def listed_in(self, file: Rows) -> None:
        own = file.own.get("categories")
        for values in own if isinstance(own, list) else []:
            if isinstance(values, dict) and fields.text(values, "name"):
                wanted = values.get("id")
                self._merged.add(
                    wanted if fields.is_id(wanted) else 0,
                    values["name"],
                    fields.text(values, "supercategory"),
                    fields.text(values, "color"),
                )
        for index, name in enumerate(file.class_names or []):
            if name:
                self._merged.add(index + 1, name)

    def of(self, file: Rows, values: dict[str, Any]) -> CategoryRecord | None:
        """The category of an annotation; None where it has none."""
        value = _first(values, CATEGORY)
        wanted = values.get("category_id")
        if fields.is_whole(value) and file.class_names is not None:
            is_listed = 0 <= value < len(file.class_names)
            name = file.class_names[value] if is_listed else ""
        elif fields.is_id(value):
            name, wanted = str(value), value
        else:
            name = value if isinstance(value, str) else ""
        return self._merged.add(wanted if fields.is_id(wanted) else 0, name) if name else None


class _Images:
    """The images of all files with their annotations, made anew each time."""

    def __init__(
        self, files: list[Rows], categories: _Categories, source: Source, report: ReadReport
    ) -> None:
        self._files, self._categories = files, categories
        self._source, self._report = source, report
        self._pictures = Pictures(source)

    def __iter__(self) -> Iterator[ImageRecord]:
        ids, number = MergedIds(), 0
        for file in self._files:
            split = _split_of(file.name)
            try:
                for row in file:
                    try:
                        image = self._image(file, row, split, ids)
                    except fields.Refused as error:
                        self._report.refuse(row.place, error.code, str(error))
                        continue
                    annotations = []
                    for index, values in enumerate(_objects(row.values.get("objects"))):
                        try:
                            hw = (image.height, image.width)
                            annotations.append(self._annotation(number + 1, file, values, hw))
                            number += 1
                        except fields.FAULTS as error:
                            self._report.refuse(f"{row.place}: objects[{index}]", error.code, str(error))
                    yield replace(image, annotations=tuple(annotations))
            except UnreadableFile as error:
                self._report.refuse(file.name, "file_unreadable", str(error).removeprefix(f"{file.name}: "))

    def _image(self, file: Rows, row: FoundRow, split: str, ids: MergedIds) -> ImageRecord:
        values = row.values
        file_name = fields.text(values, "file_name")
        opener = self._opener(file, row, file_name)
        width, height = values.get("width"), values.get("height")
        if width is None and height is None and opener:
            width, height = _size_of(opener)
        height, width = fields.image_hw(height, width)
        image_id = values.get("image_id")
        claimed = ids.claim(image_id if fields.is_id(image_id) else 0)
        return ImageRecord(
            id=claimed,
            file_name=file_name or f"{claimed}{_extension_of(opener)}",
            width=width,
            height=height,
            digest=fields.text(values, "digest"),
            created_at=fields.time(values.get("created_at")),
            open=opener,
            split=split,
        )

    def _annotation(
        self, number: int, file: Rows, values: dict[str, Any], hw: tuple[int, int]
    ) -> AnnotationRecord:
        category = self._categories.of(file, values)
        if category is None:
            raise fields.Refused("category_unknown", f"category {_first(values, CATEGORY)!r:.100} is none")
        shape = _first(values, MASK)
        segmentation: Rle = (
            fields.box_mask(_first(values, BOX), hw) if shape is None else fields.mask(shape, hw)
        )
        prompt = values.get("prompt")
        try:
            told = json.loads(prompt) if isinstance(prompt, str) and prompt else None
        except (ValueError, RecursionError):
            told = None
        return fields.annotation(
            number, category.id, segmentation, values | {"prompt": told}, is_box=shape is None
        )

    def _opener(self, file: Rows, row: FoundRow, file_name: str) -> Callable[[], IO[bytes]] | None:
        if row.picture:
            return partial(_open, row.picture)
        folder = PurePosixPath(file.name).parent
        name = self._pictures.find(str(folder / file_name)) if file_name else None
        return partial(self._source.open, name) if name else None


def _open(picture: Callable[[], bytes | None]) -> IO[bytes]:
    return io.BytesIO(picture() or b"")


def _split_of(name: str) -> str:
    """data/train-00000-of-00001.parquet, train/metadata.jsonl."""
    path = PurePosixPath(name)
    return split_in(path.stem.partition("-")[0]) or split_in(str(path.parent))


def _size_of(opener: Callable[[], IO[bytes]]) -> tuple[int, int]:
    """Width and height of the upright picture."""
    try:
        with opener() as stream:
            return picture_size(FileSource(stream, PICTURE), PICTURE)
    except UnreadableFile as error:
        raise fields.Refused("picture_unreadable", str(error)) from None


def _extension_of(opener: Callable[[], IO[bytes]] | None) -> str:
    """ ".png", from the picture's head; "" where it is none."""
    if opener is None:
        return ""
    try:
        with opener() as stream, Image.open(stream) as picture:
            return {"JPEG": ".jpg", "PNG": ".png", "WEBP": ".webp", "TIFF": ".tif"}.get(
                picture.format or "", ""
            )
    except PICTURE_FAULTS:
        return ""
