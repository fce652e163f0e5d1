"""What a category of a file is called in a project, and which of a file's categories become one there."""

from __future__ import annotations

from collections.abc import Iterable

from annotator.site.plain_text import one_line
from exporters.records import CategoryRecord

MOST_CHARACTERS = 100


def name_of(row: CategoryRecord) -> str:
    """On one line, of at most MOST_CHARACTERS, never blank."""
    return one_line(row.name, MOST_CHARACTERS) or f"category {row.id}"


def key_of(row: CategoryRecord) -> str:
    """The same for names that a project takes for one: small and capital letters are no difference there."""
    return name_of(row).casefold()


def same_names(rows: Iterable[CategoryRecord]) -> list[tuple[CategoryRecord, CategoryRecord]]:
    """Each category that has the name of an earlier one in a project, and that earlier one."""
    first: dict[str, CategoryRecord] = {}
    return [(row, other) for row in rows if (other := first.setdefault(key_of(row), row)) is not row]
