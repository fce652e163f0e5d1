"""Django's file storage, made atomic."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from django.core.files import File
from django.core.files.storage import FileSystemStorage
from django.utils.deconstruct import deconstructible

from segmentation.atomic_file import replacing


@deconstructible
class AtomicFileSystemStorage(FileSystemStorage):
    """A file appears complete under its name or not at all, even when the process is killed or the power goes.

    Names are made from content digests or database ids, so writing a name again replaces it with the same thing.
    """

    def __init__(self, **options: Any) -> None:
        super().__init__(**{"allow_overwrite": True} | options)

    def _save(self, name: str, content: File) -> str:
        with replacing(Path(self.path(name))) as temporary, open(temporary, "wb") as file:
            for chunk in content.chunks():
                file.write(chunk)
        return str(name).replace("\\", "/")
