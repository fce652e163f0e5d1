"""Categories for formats that know them by name alone."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from exporters.errors import InvalidRecord
from exporters.records import CategoryRecord


class CategoriesByName:
    """Gives each name an id, from 1, in the order in which they come."""

    def __init__(self) -> None:
        self._found: dict[str, CategoryRecord] = {}

    def add(self, name: str, color: str = "") -> int:
        """The id of the category of that name; a color counts where none was known."""
        known = self._found.setdefault(name, CategoryRecord(len(self._found) + 1, name))
        if color and not known.color:
            self._found[name] = replace(known, color=color)
        return known.id

    def records(self) -> tuple[CategoryRecord, ...]:
        return tuple(self._found.values())


def check_names_differ(categories: Iterable[CategoryRecord]) -> None:
    """Raises InvalidRecord where two have one name: in the file they would be one category."""
    seen: set[str] = set()
    for category in categories:
        if category.name in seen:
            raise InvalidRecord(
                f"two categories are called {category.name!r:.100}; the format knows them by name, so rename one"
            )
        seen.add(category.name)
