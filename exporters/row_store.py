"""Rows of a document by what they belong to, on the disk: annotations stand in a document in any order."""

from __future__ import annotations

import marshal
import sqlite3
import weakref
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, NamedTuple

from exporters.errors import UnreadableFile
from exporters.reading import ReadReport

CACHE_KIB = 16 * 1024
# Rows are put into the database together, in a third of the time.
ROWS_TOGETHER = 1000
BYTES_TOGETHER = 1024 * 1024


class Row(NamedTuple):
    """One object of a list.

    Attributes:
        told: the list's name, as places have it.
        number: in the list, from 0.
        id: as the document gives it; -1 where it gives none.
    """

    told: str
    number: int
    id: int
    values: dict[str, Any]

    @property
    def place(self) -> str:
        """Where it stands, "annotations[3] (id 17)"."""
        return f"{self.told}[{self.number}]" if self.id < 0 else place_of(self.told, self.number, self.id)


class RowStore:
    """A private database that the system deletes with the object; it keeps 17 MiB in memory, whatever it holds. Of rows
    with one id the first stays; the others are refused.

    Args:
        key: the list's name, for the places.
        has_ids: False where a row has no id but its number in the list.
    """

    def __init__(self, key: str, report: ReadReport, *, has_ids: bool = True) -> None:
        self._key, self._report, self._has_ids = key, report, has_ids
        # No name: a file in the folder for temporary ones, which is gone when the database is closed.
        self._database = sqlite3.connect("", isolation_level=None, check_same_thread=False)
        self._waiting: list[tuple[int, int, int, bytes]] = []
        self._waiting_bytes = 0
        weakref.finalize(self, self._database.close)
        for command in (
            f"PRAGMA cache_size = -{CACHE_KIB}",
            "PRAGMA journal_mode = OFF",
            "PRAGMA synchronous = OFF",
            "CREATE TABLE rows (place INTEGER PRIMARY KEY, id INTEGER UNIQUE, owner INTEGER, packed BLOB)",
            "BEGIN",
        ):
            self._database.execute(command)

    def add(self, index: int, row_id: int, owner: int, values: dict[str, Any]) -> None:
        """Keeps one row.

        Args:
            index: in the list; higher than that of the row before.
            row_id, owner: 0 to `fields.MAX_ID`.
            values: as `json.loads` gives them.

        Raises:
            UnreadableFile: the disk is full.
        """
        # Python's own form of plain values. It is read by the process that wrote it, from a file without a name.
        packed = marshal.dumps(values)
        self._waiting.append((index, row_id, owner, packed))
        self._waiting_bytes += len(packed)
        if len(self._waiting) >= ROWS_TOGETHER or self._waiting_bytes >= BYTES_TOGETHER:
            self._put_in()

    def complete(self) -> None:
        """To be called after the last row, before the first question. Raises UnreadableFile where the disk is full."""
        self._put_in()
        with _no_room():
            self._database.execute("CREATE INDEX by_owner ON rows (owner)")
            self._database.execute("COMMIT")

    def _put_in(self) -> None:
        rows, self._waiting, self._waiting_bytes = self._waiting, [], 0
        with _no_room():
            put_in = self._database.executemany(
                "INSERT OR IGNORE INTO rows VALUES (?, ?, ?, ?)", rows
            ).rowcount
        if rows and put_in < len(rows):
            question = "SELECT place FROM rows WHERE place BETWEEN ? AND ?"
            kept = {index for [index] in self._database.execute(question, (rows[0][0], rows[-1][0]))}
            for index, row_id, _, _ in rows:
                if index not in kept:
                    self._report.refuse(self._place(index, row_id), "id_twice", f"id {row_id} comes twice")

    def __len__(self) -> int:
        [[count]] = self._database.execute("SELECT count(*) FROM rows")
        return int(count)

    def __iter__(self) -> Iterator[Row]:
        """All in the document's order."""
        return self._rows("SELECT place, id, packed FROM rows ORDER BY place")

    def of(self, owner: int) -> Iterator[Row]:
        """Those that belong to one, in the document's order."""
        return self._rows("SELECT place, id, packed FROM rows WHERE owner = ? ORDER BY place", owner)

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
        key, has_ids = self._key, self._has_ids
        for index, row_id, packed in self._database.execute(question, values):
            yield Row(key, index, row_id if has_ids else -1, marshal.loads(packed))

    def _place(self, index: int, row_id: int) -> str:
        return Row(self._key, index, row_id if self._has_ids else -1, {}).place


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
