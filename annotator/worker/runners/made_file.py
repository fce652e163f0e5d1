"""What a runner has made, put into storage."""

from __future__ import annotations

import os
import secrets
from typing import IO

from django.core.files import File
from django.core.files.storage import default_storage

from annotator.files import unowned


def store(made: IO[bytes], stem: str, extension: str) -> tuple[str, int]:
    """Stores a complete file that no row owns yet; its name, and its size in bytes.

    Args:
        stem: folder and beginning of the name. What follows is random: a second attempt must not meet the first one's
            file, which may still be being written.
        extension: with its dot.
    """
    size_bytes = made.seek(0, os.SEEK_END)
    made.seek(0)
    name = f"{stem}-{secrets.token_hex(8)}{extension}"
    unowned.note([name])
    default_storage.save(name, File(made))
    return name, size_bytes
