"""`categories.json`: what the numbers of label pictures mean, for formats that say it nowhere else."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import PurePosixPath
from typing import Any

from exporters import fields, json_document
from exporters.archive import Archive
from exporters.errors import UnreadableFile
from exporters.reading import ReadReport
from exporters.records import CategoryRecord
from exporters.source import Source
from exporters.streams import TextWriter, dumps

NAME = "categories.json"
MAX_ID = 2**31 - 1


def write_categories(archive: Archive, categories: Iterable[CategoryRecord]) -> None:
    """A list of {id, name, supercategory, color}, one a line."""
    rows = [
        dumps({key: value for key, value in vars(category).items() if value != ""}) for category in categories
    ]
    with archive.document(NAME) as document:
        writer = TextWriter(document)
        writer.text("[\n" + ",\n".join(rows) + "\n]\n")
        writer.flush()


def table_name(source: Source) -> str | None:
    """The outermost file of that name."""
    names = [name for name in source.names if PurePosixPath(name).name == NAME]
    return min(names, key=lambda name: (name.count("/"), name)) if names else None


def read_categories(source: Source, name: str, report: ReadReport) -> dict[int, CategoryRecord]:
    """By number. Rows that name no category are refused.

    Args:
        name: of a file that holds a list of {id, name}, or a table {"1": "cat"}.

    Raises:
        UnreadableFile: neither of both.
    """
    content = json_document.load(source, name)
    if isinstance(content, dict) and isinstance(content.get("categories"), list):
        content = content["categories"]
    if isinstance(content, dict):
        rows: Iterator[tuple[str, Any]] = (
            (
                f"{name}: {key!r:.50}",
                {"id": int(key) if key.isdecimal() and len(key) < 11 else key, "name": value},
            )
            for key, value in content.items()
        )
    elif isinstance(content, list):
        rows = ((f"{name}: [{index}]", row) for index, row in enumerate(content))
    else:
        raise UnreadableFile(f'{name}: it must hold a list of {{"id", "name"}} of the categories')
    found: dict[int, CategoryRecord] = {}
    for place, row in rows:
        values: dict[str, Any] = row if isinstance(row, dict) else {}
        number, title = values.get("id", ""), values.get("name")
        is_number = isinstance(number, int) and not isinstance(number, bool)
        if not is_number or not 1 <= number <= MAX_ID or not isinstance(title, str) or not title:
            report.refuse(
                place, "category_malformed", f"id {number!r:.50} and name {title!r:.50} are no category"
            )
        elif number in found:
            report.refuse(place, "id_twice", f"id {number!r:.50} comes twice")
        else:
            found[number] = CategoryRecord(
                number, title, fields.text(values, "supercategory"), fields.text(values, "color")
            )
    return found
