"""JSON documents of any length, one member or one row of a list at a time.

Python's own scanner reads the values, those of a list as many at a time as lie whole in a block, so a document of
gigabytes is read as fast as `json.loads` would, in the memory of a block or of its longest row. (ijson makes an event
of every number: on lists of polygons it is several times slower, and it knows neither NaN, which other programs do
write, nor the line of an error. orjson is 1.4 times as fast as Python's scanner, and knows no NaN either.)
"""

from __future__ import annotations

import codecs
import json
import re
from collections.abc import Iterator
from typing import IO, Any, NamedTuple

from exporters.errors import UnreadableFile
from exporters.source import ZIP_FAULTS, Source

BLOCK_BYTES = 256 * 1024
# One row: an image with some 100,000 masks, where they stand in it.
MAX_VALUE_CHARACTERS = 64_000_000
# Whitespace packs a thousand to one, so a small zip may hold far more than any data set has.
MAX_DOCUMENT_BYTES = 100_000_000_000
SPACE = " \t\r\n"
# An error so close to the end of what was read may only mean that the value goes on: "tru", "\u00e", "-Infinit".
NEAR_THE_END = 32
# Where one row of a list ends and the next one begins, with the name of its first member.
BETWEEN_ROWS = re.compile(r'\}\s*,\s*\{\s*"[^"\\]{0,100}"\s*:')


class Entry(NamedTuple):
    """A member of the document's object, or a row of a list in it.

    Attributes:
        key: the member's name.
        row: its number, from 0; None for a member that is no list, and for a list itself, which comes before its rows
            and empty.
        value: as `json.loads` gives it.
    """

    key: str
    row: int | None
    value: Any


def entries(
    source: Source, name: str, *, told: bool = True, max_bytes: int = MAX_DOCUMENT_BYTES
) -> Iterator[Entry]:
    """Goes through the object that is the document.

    Args:
        told: errors begin with the file's name.

    Raises:
        UnreadableFile: no JSON object, longer than `max_bytes`, a value longer than MAX_VALUE_CHARACTERS, or damaged;
            with the line.
    """
    with source.open(name) as stream:
        text = _Text(stream, f"{name}: " if told else "", max_bytes)
        if text.next() not in ("{", ""):
            raise text.error("the file holds no JSON object")
        text.take("{")
        if text.next() == "}":
            text.take("}")
        else:
            yield from _members(text)
        text.finish()


def elements(source: Source, name: str, *, max_bytes: int = MAX_DOCUMENT_BYTES) -> Iterator[Any]:
    """Goes through the list that is the document; a document that is no list is the one element.

    Raises:
        UnreadableFile: as `entries`.
    """
    with source.open(name) as stream:
        text = _Text(stream, f"{name}: ", max_bytes)
        if text.next() == "[":
            yield from (entry.value for entry in _rows(text, ""))
        else:
            yield text.value()
        text.finish()


def _members(text: _Text) -> Iterator[Entry]:
    while True:
        if text.next() != '"':
            raise text.expected("a name in double quotes")
        key = text.value()
        text.take(":")
        if text.next() == "[":
            yield Entry(key, None, [])
            yield from _rows(text, key)
        else:
            yield Entry(key, None, text.value())
        if text.next() == "}":
            text.take("}")
            return
        text.take(",")


def _rows(text: _Text, key: str) -> Iterator[Entry]:
    text.take("[")
    if text.next() == "]":
        text.take("]")
        return
    index = 0
    while True:
        for value in text.values():
            yield Entry(key, index, value)
            index += 1
        if text.next() == "]":
            text.take("]")
            return
        text.take(",")


class _Text:
    """A document, of which what was not yet used up is held."""

    def __init__(self, stream: IO[bytes], told: str, max_bytes: int) -> None:
        self._stream, self._told, self._max_bytes = stream, told, max_bytes
        self._scanner = json.JSONDecoder()
        self._held = ""
        self._at = 0  # in what is held
        self._line, self._column = 1, 1  # where what is held begins
        self._bytes = 0
        self._ended = False
        self._between_rows = ""  # in the list that is read, as its first rows have it
        self._singly_until = 0  # in what is held: rows before it could not be read together
        head = self._read(BLOCK_BYTES)
        encoding = json.detect_encoding(head)  # as json.loads does for bytes
        self._decoder = codecs.getincrementaldecoder(encoding)(errors="surrogatepass")
        self._hold(head)

    def next(self) -> str:
        """The next character that is no space, without using it up; "" at the end."""
        while True:
            while self._at < len(self._held):
                if self._held[self._at] not in SPACE:
                    return self._held[self._at]
                rest = self._held[self._at : self._at + BLOCK_BYTES]
                self._at += len(rest) - len(rest.lstrip(SPACE))
            if not self._more():
                return ""

    def take(self, character: str) -> None:
        if self.next() != character:
            raise self.expected(repr(character))
        self._at += 1

    def values(self) -> list[Any]:
        """The next elements of a list, at least one: those that lie whole in what is held are read together, in half
        the time."""
        if rows := self._rows_together():
            return rows
        return [self.value()]

    def _rows_together(self) -> list[Any]:
        """The next elements of a list that are objects, up to the last one that another object follows in what is
        held; none where there is no such one, or where it does not show at once.

        The text is cut where a row seems to end. Where the piece before the cut is JSON, it is so many whole elements,
        wherever the cut was; where it is not, the elements are read one by one, and the damage is told with its line.
        """
        if not self._between_rows or self._at < self._singly_until:
            return []
        end = self._held.rfind(self._between_rows, self._at) + 1
        if end <= 0:
            return []
        try:
            rows: list[Any] = self._scanner.decode(f"[{self._held[self._at : end]}]")
        except (ValueError, RecursionError):
            self._singly_until = end
            return []
        self._at = end
        return rows

    def value(self) -> Any:
        """The next value."""
        if not self.next():
            raise self.expected("a value")
        while True:
            try:
                value, end = self._scanner.raw_decode(self._held, self._at)
            except json.JSONDecodeError as error:
                may_go_on = error.pos + NEAR_THE_END >= len(self._held) or "Unterminated" in error.msg
                if not may_go_on or not self._more():
                    # Reading on moves what is held, so the place is that of what is held now.
                    raise self._broken() from None
                continue
            except (ValueError, RecursionError) as error:  # thousands of digits, or nested too deep
                raise self.error(f"the file is not JSON: {error}") from None
            # "1" may go on as "1.5e+7".
            if end + NEAR_THE_END < len(self._held) or not self._more():
                self._at = end
                between = BETWEEN_ROWS.match(self._held, end - 1)
                self._between_rows = between.group() if between else ""
                return value

    def finish(self) -> None:
        if self.next():
            raise self.expected("nothing more")

    def expected(self, what: str) -> UnreadableFile:
        return self.error(f"the file is not JSON: expecting {what}, found {self.next() or 'its end'!r}")

    def error(self, message: str, at: int | None = None) -> UnreadableFile:
        line, column = self._place(self._at if at is None else at)
        return UnreadableFile(f"{self._told}line {line}, column {column}: {message}")

    def _broken(self) -> UnreadableFile:
        try:
            self._scanner.raw_decode(self._held, self._at)
        except json.JSONDecodeError as error:
            return self.error(f"the file is not JSON: {error.msg}", error.pos)
        raise AssertionError("the value was broken")  # pragma: no cover

    def _place(self, at: int) -> tuple[int, int]:
        passed = self._held[:at]
        lines = passed.count("\n")
        if not lines:
            return self._line, self._column + len(passed)
        return self._line + lines, len(passed) - passed.rindex("\n")

    def _more(self) -> bool:
        """Reads on, as much as is held already, so that a long value is scanned a few times only; False at the end."""
        if self._ended:
            return False
        self._line, self._column = self._place(self._at)
        self._held, self._singly_until, self._at = (
            self._held[self._at :],
            self._singly_until - self._at,
            0,
        )
        if len(self._held) > MAX_VALUE_CHARACTERS:
            raise self.error(f"one value is longer than {MAX_VALUE_CHARACTERS / 1e6:g} MB")
        self._hold(self._read(max(BLOCK_BYTES, len(self._held))))
        return True

    def _hold(self, block: bytes) -> None:
        self._ended = not block
        try:
            self._held += self._decoder.decode(block, final=self._ended)
        except UnicodeDecodeError as error:
            at = self._bytes - len(block) + error.start
            raise UnreadableFile(
                f"{self._told}the file is not JSON: byte {at} or one close to it is not {error.encoding}"
            ) from None

    def _read(self, count: int) -> bytes:
        try:
            block = self._stream.read(count)
        except ZIP_FAULTS as error:
            raise UnreadableFile(f"{self._told}the file cannot be unpacked: {error}") from None
        self._bytes += len(block)
        if self._bytes > self._max_bytes:
            raise UnreadableFile(
                f"{self._told}the file is larger than {self._max_bytes / 1e9:g} GB; split it by images into several"
            )
        return block
