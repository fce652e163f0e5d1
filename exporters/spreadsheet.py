"""Text in a table that spreadsheets open."""

from __future__ import annotations

# Spreadsheets take a text that begins so for a formula; some pass over a tab or a line's end before it.
FORMULA_BEGINNINGS = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")


def harmless(text: str) -> str:
    """A text that no spreadsheet runs. NUL, which most readers stop at, is left out."""
    text = text.replace("\0", "")
    # Spaces before the sign do not keep every spreadsheet from taking it for a formula.
    return f"'{text}" if text.lstrip(" ").startswith(FORMULA_BEGINNINGS) else text
