"""Documents written row by row, in memory that does not grow with them."""

from __future__ import annotations

import json
import math
from collections.abc import Iterable
from typing import IO, Any

# Text is gathered to blocks of about this size before it is written: one write per record is slow in a zip.
BLOCK_CHARACTERS = 64 * 1024


class TextWriter:
    """Writes text to a stream of bytes as UTF-8, in blocks. `flush` writes what is left."""

    def __init__(self, stream: IO[bytes]) -> None:
        self._stream = stream
        self._block: list[str] = []
        self._characters = 0

    def text(self, text: str) -> None:
        self._block.append(text)
        self._characters += len(text)
        if self._characters >= BLOCK_CHARACTERS:
            self.flush()

    def flush(self) -> None:
        self._stream.write("".join(self._block).encode("utf-8"))
        self._block.clear()
        self._characters = 0


class JsonWriter:
    """One JSON object, its lists with one row per line, so that the file can be read and compared."""

    def __init__(self, stream: IO[bytes]) -> None:
        self._writer = TextWriter(stream)
        self._separator = "{\n"

    def value(self, key: str, value: Any) -> None:
        self._key(key)
        self._writer.text(dumps(value))

    def rows(self, key: str, rows: Iterable[dict[str, Any]]) -> None:
        self._key(key)
        separator = "[\n"
        for row in rows:
            self._writer.text(separator + dumps(row))
            separator = ",\n"
        self._writer.text("[\n]" if separator == "[\n" else "\n]")

    def finish(self) -> None:
        self._writer.text("\n}\n")
        self._writer.flush()

    def _key(self, key: str) -> None:
        self._writer.text(f"{self._separator}{dumps(key)}: ")
        self._separator = ",\n"


def dumps(value: Any) -> str:
    """JSON on one line, readable in every script.

    Raises:
        ValueError: a number that JSON cannot say (NaN, infinity): better no file than one that only Python reads.
    """
    text = json.dumps(value, ensure_ascii=False, allow_nan=False, separators=(", ", ": "))
    try:
        text.encode("utf-8")
    except UnicodeEncodeError:
        # A name cut in the middle of a surrogate pair cannot be written as UTF-8; the escaped form can.
        return json.dumps(value, ensure_ascii=True, allow_nan=False, separators=(", ", ": "))
    return text


def finite(value: float | None) -> float | None:
    """`value`, or None where it is no number JSON can say."""
    return value if value is not None and math.isfinite(value) else None
