"""Names that people give to things: one line each, which stands within sentences and lists of others."""

from __future__ import annotations

import unicodedata
from typing import Any

from rest_framework import serializers

# They turn the text around them too, and are not seen themselves.
DIRECTION_MARKS = frozenset("\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")


class NameField(serializers.CharField):
    """What separates words is one space each; control characters and marks of direction are left out."""

    def to_internal_value(self, data: Any) -> str:
        return one_line(super().to_internal_value(data))

    def run_validation(self, data: Any = serializers.empty) -> Any:
        """A name of which nothing is left is no name."""
        value = super().run_validation(data)
        if value == "" and not self.allow_blank:
            self.fail("blank")
        return value


def one_line(text: str) -> str:
    """The text without line breaks, control characters and marks of direction; a NUL stays and is refused."""
    spaced = "".join(" " if c.isspace() else c for c in text)
    kept = [c for c in spaced if c == "\0" or (unicodedata.category(c) != "Cc" and c not in DIRECTION_MARKS)]
    return " ".join("".join(kept).split())
