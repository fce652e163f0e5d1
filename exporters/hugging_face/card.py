"""README.md: by its head the library finds the splits, and a person reads the rest."""

from __future__ import annotations

from collections.abc import Sequence

from exporters.records import DatasetRecord


def card(dataset: DatasetRecord, paths: Sequence[tuple[str, str]]) -> str:
    """The card of a data set.

    Args:
        paths: of each split its name and the pattern of its files.
    """
    lines = ["---", "task_categories:", "- image-segmentation", "- object-detection"]
    if paths:
        lines += ["configs:", "- config_name: default", "  data_files:"]
        for split, path in paths:
            lines += [f"  - split: {split}", f"    path: {path}"]
    lines += ["---", "", f"# {_one_line(dataset.name) or 'Data set'}", ""]
    if dataset.description:
        lines += [*dataset.description.splitlines(), ""]
    lines += ["| category | supercategory | COCO id |", "|---|---|---|"]
    lines += [f"| {_cell(row.name)} | {_cell(row.supercategory)} | {row.id} |" for row in dataset.categories]
    lines += [
        "",
        "Each row is an image; `objects` holds a list for each property of its annotations. Masks are COCO's RLE:",
        "",
        "```python",
        "from datasets import load_dataset",
        "from pycocotools import mask",
        "",
        'rows = load_dataset("path/to/this/folder")',
        "for split in rows.values():",
        "    for row in split:",
        '        masks = [mask.decode(dict(rle)) for rle in row["objects"]["segmentation"]]',
        "```",
    ]
    return "\n".join(lines) + "\n"


def _one_line(text: str) -> str:
    return " ".join(text.split())


def _cell(text: str) -> str:
    return _one_line(text).replace("|", "\\|")
