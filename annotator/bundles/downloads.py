"""What was fetched of published weights and is not installed yet: files in DATA_DIR/downloads."""

from __future__ import annotations

import shutil
import time
from contextlib import suppress
from pathlib import Path

from django.conf import settings

from segmentation.catalogue import members

KEEP_S = 7 * 24 * 3600  # of what a lost connection left, or a file whose digest nobody has accepted
TEMPORARY_KEEP_S = 24 * 3600  # no conversion takes that long


def folder() -> Path:
    return Path(settings.DATA_DIR) / "downloads"


def size_bytes() -> int:
    """How much has been fetched; what a conversion writes meanwhile has not."""
    total = 0
    for path in folder().iterdir() if folder().is_dir() else ():
        with suppress(FileNotFoundError):  # it goes while we look
            total += path.stat().st_size if path.is_file() else 0
    return total


def sweep() -> int:
    """Removes what nobody went on with, and what killed conversions left; how many. Other people's files stay."""
    names = {row.file_name for row in members()}
    ours = names | {f"{name}{end}" for name in names for end in (".part", ".part.json")}
    count = 0
    for path in folder().iterdir() if folder().is_dir() else ():
        keep_s = KEEP_S if path.name in ours else TEMPORARY_KEEP_S if path.name.startswith("tmp") else None
        with suppress(FileNotFoundError):
            if keep_s is not None and path.stat().st_mtime < time.time() - keep_s:
                shutil.rmtree(path) if path.is_dir() else path.unlink()
                count += 1
    return count
