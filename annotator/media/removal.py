"""Images go: their rows first, then their files, then the embeddings that no image needs any more."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Iterator
from datetime import timedelta

from django.core.files.storage import default_storage
from django.db import transaction
from django.utils import timezone

from annotator.embeddings import store as embedding_store
from annotator.models import Image

logger = logging.getLogger(__name__)


def delete_images(images: Iterable[Image]) -> int:
    """Deletes rows and, once that is committed, their files. Returns how many rows went."""
    images = list(images)
    names = [name for image in images for name in (image.file.name, image.thumbnail.name)]
    digests = {image.digest for image in images}
    with transaction.atomic():
        Image.objects.filter(pk__in=[image.pk for image in images]).delete()
        transaction.on_commit(lambda: (remove_files(names), embedding_store.delete_unused(digests)))
    return len(images)


def sweep_orphans(min_age_s: float = 3600) -> list[str]:
    """Removes image files no row names, left behind by a killed process; returns their names.

    Args:
        min_age_s: younger files stay, since an upload under way writes its files before its row. In seconds.
    """
    known = set(Image.objects.values_list("file", flat=True)) | set(
        Image.objects.values_list("thumbnail", flat=True)
    )
    oldest_kept = timezone.now() - timedelta(seconds=min_age_s)
    orphans = [
        name
        for folder in ("images", "thumbnails")
        for name in _walk(folder)
        if name not in known and default_storage.get_modified_time(name) < oldest_kept
    ]
    remove_files(orphans)
    return orphans


def remove_files(names: Iterable[str]) -> None:
    """Deletes files from storage; empty names and files that cannot be deleted are passed over."""
    for name in names:
        if not name:
            continue
        try:
            default_storage.delete(name)
        except OSError as error:  # the row is gone; sweep_orphans tries again
            logger.warning("cannot delete %s: %s", name, error)


def _walk(folder: str) -> Iterator[str]:
    try:
        folders, files = default_storage.listdir(folder)
    except FileNotFoundError:
        return
    yield from (f"{folder}/{name}" for name in files)
    for name in folders:
        yield from _walk(f"{folder}/{name}")
