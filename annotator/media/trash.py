"""The trash: images that people delete are kept, with masks and files, until they are restored or their days are over.

Throwing away and restoring is one transaction: all of the images or none.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
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
from annotator.site.parts import in_parts

REMOVED_AT_ONCE = 200  # files go after each commit: a killed worker has little to do again
NOT_BEGUN = (EmbeddingJob.State.QUEUED, EmbeddingJob.State.FAILED)


def throw_away(image_ids: Sequence[int], *, by: User | None) -> tuple[int, datetime]:
    """Deletes softly: the images vanish from lists, figures and exports, and nothing is computed for them.

    Args:
        by: who deletes them; None for a command.

    Returns:
        How many there were, and the moment that all of them carry as `deleted_at`.
    """
    now = timezone.now()
    with transaction.atomic():
        count = 0
        for part in in_parts(image_ids):
            rows = Image.objects.filter(pk__in=part)
            count += rows.update(deleted_at=now, deleted_by=by, updated_at=now)
            EmbeddingJob.objects.filter(image__in=part, state__in=NOT_BEGUN).delete()
    return count, now


def restore(project: Project, image_ids: Sequence[int]) -> int:
    """Brings softly deleted images of a project back as they were; how many."""
    count = 0
    with transaction.atomic():
        for part in in_parts(image_ids):
            rows = _trashed(project, part)
            count += rows.update(deleted_at=None, deleted_by=None, updated_at=timezone.now())
            _ensure_jobs(project, part)
    embedding_queue.wake()
    return count


def remove(project: Project, image_ids: Sequence[int]) -> int:
    """Deletes softly deleted images of a project for good, with masks and files; how many.

    Some hundred at once, so that others can write in between; what a killed process leaves is still in the trash.
    """
    count = 0
    for part in in_parts(image_ids, REMOVED_AT_ONCE):
        with transaction.atomic():
            count += delete_images(_trashed(project, part).select_for_update(of=("self",)))
    return count


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


def _ensure_jobs(project: Project, image_ids: Sequence[int]) -> None:
    try:
        bundle = bundle_of(project)
    except NoBundle:
        return  # `ensure_missing` makes the jobs once there is one
    embedding_queue.ensure_jobs(Image.objects.filter(pk__in=image_ids), bundle)


def _trashed(project: Project, image_ids: Sequence[int]) -> QuerySet[Image]:
    return Image.with_deleted.filter(project=project, deleted_at__isnull=False, pk__in=image_ids)
