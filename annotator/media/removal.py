"""Images go for good: their rows first, then their files and the embeddings that no image needs any more.

What people delete goes to the trash first: `annotator.media.trash`.
"""

from __future__ import annotations

from collections.abc import Iterable

from django.db import transaction

from annotator.embeddings import store as embedding_store
from annotator.files import unowned
from annotator.media import tiles
from annotator.models import Image


def delete_images(images: Iterable[Image]) -> int:
    """Deletes rows and, once that is committed, their files. Returns how many rows went."""
    with transaction.atomic():
        images = list(images)
        names = [name for image in images for name in (str(image.file), str(image.thumbnail))]
        names += [name for image in images for name in tiles.names_of(image)]
        embeddings = embedding_store.names_of(images)
        unowned.note([*names, *embeddings])
        Image.with_deleted.filter(pk__in=[image.pk for image in images]).delete()
        transaction.on_commit(lambda: unowned.discard(names))
        transaction.on_commit(lambda: embedding_store.discard(embeddings))
    return len(images)


def sweep_unowned(min_age_s: float = unowned.MIN_AGE_S) -> list[str]:
    """Removes image files that a killed process left without a row; returns their names."""
    return [
        name
        for folder in ("images/", "thumbnails/", "uploads/", tiles.FOLDER)
        for name in unowned.sweep(folder, min_age_s)
    ]
