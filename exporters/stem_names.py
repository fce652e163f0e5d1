"""File names for the formats that tie a picture to its annotations by the name without extension."""

from __future__ import annotations

from pathlib import PurePosixPath
from typing import NamedTuple

from exporters.file_names import FileNames
from exporters.records import ImageRecord


class StemName(NamedTuple):
    stem: str
    extension: str  # with its dot, or ""

    @property
    def name(self) -> str:
        return f"{self.stem}{self.extension}"


class StemNames:
    """Gives each picture of one export a name without folders, no two of them with the same stem.

    Many readers look into one folder and not below it, so folders become part of the name.
    """

    def __init__(self) -> None:
        self._stems = FileNames()

    def claim(self, image: ImageRecord) -> StemName:
        """`a/cat.jpg` is `a_cat` and `.jpg`; where that stem is taken, `a_cat-<id>`."""
        safe = PurePosixPath(FileNames().claim(image.file_name, image.id))
        flat = "_".join(safe.parts)
        extension = safe.suffix
        stem = flat[: len(flat) - len(extension)] if extension else flat
        # A space at the end of a line of a list would be lost.
        return StemName(self._stems.claim(stem.strip(), image.id), extension)
