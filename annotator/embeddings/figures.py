"""How many embeddings there are and how long they take."""

from __future__ import annotations

import statistics
from dataclasses import dataclass
from datetime import timedelta

from django.db.models import Avg, Count, Exists, OuterRef, Sum
from django.utils import timezone

from annotator.models import Bundle, BundleJob, EmbeddingJob, Project
from annotator.models.embedding import EmbeddingJobQuerySet

JOBS_LOOKED_AT = 500
RECENT_JOBS = 100
MEASURABLE_S = 0.001  # what takes less counts as this
LATELY = timedelta(minutes=10)
State = EmbeddingJob.State


@dataclass(frozen=True)
class BundleFigures:
    """Of the embeddings of one bundle: of whole images, but for the bytes, which are those of regions too.

    median_ms       None before the first one was measured
    self_test_ms    of one picture in the last self-test; None: there was none
    """

    ready: int
    size_bytes: int
    waiting: int
    median_ms: float | None
    self_test_ms: float | None

    @property
    def image_ms(self) -> float | None:
        """What an image takes, as far as anybody knows."""
        return self.self_test_ms if self.median_ms is None else self.median_ms


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
        self_test_ms=_self_test_ms(bundle),
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


def _self_test_ms(bundle: Bundle) -> float | None:
    """What the last self-test took for its picture; a bundle of the same name that was there before does not count."""
    tests = BundleJob.objects.filter(name=bundle.name, state=State.READY, finished_at__gte=bundle.created_at)
    job = tests.order_by("-finished_at").first()
    seconds = (job.result or {}).get("encode_s") if job else None
    return None if seconds is None else 1000 * seconds


def image_ms(bundle: Bundle) -> float | None:
    """What an image takes with a bundle: the median of those that were embedded, before the first one the self-test's
    time; None where nothing was measured."""
    median_ms = _median_ms(_ready_of(bundle))
    return _self_test_ms(bundle) if median_ms is None else median_ms


def needs_of(project: Project, bundle: Bundle) -> dict[str, float | None]:
    """How many embeddings a project lacks for a bundle, and how long one worker has to make them.

    Returns:
        missing; queued, those of them that a worker will come to; seconds, None where nothing of the bundle was
        measured yet; image_seconds likewise, of one image.
    """
    ready = EmbeddingJob.objects.of_whole_images().filter(
        image=OuterRef("pk"), bundle=bundle, state=State.READY
    )
    missing = project.images.filter(~Exists(ready)).count()
    of_project = EmbeddingJob.objects.of_whole_images().filter(bundle=bundle, image__project=project)
    each_ms = image_ms(bundle)
    return {
        "missing": missing,
        "queued": _waiting(of_project).count(),
        "seconds": None if each_ms is None else missing * each_ms / 1000,
        "image_seconds": None if each_ms is None else each_ms / 1000,
    }


@dataclass(frozen=True)
class Pace:
    """How fast embeddings are made.

    images_per_minute   in the last ten minutes, of the time in which any was being made; None: none was
    seconds_left        until none waits, by what an image takes with each bundle; None: no worker, or one not measured
    """

    images_per_minute: float | None
    seconds_left: float | None


def pace(workers: int) -> Pace:
    """Of all projects together, with so many workers."""
    lately = (
        EmbeddingJob.objects.of_whole_images()
        .filter(state=State.READY, duration_ms__isnull=False, finished_at__gte=timezone.now() - LATELY)
        .order_by("-finished_at")
        .values_list("finished_at", "duration_ms")[:JOBS_LOOKED_AT]
    )
    stretches = [
        (finished_at.timestamp() - duration_ms / 1000, finished_at.timestamp())
        for finished_at, duration_ms in lately
        if finished_at and duration_ms is not None
    ]
    # Time in which nothing was to be done says nothing of how fast it is done.
    busy_s = max(_covered(stretches), MEASURABLE_S)
    return Pace(len(stretches) / busy_s * 60 if stretches else None, _seconds_left(workers))


def _covered(stretches: list[tuple[float, float]]) -> float:
    """How much of the time line some stretches (begin, end) cover together."""
    covered, reached = 0.0, float("-inf")
    for begin, end in sorted(stretches):
        covered += max(0.0, end - max(begin, reached))
        reached = max(reached, end)
    return covered


def _seconds_left(workers: int) -> float | None:
    waiting = _waiting(EmbeddingJob.objects.of_whole_images()).order_by()
    counts = dict(waiting.values_list("bundle").annotate(Count("pk")))
    total_ms = 0.0
    for bundle in Bundle.objects.filter(pk__in=counts):
        each_ms = image_ms(bundle)
        if each_ms is None:
            return None
        total_ms += counts[bundle.pk] * each_ms
    return total_ms / 1000 / workers if workers else None


def mean_recent_ms() -> float | None:
    """What an embedding took on average lately, whatever the bundle."""
    recent = EmbeddingJob.objects.filter(duration_ms__isnull=False).order_by("-finished_at")[:RECENT_JOBS]
    return recent.aggregate(mean=Avg("duration_ms"))["mean"]
