"""Django's file storage, made atomic, and sure of its disk."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from django.core.files import File
from django.core.files.storage import FileSystemStorage, Storage
from django.utils.deconstruct import deconstructible

from segmentation.atomic_file import replacing

PART_FOLDER = ".part"  # what is being written, and what killed processes left of it


class StorageAway(OSError):
    """The folder is not the one that files were kept in."""


@deconstructible
class AtomicFileSystemStorage(FileSystemStorage):
    """A file appears complete under its name or not at all, even when the process is killed or the power goes.

    Names are made from content digests or database ids, so writing a name again replaces it with the same thing.
    """

    def __init__(self, **options: Any) -> None:
        super().__init__(**{"allow_overwrite": True} | options)

    @property
    def part_folder(self) -> Path:
        return Path(self.base_location) / PART_FOLDER

    def _save(self, name: str, content: File) -> str:
        with replacing(Path(self.path(name)), self.part_folder) as temporary, open(temporary, "wb") as file:
            for chunk in content.chunks():
                file.write(chunk)
        return str(name).replace("\\", "/")


@deconstructible
class MarkedFileSystemStorage(AtomicFileSystemStorage):
    """One whose folder may be another disk's: without the mark that was put there, that disk is not mounted.

    Then nothing is written, into a folder that the disk would hide later, and nothing counts as deleted.
    """

    @property
    def mark(self) -> Path:
        return Path(self.base_location) / ".maskwright"

    def put_mark(self, is_new: bool) -> bool:
        """Marks the folder where it holds something already or `is_new`; whether it is marked now."""
        folder = self.mark.parent
        if not self.mark.exists() and (is_new or (folder.is_dir() and any(folder.iterdir()))):
            folder.mkdir(parents=True, exist_ok=True)
            self.mark.touch()
        return self.mark.exists()

    def delete(self, name: str) -> None:
        self._require_mark()
        super().delete(name)

    def _save(self, name: str, content: File) -> str:
        self._require_mark()
        return super()._save(name, content)

    def _require_mark(self) -> None:
        if not self.mark.exists():
            raise StorageAway(
                f"{self.mark.parent} is not the folder that files were kept in; is its disk mounted?"
            )


def part_folder_of(storage: Storage) -> Path | None:
    return storage.part_folder if isinstance(storage, AtomicFileSystemStorage) else None
