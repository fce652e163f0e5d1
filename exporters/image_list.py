"""`images.csv`: what each picture of a zip is called here, its size and its part of the dataset.

For formats whose own files say none of this. Other programs skip the file; without it a zip without pictures could not
be read again, for nobody would know the sizes.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import PurePosixPath

from exporters.archive import Archive
from exporters.errors import UnreadableFile
from exporters.reading import ReadReport
from exporters.records import SPLITS, ImageRecord
from exporters.source import ZIP_FAULTS, Source
from exporters.streams import TextWriter
from segmentation import rle

NAME = "images.csv"
COLUMNS = ["file", "name", "width", "height", "split"]
MAX_BYTES = 500_000_000


@dataclass(frozen=True)
class ListedImage:
    """One picture.

    Attributes:
        file: its path in the zip, whether it is there or not.
        name: as the dataset that was written calls it.
        width, height: in pixels.
        split: one of SPLITS, or "".
    """

    file: str
    name: str
    width: int
    height: int
    split: str


class ImageList:
    """Gathers the pictures of one export, some 200 bytes each, since a zip has one open entry at a time."""

    def __init__(self) -> None:
        self._images: list[ListedImage] = []

    def add(self, file: str, image: ImageRecord) -> None:
        self._images.append(ListedImage(file, image.file_name, image.width, image.height, image.split))

    def write(self, archive: Archive) -> None:
        with archive.document(NAME) as document:
            writer = TextWriter(document)
            for row in self._rows():
                line = io.StringIO()
                csv.writer(line, lineterminator="\n").writerow(row)
                # Half a surrogate pair is no text; it comes back as a question mark.
                writer.text(line.getvalue().encode("utf-8", "replace").decode("utf-8"))
            writer.flush()

    def _rows(self) -> Iterator[list[object]]:
        yield [*COLUMNS]
        for image in self._images:
            yield [image.file, image.name, image.width, image.height, image.split]


def listed_images(source: Source, report: ReadReport) -> dict[str, ListedImage]:
    """By path in the source; empty where there is no such list. Rows that say no image are refused."""
    names = [name for name in source.names if PurePosixPath(name).name == NAME]
    if len(names) != 1:
        return {}
    found: dict[str, ListedImage] = {}
    try:
        for image in _rows_of(source, names[0], report):
            found.setdefault(image.file, image)
    except (csv.Error, UnreadableFile, *ZIP_FAULTS) as error:
        report.refuse(names[0], "list_unreadable", f"the list of images cannot be read: {error}")
    return found


def _rows_of(source: Source, name: str, report: ReadReport) -> Iterator[ListedImage]:
    if source.size(name) > MAX_BYTES:
        raise UnreadableFile(f"longer than {MAX_BYTES / 1e6:g} MB")
    root = PurePosixPath(name).parent
    with source.open(name) as stream:
        rows = csv.reader(io.TextIOWrapper(stream, "utf-8-sig", newline=""))
        if next(rows, None) != COLUMNS:
            return  # a list of somebody else
        for number, row in enumerate(rows, 2):
            image = _image(row, root)
            if image:
                yield image
            else:
                report.refuse(
                    f"{name} line {number}", "row_malformed", f"{','.join(row)!r:.100} names no image"
                )


def _image(row: list[str], root: PurePosixPath) -> ListedImage | None:
    if len(row) != len(COLUMNS):
        return None
    file, name, width, height, split = row
    if not all(side.isascii() and side.isdigit() and len(side) < 10 for side in (width, height)):
        return None
    if not file or not name or not 0 < int(width) * int(height) <= rle.MAX_PIXELS:
        return None
    part = split if split in SPLITS else ""
    return ListedImage((root / file).as_posix(), name, int(width), int(height), part)
