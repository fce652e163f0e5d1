"""Several documents as one dataset: ids that each of them gave for itself."""

from __future__ import annotations

from exporters.records import CategoryRecord


class MergedCategories:
    """Categories by name: two documents that have the same name mean the same category."""

    def __init__(self) -> None:
        self._by_name: dict[str, CategoryRecord] = {}
        self._ids = MergedIds()

    def add(self, wanted_id: int, name: str, supercategory: str = "", color: str = "") -> CategoryRecord:
        """The category of that name, new where it is the first one; with `wanted_id` where no other has it."""
        if name not in self._by_name:
            row_id = self._ids.claim(wanted_id)
            self._by_name[name] = CategoryRecord(row_id, name, supercategory, color)
        return self._by_name[name]

    def all(self) -> tuple[CategoryRecord, ...]:
        return tuple(self._by_name.values())


class MergedIds:
    """Ids of at least 1 that no two entries share; the same claims in the same order give the same ids."""

    def __init__(self) -> None:
        self._taken: set[int] = set()
        self._next = 1

    def claim(self, wanted: int) -> int:
        """`wanted`, or the next free one."""
        if wanted < 1 or wanted in self._taken:
            while self._next in self._taken:
                self._next += 1
            wanted = self._next
        self._taken.add(wanted)
        return wanted
