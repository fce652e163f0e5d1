"""JSON from strangers."""

from __future__ import annotations

import io
import json
import re
from collections.abc import Mapping
from typing import IO, Any

from rest_framework.exceptions import ParseError
from rest_framework.parsers import JSONParser as PlainJSONParser

# What may stand for a lone surrogate, or for a NUL character.
SUSPICIOUS_ESCAPE = re.compile(rb"\\u([dD][89a-fA-F]|0000)")


class JSONParser(PlainJSONParser):
    """DRF's; what no database and no answer can hold is the sender's mistake, not the server's."""

    def parse(
        self,
        stream: IO[Any],
        media_type: str | None = None,
        parser_context: Mapping[str, Any] | None = None,
    ) -> Any:
        content = stream.read()
        try:
            parsed = super().parse(io.BytesIO(content), media_type, parser_context)
            if SUSPICIOUS_ESCAPE.search(content):
                written = json.dumps(parsed, ensure_ascii=False).encode()
                # In the text it can only be the escape of a NUL: what a backslash precedes is written as two.
                if rb"\u0000" in written.replace(rb"\\", b""):
                    raise ParseError("JSON parse error - a text with a NUL character.")
        except RecursionError as error:
            raise ParseError("JSON parse error - nested too deep.") from error
        except UnicodeEncodeError as error:
            raise ParseError("JSON parse error - half of a character (a lone surrogate).") from error
        return parsed
