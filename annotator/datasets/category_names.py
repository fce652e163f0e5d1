"""What a category of a file is called in a project, and which of a file's categories become one there."""

from __future__ import annotations

from collections.abc import Iterable

from annotator.site.plain_text import one_line
from exporters.records import CategoryRecord

MOST_CHARACTERS = 100


def name_of(row: CategoryRecord) -> str:
    """On one line, of at most MOST_CHARACTERS, never blank."""
    return _name(row.name, row.id)


def key_of(row: CategoryRecord) -> str:
    """The same for names that a project takes for one: small and capital letters are no difference there."""
    return key_of_name(row.name, row.id)


def key_of_name(name: str, category_id: int) -> str:
    """`key_of` a file's category of this name and id."""
    return _name(name, category_id).casefold()


def _name(name: str, category_id: int) -> str:
    return one_line(name, MOST_CHARACTERS) or f"category {category_id}"


def same_names(rows: Iterable[CategoryRecord]) -> list[tuple[CategoryRecord, CategoryRecord]]:
    """Each category that has the name of an earlier one in a project, and that earlier one."""
    first: dict[str, CategoryRecord] = {}
    return [(row, other) for row in rows if (other := first.setdefault(key_of(row), row)) is not row]
