"""The order in which people expect file names: 2 before 10, capitals beside small letters."""

from __future__ import annotations

import re
import unicodedata

MAX_LENGTH = 1024
_BEFORE_EVERYTHING = "\x01"  # "cat.jpg" comes before "cat 2.jpg"


def name_key(name: str) -> str:
    """A text that sorts as its name should: numbers by their value, letters without regard to case."""
    stem, dot, suffix = unicodedata.normalize("NFKC", name).casefold().rpartition(".")
    text = f"{stem}{_BEFORE_EVERYTHING}{suffix}" if dot else suffix
    return re.sub("[0-9]+", _number_key, text)[:MAX_LENGTH]


def _number_key(match: re.Match[str]) -> str:
    digits = match[0].lstrip("0")
    return f"{len(digits):03d}{digits}"
