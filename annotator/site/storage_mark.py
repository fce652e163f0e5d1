"""The mark in the folder of images, by which a disk that is not mounted is told from an empty folder."""

from __future__ import annotations

from django.apps import apps
from django.core.files.storage import storages

from annotator.site.storage import MarkedFileSystemStorage, StorageAway

__all__ = ["StorageAway", "put_mark", "why_away"]


def put_mark() -> None:
    """Marks the storage of a new installation, or one that has files already. Leaves an empty one alone where there
    should be images: its disk may be missing."""
    storage = storages["default"]
    if isinstance(storage, MarkedFileSystemStorage):
        storage.put_mark(is_new=not apps.get_model("annotator", "Image").with_deleted.exists())


def why_away() -> str:
    """What is wrong with the storage's folder, with what to do; empty: nothing."""
    storage = storages["default"]
    if not isinstance(storage, MarkedFileSystemStorage) or storage.mark.exists():
        return ""
    return (
        f"{storage.mark.parent} is not the folder that images were kept in: is its disk mounted? If their files are "
        f"lost for good: mkdir -p {storage.mark.parent} && touch {storage.mark}"
    )
