"""Rows put aside on the disk: until the zip entry that they belong to can be opened, or until they are asked for."""

from __future__ import annotations

import json
import os
import tempfile
from collections.abc import Iterator
from typing import Any

from exporters.streams import TextWriter, dumps


class RowLines:
    """One JSON object a line in a temporary file, which is gone with the object."""

    def __init__(self) -> None:
        self._file = tempfile.TemporaryFile()  # noqa: SIM115  # lives as long as the object
        self._text = TextWriter(self._file)

    def add(self, row: dict[str, Any]) -> None:
        self._text.text(dumps(row) + "\n")

    def __iter__(self) -> Iterator[dict[str, Any]]:
        self._text.flush()
        self._file.seek(0)
        return (json.loads(line) for line in self._file)


class LinesById:
    """Lines in a temporary file, to be taken out by a number each; in memory are their places alone."""

    def __init__(self) -> None:
        self._file = tempfile.TemporaryFile()  # noqa: SIM115  # lives as long as the object
        self._places: dict[int, tuple[int, int]] = {}  # by number: where the line begins, and its bytes

    def add(self, number: int, line: bytes) -> None:
        self._places[number] = self._file.seek(0, os.SEEK_END), len(line)
        self._file.write(line)

    def take(self, number: int) -> bytes | None:
        """The line of that number, which is gone with it; None where there is none."""
        place = self._places.pop(number, None)
        return self._read(*place) if place else None

    def __iter__(self) -> Iterator[bytes]:
        """Those that were not taken, in the order in which they came."""
        return (self._read(*place) for place in self._places.values())

    def _read(self, begin: int, length: int) -> bytes:
        self._file.seek(begin)
        return self._file.read(length)
