"""Stored files as files on this machine's disk, for libraries that open files by path."""

from __future__ import annotations

import shutil
from pathlib import Path

from django.conf import settings
from django.core.files.storage import Storage

from segmentation.atomic_file import replacing


def local_path(storage: Storage, name: str, kept_as: str) -> Path:
    """The path of a stored file; of a copy in DATA_DIR/cache where the storage, like an object store, has no paths.

    Args:
        kept_as: the copy's name. It has to change with the content, since a copy is made once.

    Raises:
        FileNotFoundError: there is no such file.
    """
    try:
        path = Path(storage.path(name))
    except NotImplementedError:
        path = settings.DATA_DIR / "cache" / kept_as
        if not path.is_file():
            path.parent.mkdir(parents=True, exist_ok=True)
            with (
                storage.open(name, "rb") as source,
                replacing(path) as temporary,
                open(temporary, "wb") as copy,
            ):
                shutil.copyfileobj(source, copy)
    if not path.is_file():
        raise FileNotFoundError(f"there is no {path}")
    return path
