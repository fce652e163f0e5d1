"""How many embeddings there are and how long they take."""

from __future__ import annotations

import statistics
from dataclasses import dataclass
from datetime import timedelta

from django.db.models import Avg, Count, Exists, OuterRef, Sum
from django.utils import timezone

from annotator.models import Bundle, EmbeddingJob, Project
from annotator.models.embedding import EmbeddingJobQuerySet

JOBS_LOOKED_AT = 500
RECENT_JOBS = 100
LATELY = timedelta(minutes=10)
State = EmbeddingJob.State


@dataclass(frozen=True)
class BundleFigures:
    """Of the embeddings of one bundle: of whole images, but for the bytes, which are those of regions too.

    `median_ms` is None before the first one was measured.
    """

    ready: int
    size_bytes: int
    waiting: int
    median_ms: float | None


def figures_of(bundle: Bundle) -> BundleFigures:
    of_bundle = EmbeddingJob.objects.filter(bundle=bundle).order_by()
    jobs = of_bundle.of_whole_images()
    ready = jobs.filter(state=State.READY)
    stored_bytes = of_bundle.filter(state=State.READY).aggregate(sum=Sum("size_bytes", default=0))["sum"]
    return BundleFigures(
        ready=ready.count(),
        size_bytes=stored_bytes,
        waiting=_waiting(jobs).count(),
        median_ms=_median_ms(ready),
    )


def _waiting(jobs: EmbeddingJobQuerySet) -> EmbeddingJobQuerySet:
    """Those that a worker will come to: images in the trash wait for nobody."""
    return jobs.filter(state__in=[State.QUEUED, State.RUNNING], image__deleted_at__isnull=True)


def _ready_of(bundle: Bundle | int) -> EmbeddingJobQuerySet:
    return EmbeddingJob.objects.of_whole_images().filter(bundle=bundle, state=State.READY)


def _median_ms(ready: EmbeddingJobQuerySet) -> float | None:
    """Of the latest jobs that really made an embedding."""
    # What several projects have is computed for the first of them only. Later entries of the dict win, and those are
    # the older ones: the job that did the work.
    latest = ready.filter(duration_ms__isnull=False).order_by("-finished_at")
    measured = latest.values_list("image__digest", "duration_ms")[:JOBS_LOOKED_AT]
    times_ms = {digest: duration_ms for digest, duration_ms in measured if duration_ms is not None}
    return statistics.median(times_ms.values()) if times_ms else None


def needs_of(project: Project, bundle: Bundle) -> dict[str, float | None]:
    """How many embeddings a project lacks for a bundle, and how long one worker has to make them.

    Returns:
        missing; seconds, None where none of the bundle was measured yet.
    """
    ready = EmbeddingJob.objects.of_whole_images().filter(
        image=OuterRef("pk"), bundle=bundle, state=State.READY
    )
    missing = project.images.filter(~Exists(ready)).count()
    median_ms = _median_ms(_ready_of(bundle))
    return {"missing": missing, "seconds": None if median_ms is None else missing * median_ms / 1000}


@dataclass(frozen=True)
class Pace:
    """How fast embeddings are made.

    images_per_minute   in the last ten minutes, from the first of them on; None: none was made
    seconds_left        until none waits, by each bundle's median; None: no worker, or a bundle not measured yet
    """

    images_per_minute: float | None
    seconds_left: float | None


def pace(workers: int) -> Pace:
    """Of all projects together, with so many workers."""
    now = timezone.now()
    lately = (
        EmbeddingJob.objects.of_whole_images()
        .filter(state=State.READY, duration_ms__isnull=False, finished_at__gte=now - LATELY)
        .order_by("finished_at")
    )
    first = lately.first()
    per_minute = None
    if first and first.finished_at:
        begun = first.finished_at - timedelta(milliseconds=first.duration_ms or 0)
        per_minute = lately.count() / max((now - begun).total_seconds(), 1.0) * 60
    return Pace(per_minute, _seconds_left(workers))


def _seconds_left(workers: int) -> float | None:
    waiting = _waiting(EmbeddingJob.objects.of_whole_images()).order_by()
    total_ms = 0.0
    for bundle, count in waiting.values_list("bundle").annotate(Count("pk")):
        median_ms = _median_ms(_ready_of(bundle))
        if median_ms is None:
            return None
        total_ms += count * median_ms
    return total_ms / 1000 / workers if workers else None


def mean_recent_ms() -> float | None:
    """What an embedding took on average lately, whatever the bundle."""
    recent = EmbeddingJob.objects.filter(duration_ms__isnull=False).order_by("-finished_at")[:RECENT_JOBS]
    return recent.aggregate(mean=Avg("duration_ms"))["mean"]
