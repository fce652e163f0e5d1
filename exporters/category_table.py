"""`categories.json`: what the numbers of label pictures mean, for formats that say it nowhere else."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from pathlib import PurePosixPath
from typing import Any

from exporters import fields
from exporters.archive import Archive
from exporters.errors import UnreadableFile
from exporters.reading import ReadReport
from exporters.records import CategoryRecord
from exporters.source import Source, read_text
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
    content = parsed_json(source, name)
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


def parsed_json(source: Source, name: str) -> Any:
    """A small JSON document.

    Raises:
        UnreadableFile: it is none, with the line.
    """
    text = read_text(source, name)
    try:
        return json.loads(text)
    except json.JSONDecodeError as error:
        raise UnreadableFile(
            f"{name} line {error.lineno}, column {error.colno}: the file is not JSON: {error.msg}"
        ) from None
    except (ValueError, RecursionError) as error:
        raise UnreadableFile(f"{name}: the file is not JSON: {error}") from None
