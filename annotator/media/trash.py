"""The trash: images that people delete are kept, with masks and files, until they are restored or their days are over.

Each change of rows is one transaction: all of the images or none.
"""

from __future__ import annotations

import math
from datetime import datetime, timedelta

from django.conf import settings
from django.db import transaction
from django.db.models import QuerySet
from django.utils import timezone

from annotator.embeddings import queue as embedding_queue
from annotator.embeddings.errors import NoBundle
from annotator.embeddings.which_bundle import bundle_of
from annotator.media.removal import delete_images
from annotator.models import EmbeddingJob, Image, Project, User

REMOVED_AT_ONCE = 200  # files go after each commit: a killed worker has little to do again
NOT_BEGUN = (EmbeddingJob.State.QUEUED, EmbeddingJob.State.FAILED)


def throw_away(images: QuerySet[Image], *, by: User | None) -> tuple[int, datetime]:
    """Deletes softly: the images vanish from lists, figures and exports, and nothing is computed for them.

    Args:
        by: who deletes them; None for a command.

    Returns:
        How many there were, and the moment that all of them carry as `deleted_at`.
    """
    now = timezone.now()
    with transaction.atomic():
        ids = list(Image.objects.filter(pk__in=images.order_by().values("pk")).values_list("pk", flat=True))
        count = 0
        for part in _parts(ids):
            rows = Image.objects.filter(pk__in=part)
            count += rows.update(deleted_at=now, deleted_by=by, updated_at=now)
            EmbeddingJob.objects.filter(image__in=part, state__in=NOT_BEGUN).delete()
    return count, now


def restore(project: Project, images: QuerySet[Image]) -> list[int]:
    """Brings softly deleted images of a project back as they were; their primary keys."""
    with transaction.atomic():
        trashed = Image.with_deleted.filter(project=project, deleted_at__isnull=False)
        ids = list(trashed.filter(pk__in=images.order_by().values("pk")).values_list("pk", flat=True))
        for part in _parts(ids):
            trashed.filter(pk__in=part).update(deleted_at=None, deleted_by=None, updated_at=timezone.now())
            _ensure_jobs(project, part)
    embedding_queue.wake()
    return ids


def remove(project: Project, images: QuerySet[Image]) -> int:
    """Deletes softly deleted images of a project for good, with masks and files; how many."""
    trashed = Image.with_deleted.filter(project=project, deleted_at__isnull=False)
    return delete_images(
        trashed.filter(pk__in=images.order_by().values("pk")).select_for_update(of=("self",))
    )


def remove_old() -> int:
    """Deletes for good what has been in the trash for more than TRASH_KEEP_DAYS days; how many images."""
    limit = timezone.now() - timedelta(days=settings.TRASH_KEEP_DAYS)
    count = 0
    while True:
        with transaction.atomic():
            old = Image.with_deleted.filter(deleted_at__lt=limit).order_by("pk")
            removed = delete_images(old.select_for_update(of=("self",))[:REMOVED_AT_ONCE])
        count += removed
        if removed < REMOVED_AT_ONCE:
            return count


def days_left(image: Image) -> int:
    """Days until a softly deleted image is removed for good, rounded up; 0: any moment now."""
    if image.deleted_at is None:
        raise ValueError(f"image {image.pk} is not in the trash")
    left = image.deleted_at + timedelta(days=settings.TRASH_KEEP_DAYS) - timezone.now()
    return max(0, math.ceil(left / timedelta(days=1)))


def _ensure_jobs(project: Project, image_ids: list[int]) -> None:
    try:
        bundle = bundle_of(project)
    except NoBundle:
        return  # `ensure_missing` makes the jobs once there is one
    embedding_queue.ensure_jobs(Image.objects.filter(pk__in=image_ids), bundle)


def _parts(ids: list[int]) -> list[list[int]]:
    """In pieces that every database takes as parameters of one statement."""
    return [ids[start : start + 500] for start in range(0, len(ids), 500)]
