"""JSON from strangers."""

from __future__ import annotations

import io
import json
import re
from collections.abc import Mapping
from typing import IO, Any

from rest_framework.exceptions import ParseError
from rest_framework.parsers import JSONParser as PlainJSONParser

SURROGATE = re.compile(rb"\\u[dD][89a-fA-F]")


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
            if SURROGATE.search(content):
                json.dumps(parsed, ensure_ascii=False).encode()
        except RecursionError as error:
            raise ParseError("JSON parse error - nested too deep.") from error
        except UnicodeEncodeError as error:
            raise ParseError("JSON parse error - half of a character (a lone surrogate).") from error
        return parsed
