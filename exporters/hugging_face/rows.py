"""The rows of a data set's files, Parquet or metadata.jsonl, each as a plain object."""

from __future__ import annotations

import io
import json
import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import PurePosixPath
from typing import IO, TYPE_CHECKING, Any, NamedTuple, Protocol

from exporters.errors import UnreadableFile
from exporters.hugging_face.features import class_names, own_metadata
from exporters.reading import ReadReport
from exporters.source import ZIP_FAULTS, Source, faults_of

if TYPE_CHECKING:
    from pyarrow import parquet

MAX_LINE_BYTES = 64_000_000
# Rows with pictures that are held at once.
BATCH_ROWS = 16
READ_BYTES = 1_000_000
PICTURE = "image"


class FoundRow(NamedTuple):
    """One row.

    Attributes:
        place: where it stands, "metadata.jsonl line 4".
        values: by column, without the picture.
        picture: gives the bytes that stand in the row; None where none can.
    """

    place: str
    values: dict[str, Any]
    picture: Callable[[], bytes | None] | None = None


class Rows(Protocol):
    """One file."""

    name: str
    # The names of the classes that stand as numbers in the rows, or None.
    class_names: list[str] | None
    # What this program wrote beside the features.
    own: dict[str, Any]

    def __iter__(self) -> Iterator[FoundRow]:
        """From the beginning, as often as wanted."""

    def categories(self) -> Iterator[Any]:
        """`objects` of every row as it stands there, with nothing but the categories where the file allows it."""


class JsonLines:
    """A metadata.jsonl."""

    def __init__(self, source: Source, name: str, report: ReadReport) -> None:
        self.name, self._source, self._report = name, source, report
        self.class_names: list[str] | None = None
        self.own: dict[str, Any] = {}

    def __iter__(self) -> Iterator[FoundRow]:
        with faults_of(self.name), self._source.open(self.name) as stream:
            number = 0
            while line := stream.readline(MAX_LINE_BYTES + 1):
                number += 1
                place = f"{self.name} line {number}"
                if len(line) > MAX_LINE_BYTES:
                    raise UnreadableFile(f"{place}: longer than {MAX_LINE_BYTES / 1e6:g} MB")
                if line.strip():
                    yield from self._row(place, line)

    def categories(self) -> Iterator[Any]:
        return (row.values.get("objects") for row in self)

    def _row(self, place: str, line: bytes) -> Iterator[FoundRow]:
        try:
            values = json.loads(line)
        except json.JSONDecodeError as error:
            self._report.refuse(place, "json_malformed", f"column {error.colno}: no JSON: {error.msg}")
        except (ValueError, RecursionError) as error:  # not UTF-8, thousands of digits, nested too deep
            self._report.refuse(place, "json_malformed", f"no JSON: {error}")
        else:
            if isinstance(values, dict):
                yield FoundRow(place, values)
            else:
                self._report.refuse(place, "row_malformed", "a row is a JSON object")


class ParquetRows:
    """A Parquet file.

    Raises:
        UnreadableFile: it is none, or damaged.
    """

    def __init__(self, source: Source, name: str) -> None:
        from pyarrow import parquet

        self.name = name
        with faults_of(name):
            self._stream = _seekable(source.open(name))
        with _arrow_faults(name):
            # Without memory maps and reading ahead, what is held is what is asked for.
            self._file = parquet.ParquetFile(self._stream, buffer_size=READ_BYTES, pre_buffer=False)
            schema = self._file.schema_arrow
            self._columns = [column for column in schema.names if column != PICTURE]
        self.class_names = class_names(schema.metadata)
        self.own = own_metadata(schema.metadata)
        self._pictures = None
        if PICTURE in schema.names:
            self._pictures = _Pictures(self._file, name, every_row_has_one=self.own.get("pictures") is True)

    def __iter__(self) -> Iterator[FoundRow]:
        number = 0
        for values in self._values(self._columns):
            picture = self._pictures.opener(number) if self._pictures else None
            number += 1
            yield FoundRow(f"{self.name} row {number}", values, picture)

    def categories(self) -> Iterator[Any]:
        if "objects" in self._columns:
            for values in self._values(["objects"]):
                yield values["objects"]

    def _values(self, columns: list[str]) -> Iterator[dict[str, Any]]:
        if not columns:
            yield from ({} for _ in range(self._file.metadata.num_rows))
            return
        with _arrow_faults(self.name):
            for batch in self._file.iter_batches(batch_size=BATCH_ROWS, columns=columns):
                yield from batch.to_pylist()


class _Pictures:
    """The column of pictures. Read in the order of the rows, each part of the file is read once.

    The file's own statistics could say that no row lacks one, but pyarrow 26 ends the process where those are damaged
    (RowGroupMetaData.column: "Definition level histogram size mismatch").
    """

    def __init__(self, file: parquet.ParquetFile, name: str, *, every_row_has_one: bool) -> None:
        self._file, self._name = file, name
        self._every_row_has_one = every_row_has_one
        self._batches: Iterator[Any] = iter(())
        self._held: list[Any] = []
        self._first = 0

    def opener(self, number: int) -> Callable[[], bytes | None] | None:
        """What gives the bytes of one row's picture; None where it has none."""
        found = self._every_row_has_one or self.at(number) is not None
        return partial(self.at, number) if found else None

    def at(self, number: int) -> bytes | None:
        """The bytes of one row's picture, or None."""
        with _arrow_faults(self._name):
            if number < self._first or not self._held:
                self._batches = self._file.iter_batches(batch_size=BATCH_ROWS, columns=[PICTURE])
                self._first, self._held = 0, []
            while number >= self._first + len(self._held):
                self._first += len(self._held)
                self._held = next(self._batches).column(0).to_pylist()
        value = self._held[number - self._first]
        content = value.get("bytes") if isinstance(value, dict) else value
        return content if isinstance(content, bytes) else None


def rows_of(source: Source, report: ReadReport) -> list[Rows]:
    """Every file of rows. A damaged one is reported, and the others are read."""
    found: list[Rows] = []
    for name in source.names:
        try:
            if name.lower().endswith(".parquet"):
                found.append(ParquetRows(source, name))
            elif PurePosixPath(name).name == "metadata.jsonl":
                found.append(JsonLines(source, name, report))
        except UnreadableFile as error:
            report.refuse(name, "file_unreadable", str(error).removeprefix(f"{name}: "))
    return found


def _seekable(stream: IO[bytes]) -> IO[bytes]:
    """A file of its own, since Parquet begins at the end and goes to and fro; a zip would be unpacked each time."""
    if isinstance(stream, io.BufferedReader):
        return stream
    copy = tempfile.TemporaryFile()  # noqa: SIM115  # lives as long as the rows
    with stream:
        shutil.copyfileobj(stream, copy, READ_BYTES)
    copy.seek(0)
    return copy


@contextmanager
def _arrow_faults(name: str) -> Iterator[None]:
    """What pyarrow raises for a damaged file, as a sentence."""
    import pyarrow as pa

    try:
        yield
    except UnreadableFile:
        raise
    except (pa.ArrowException, *ZIP_FAULTS, StopIteration, KeyError, TypeError) as error:
        told = str(error).strip().split("\n")[0] or type(error).__name__
        raise UnreadableFile(f"{name}: the file cannot be read as Parquet: {told:.300}") from None
