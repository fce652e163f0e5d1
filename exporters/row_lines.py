"""Rows put aside on the disk until the zip entry that they belong to can be opened."""

from __future__ import annotations

import json
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
