"""File names that can be unpacked on any system and never collide."""

from __future__ import annotations

import re
import unicodedata
from pathlib import PurePosixPath

# What Windows refuses in a name, control characters, which no one wants in a listing, and halves of surrogate pairs,
# which no file system can write.
UNSAFE_CHARACTERS = re.compile(r'[<>:"|?*\x00-\x1f\x7f\ud800-\udfff]')
RESERVED_ON_WINDOWS = re.compile(r"^(con|prn|aux|nul|com\d|lpt\d)(\.|$)", re.IGNORECASE)
MAX_PART_BYTES = 200  # file systems stop at 255 bytes; this leaves room for a number


class FileNames:
    """Gives each picture of one export its name; the same picture always gets the same one.

    `taken` holds every name in one spelling (case-folded, NFC), since a Mac or a Windows disk would let `Cat.jpg`
    overwrite `cat.jpg`.
    """

    def __init__(self) -> None:
        self._taken: set[str] = set()

    def claim(self, wanted: str, image_id: int) -> str:
        """A safe, relative, unique name: `wanted`, with `-<image_id>` before the extension where it is taken.

        >>> names = FileNames()
        >>> names.claim("../a.jpg", 1), names.claim("A.jpg", 2)
        ('a.jpg', 'A-2.jpg')
        """
        path = PurePosixPath(_safe(wanted) or f"{image_id}")
        candidate = str(path)
        number = 0
        while self._key(candidate) in self._taken:
            suffix = f"-{image_id}" if number == 0 else f"-{image_id}-{number}"
            candidate = str(path.with_name(f"{path.stem}{suffix}{path.suffix}"))
            number += 1
        self._taken.add(self._key(candidate))
        return candidate

    @staticmethod
    def _key(name: str) -> str:
        return unicodedata.normalize("NFC", name).casefold()


def _safe(wanted: str) -> str:
    parts = [_safe_part(part) for part in wanted.replace("\\", "/").split("/")]
    return "/".join(part for part in parts if part)


def _safe_part(part: str) -> str:
    part = UNSAFE_CHARACTERS.sub("_", part).strip().rstrip(".")
    if part in {"", ".", ".."}:
        return ""
    if RESERVED_ON_WINDOWS.match(part):
        part = f"_{part}"
    if len(part.encode()) > MAX_PART_BYTES:
        stem, dot, extension = part.rpartition(".")
        extension = f"{dot}{extension}" if dot and len(extension) <= 10 else ""
        stem = part[: -len(extension)] if extension else part
        room = MAX_PART_BYTES - len(extension.encode())
        part = stem.encode()[:room].decode(errors="ignore") + extension
    return part
