"""A run's log: one JSON object a line, for training steps and for validations, each with its `elapsed_s`."""

from __future__ import annotations

import json
from pathlib import Path

from segmentation import atomic_file

LOG_NAME = "log.jsonl"


def read_rows(run: Path | str) -> list[dict]:
    """All rows of a run's folder, none without a log; a half-written line is left out."""
    path = Path(run) / LOG_NAME
    if not path.is_file():
        return []
    rows = []
    for line in path.read_text().splitlines():
        try:
            rows.append(json.loads(line))
        except ValueError:
            continue
    return rows


def add_row(run: Path | str, row: dict) -> None:
    with (Path(run) / LOG_NAME).open("a") as stream:
        stream.write(json.dumps(row) + "\n")


def cut(run: Path | str, elapsed_s: float) -> None:
    """Leaves out what was logged after so much training time."""
    path = Path(run) / LOG_NAME
    if not path.is_file():
        return
    kept = [row for row in read_rows(run) if row["elapsed_s"] <= elapsed_s]
    with atomic_file.replacing(path) as fresh:
        fresh.write_text("".join(json.dumps(row) + "\n" for row in kept))
