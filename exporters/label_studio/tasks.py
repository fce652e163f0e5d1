"""Goes through Label Studio's tasks one by one: exports may have gigabytes."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from exporters import json_stream
from exporters.source import Source


def tasks(source: Source, name: str) -> Iterator[tuple[str, Any]]:
    """The elements of the list that the document is, or the one object; each with its place, "tasks.json: [3] (id 17)".

    Raises:
        UnreadableFile: no JSON, or a task that is too long; with the line.
    """
    for index, task in enumerate(json_stream.elements(source, name)):
        task_id = task.get("id") if isinstance(task, dict) else None
        yield f"{name}: [{index}]" + (f" (id {task_id!r:.50})" if task_id is not None else ""), task
