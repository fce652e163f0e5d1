"""Stored files, opened."""

from __future__ import annotations

from typing import BinaryIO, cast

from django.core.files.storage import Storage, default_storage
from django.db.models.fields.files import FieldFile


def open_file(name: str | FieldFile, storage: Storage = default_storage) -> BinaryIO:
    """The file of this name, or of this column of a row, for reading. Raises FileNotFoundError."""
    # Django's File does what a binary file does, and is none for a type checker.
    return cast(BinaryIO, storage.open(str(name), "rb"))
