"""Embeddings of regions: asked for by whoever has zoomed in, kept for a while, made anew when they are gone."""

from __future__ import annotations

from datetime import timedelta

from django.db import transaction
from django.db.models import QuerySet
from django.utils import timezone

from annotator.embeddings import queue, store
from annotator.embeddings.errors import InvalidRegion
from annotator.embeddings.which_bundle import bundle_of
from annotator.files import unowned
from annotator.models import Bundle, EmbeddingJob, Image
from segmentation.regions import Region, RegionMalformed, region_from_text

KEPT_PER_IMAGE = 24  # of one bundle; SAM's are 4 MB each
FORESEEN_PER_IMAGE = 2  # that wait: where somebody was about to go a minute ago is of no use
KEPT_DAYS = 30  # after somebody asked for it
NOTED_EVERY = timedelta(hours=1)  # `asked_at` is not written with every request

Priority = EmbeddingJob.Priority
State = EmbeddingJob.State


def region_of(text: str, image: Image) -> Region:
    """A region of an image, as an address names it.

    Raises:
        InvalidRegion: with the rule.
    """
    try:
        return region_from_text(text, image.hw)
    except RegionMalformed as error:
        message = f"{str(error)[0].upper()}{str(error)[1:]}."
        raise InvalidRegion(message, fields={"region": [message]}) from error


def open_region(
    image: Image, region: Region, is_ahead: bool = False, bundle: Bundle | None = None
) -> EmbeddingJob:
    """Somebody works in a region of `image`: its job goes first.

    Where too many regions are kept, those go that nobody has asked for longest.

    Args:
        is_ahead: somebody may come to it: its job goes last.
        bundle: one that stands in for the project's; None: the project's.

    Raises:
        NoBundle: none is installed.
    """
    bundle = bundle or bundle_of(image.project)
    now = timezone.now()
    priority = Priority.FORESEEN if is_ahead else Priority.OPENED
    with transaction.atomic():
        job, is_new = EmbeddingJob.objects.get_or_create(
            image=image,
            bundle=bundle,
            region=str(region),
            defaults={"priority": priority, "queued_at": now, "asked_at": now},
        )
        row = EmbeddingJob.objects.filter(pk=job.pk)
        moved = 0 if is_new else queue.prioritise(row, priority)
        if job.asked_at is None or job.asked_at < now - NOTED_EVERY:
            row.update(asked_at=now)
        if is_new:
            _make_room(image, bundle, job)
    if moved:
        job.refresh_from_db()
    if is_new or moved:
        queue.wake()
    return job


def forget_old() -> int:
    """Removes the embeddings of regions that nobody asked for in `KEPT_DAYS`; how many."""
    oldest_kept = timezone.now() - timedelta(days=KEPT_DAYS)
    return _forget(EmbeddingJob.objects.of_regions().filter(asked_at__lt=oldest_kept))


def _make_room(image: Image, bundle: Bundle, newest: EmbeddingJob) -> None:
    others = EmbeddingJob.objects.of_regions().filter(image=image, bundle=bundle).exclude(pk=newest.pk)
    latest_first = others.order_by("-asked_at", "-pk")
    foreseen = latest_first.filter(state=State.QUEUED, priority=Priority.FORESEEN)
    too_many = set(latest_first.values_list("pk", flat=True)[KEPT_PER_IMAGE - 1 :])
    if newest.priority == Priority.FORESEEN:
        too_many |= set(foreseen.values_list("pk", flat=True)[FORESEEN_PER_IMAGE - 1 :])
    if too_many:
        _forget(EmbeddingJob.objects.filter(pk__in=too_many))


def _forget(jobs: QuerySet[EmbeddingJob]) -> int:
    """Rows first, then files. A job that is being worked on stays."""
    with transaction.atomic():
        gone = list(jobs.exclude(state=State.RUNNING).select_for_update(of=("self",)).order_by("pk"))
        ids = [job.pk for job in gone]
        ready = [job.pk for job in gone if job.state == State.READY]
        names = store.names_of_jobs(EmbeddingJob.objects.filter(pk__in=ready))
        unowned.note(names)
        EmbeddingJob.objects.filter(pk__in=ids).delete()
        transaction.on_commit(lambda: store.discard(names))
    return len(ids)
