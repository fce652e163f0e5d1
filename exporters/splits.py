"""How files call the parts of a dataset."""

from __future__ import annotations

from pathlib import PurePosixPath

# The records have three parts; other programs have more words for them.
WORDS = {
    "train": "train",
    "training": "train",
    "val": "val",
    "valid": "val",
    "validation": "val",
    "test": "test",
    "testing": "test",
}


def split_in(path: str) -> str:
    """The part that one of a path's folders or the name itself stands for, or ""."""
    parts = PurePosixPath(path).with_suffix("").parts
    return next((WORDS[part.lower()] for part in parts if part.lower() in WORDS), "")
