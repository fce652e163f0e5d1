"""JSON documents short enough to be held as a whole."""

from __future__ import annotations

import json
from typing import Any

from exporters.errors import UnreadableFile
from exporters.source import Source, read_text


def load(source: Source, name: str) -> Any:
    """The value that the document is.

    Raises:
        UnreadableFile: longer than `source.MAX_TEXT_BYTES`, not UTF-8, no JSON; with the file and the line.
    """
    text = read_text(source, name)
    try:
        return json.loads(text)
    except json.JSONDecodeError as error:
        place = f"line {error.lineno}, column {error.colno}"
        raise UnreadableFile(f"{name}: {place}: the file is not JSON: {error.msg}") from None
    except (ValueError, RecursionError) as error:  # a number of thousands of digits, nested too deep
        raise UnreadableFile(f"{name}: the file is not JSON: {error}") from None
