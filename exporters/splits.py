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


def split_in(folder: str) -> str:
    """The part that a folder or one of those around it stands for, or ""."""
    parts = PurePosixPath(folder).parts
    return next((WORDS[part.lower()] for part in parts if part.lower() in WORDS), "")
