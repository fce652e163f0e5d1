"""Text of other people's files, as a database, an answer and a line on the page can hold it."""

from __future__ import annotations

import re
from typing import Any

# Halves of surrogate pairs, which JSON can spell, have no UTF-8; PostgreSQL keeps no NUL.
UNSAYABLE = re.compile("[\0\ud800-\udfff]")


def sayable(text: str) -> str:
    """The text with U+FFFD for each character that neither a database nor an answer can hold."""
    return UNSAYABLE.sub("\ufffd", text)


def sayable_values(value: Any) -> Any:
    """The same of every text in a value that JSON can say; keys stay as they are."""
    if isinstance(value, str):
        return sayable(value)
    if isinstance(value, list):
        return [sayable_values(each) for each in value]
    if isinstance(value, dict):
        return {key: sayable_values(each) for key, each in value.items()}
    return value


def one_line(text: str, longest: int) -> str:
    """The text on one line, without control characters, at most so many characters."""
    return " ".join("".join(c if c.isprintable() else " " for c in text).split())[:longest].strip()
