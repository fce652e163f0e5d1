"""What XML 1.0 can say."""

from __future__ import annotations

import re

# Not even by number.
NOT_IN_XML = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def sayable(text: str) -> str:
    """The text with U+FFFD for each character that XML has no way to say."""
    return NOT_IN_XML.sub("\ufffd", text)
