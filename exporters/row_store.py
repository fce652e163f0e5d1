"""Rows of a document by what they belong to, on the disk: annotations stand in a document in any order."""

from __future__ import annotations

import json
import sqlite3
import weakref
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, NamedTuple

from exporters.errors import UnreadableFile
from exporters.reading import ReadReport

CACHE_KIB = 16 * 1024


class Row(NamedTuple):
    """One object of a list.

    Attributes:
        place: where it stands, "annotations[3] (id 17)".
        id: as the document gives it.
    """

    place: str
    id: int
    values: dict[str, Any]


class RowStore:
    """A private database that the system deletes with the object; it keeps 16 MiB in memory, whatever it holds.

    Args:
        key: the list's name, for the places.
        has_ids: False where a row has no id but its number in the list.
    """

    def __init__(self, key: str, report: ReadReport, *, has_ids: bool = True) -> None:
        self._key, self._report, self._has_ids = key, report, has_ids
        # No name: a file in the folder for temporary ones, which is gone when the database is closed.
        self._database = sqlite3.connect("", isolation_level=None, check_same_thread=False)
        weakref.finalize(self, self._database.close)
        for command in (
            f"PRAGMA cache_size = -{CACHE_KIB}",
            "PRAGMA journal_mode = OFF",
            "PRAGMA synchronous = OFF",
            "CREATE TABLE rows (place INTEGER PRIMARY KEY, id INTEGER UNIQUE, owner INTEGER, text BLOB)",
            "BEGIN",
        ):
            self._database.execute(command)

    def add(self, index: int, row_id: int, owner: int, text: str) -> bool:
        """Keeps one row; False where its id came before.

        Args:
            index: in the list.
            row_id, owner: 0 to `fields.MAX_ID`.
            text: JSON of an object.
        """
        row = (index, row_id, owner, text.encode("utf-8", "surrogatepass"))
        with _no_room():
            return self._database.execute("INSERT OR IGNORE INTO rows VALUES (?, ?, ?, ?)", row).rowcount == 1

    def complete(self) -> None:
        """To be called after the last row, before the first question."""
        with _no_room():
            self._database.execute("CREATE INDEX by_owner ON rows (owner)")
            self._database.execute("COMMIT")

    def __len__(self) -> int:
        [[count]] = self._database.execute("SELECT count(*) FROM rows")
        return int(count)

    def __iter__(self) -> Iterator[Row]:
        """All in the document's order."""
        return self._rows("SELECT place, id, text FROM rows ORDER BY place")

    def of(self, owner: int) -> Iterator[Row]:
        """Those that belong to one, in the document's order."""
        return self._rows("SELECT place, id, text FROM rows WHERE owner = ? ORDER BY place", owner)

    def has(self, row_id: int) -> bool:
        return self._database.execute("SELECT 1 FROM rows WHERE id = ?", (row_id,)).fetchone() is not None

    def id_range(self) -> tuple[int, int]:
        """The lowest and the highest id; 1, 0 where there is no row."""
        [[lowest, highest]] = self._database.execute("SELECT min(id), max(id) FROM rows")
        return (1, 0) if lowest is None else (lowest, highest)

    def owners(self) -> Iterator[int]:
        """Each once."""
        return (owner for [owner] in self._database.execute("SELECT DISTINCT owner FROM rows"))

    def places_of(self, owner: int) -> Iterator[str]:
        rows = self._database.execute("SELECT place, id FROM rows WHERE owner = ? ORDER BY place", (owner,))
        return (self._place(index, row_id) for index, row_id in rows)

    def drop(self, owner: int) -> None:
        self._database.execute("DELETE FROM rows WHERE owner = ?", (owner,))

    def _rows(self, question: str, *values: int) -> Iterator[Row]:
        for index, row_id, text in self._database.execute(question, values):
            place = self._place(index, row_id)
            try:
                yield Row(place, row_id, json.loads(text))
            except RecursionError:
                # Where it was read first, a little more room was left.
                self._report.refuse(place, "nested_too_deep", "brackets are nested too deep")

    def _place(self, index: int, row_id: int) -> str:
        return place_of(self._key, index, row_id) if self._has_ids else f"{self._key}[{index}]"


def place_of(key: str, index: int, row_id: int) -> str:
    return f"{key}[{index}] (id {row_id})"


@contextmanager
def _no_room() -> Iterator[None]:
    try:
        yield
    except sqlite3.OperationalError as error:
        raise UnreadableFile(
            f"the folder for temporary files has no room for the file's rows: {error}"
        ) from None
