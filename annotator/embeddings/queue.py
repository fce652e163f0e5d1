"""Which embeddings are to be made, and in which order. `annotator.jobs.queue` claims and ends the jobs."""

from __future__ import annotations

from collections.abc import Iterable

from django.conf import settings
from django.db.models import Exists, OuterRef, Q, QuerySet
from django.utils import timezone

from annotator.embeddings.errors import EmbeddingNotFailed, NoBundle
from annotator.embeddings.which_bundle import bundle_of
from annotator.jobs import queue
from annotator.jobs.kinds import kind_of
from annotator.models import Bundle, EmbeddingJob, Image
from annotator.models.bundle import used_bundle

Priority = EmbeddingJob.Priority
State = EmbeddingJob.State


def ensure_job(image: Image, bundle: Bundle, priority: int = Priority.UPLOADED) -> EmbeddingJob:
    """The job for this image and bundle, made where missing and moved forward where `priority` is a better one."""
    job, created = EmbeddingJob.objects.get_or_create(
        image=image, bundle=bundle, region="", defaults={"priority": priority, "queued_at": timezone.now()}
    )
    if not created and job.priority > priority:
        prioritise(EmbeddingJob.objects.filter(pk=job.pk), priority)
        job.refresh_from_db()
    return job


def ensure_job_where_possible(image: Image, priority: int = Priority.UPLOADED) -> EmbeddingJob | None:
    """As `ensure_job`, with the project's bundle. None without a bundle; `ensure_missing` makes the job later."""
    try:
        return ensure_job(image, bundle_of(image.project), priority)
    except NoBundle:
        return None


def ensure_jobs(images: Iterable[Image], bundle: Bundle, priority: int = Priority.UPLOADED) -> None:
    """Makes the missing jobs of many images and moves the queued ones forward, in two statements."""
    images = list(images)
    now = timezone.now()
    EmbeddingJob.objects.bulk_create(
        [EmbeddingJob(image=image, bundle=bundle, priority=priority, queued_at=now) for image in images],
        ignore_conflicts=True,
        batch_size=500,
    )
    prioritise(EmbeddingJob.objects.of_whole_images().filter(bundle=bundle, image__in=images), priority)


def ensure_all(bundle: Bundle, batch: int = 1000) -> None:
    """Makes the missing jobs of all images that use a bundle."""
    while missing := _without_job(bundle, batch):
        ensure_jobs(missing, bundle)


def drop_unwanted(bundle: Bundle) -> int:
    """Deletes the queued jobs of a bundle for images that use another one by now; how many.

    One that stands in for others keeps those for which somebody has opened an image.
    """
    jobs = EmbeddingJob.objects.filter(bundle=bundle, state=State.QUEUED)
    if bundle.name == settings.STAND_IN_BUNDLE:
        jobs = jobs.filter(priority__gt=Priority.NEXT)
    others = jobs.alias(used_bundle=used_bundle("image__project")).exclude(used_bundle=bundle.pk)
    # A worker may have taken one of them meanwhile: it goes on.
    found = list(others.values_list("pk", flat=True))
    return sum(
        EmbeddingJob.objects.filter(pk__in=found[at : at + 500], state=State.QUEUED).delete()[0]
        for at in range(0, len(found), 500)
    )


def ensure_missing(batch: int = 1000) -> int:
    """Makes jobs for images that have none for the bundle they use: it was installed or changed after they came."""
    made = 0
    for bundle in Bundle.objects.available():
        if missing := _without_job(bundle, batch):
            ensure_jobs(missing, bundle)
            made += len(missing)
    return made


def _without_job(bundle: Bundle, most: int) -> list[Image]:
    has_job = EmbeddingJob.objects.of_whole_images().filter(image=OuterRef("pk"), bundle=bundle)
    using_it = Image.objects.alias(used_bundle=used_bundle()).filter(used_bundle=bundle.pk)
    return list(using_it.filter(~Exists(has_job))[:most])


def open_image(image: Image, bundle: Bundle | None = None) -> EmbeddingJob:
    """Somebody looks at `image`: its job goes first, the following images' jobs next, the rest waits.

    Args:
        bundle: one that stands in for the project's on images whose own embedding is not ready; None: the project's.

    Raises:
        NoBundle: none is installed.
    """
    own = bundle_of(image.project)
    bundle = bundle or own
    whole = EmbeddingJob.objects.of_whole_images().filter(bundle=bundle)
    known = whole.filter(image=image).first()
    if known and (known.state != State.QUEUED or known.priority == Priority.OPENED):
        job, is_new = known, False  # asked again and again while the page waits
    else:
        job, is_new = ensure_job(image, bundle, Priority.OPENED), True
    later = Image.objects.following(image)
    if bundle != own:
        ensure_job(image, own, Priority.OPENED)  # the page asks for this one once the stand-in answers
        ready = EmbeddingJob.objects.of_whole_images().filter(bundle=own, state=State.READY)
        later = later.exclude(Exists(ready.filter(image=OuterRef("pk"))))
    following = list(later[: settings.EMBEDDING_PREPARE_AHEAD])
    unprepared = whole.filter(image__in=following).exclude(state=State.QUEUED, priority__gt=Priority.NEXT)
    prepared_ids = set(unprepared.values_list("image", flat=True))
    to_prepare = [other for other in following if other.pk not in prepared_ids]
    if to_prepare:
        ensure_jobs(to_prepare, bundle, Priority.NEXT)
    if to_prepare or is_new:
        wake()
    return job


def prioritise(jobs: QuerySet[EmbeddingJob], priority: int) -> int:
    """Moves queued jobs of a queryset forward to `priority`; those already before it stay."""
    return jobs.filter(state=State.QUEUED, priority__gt=priority).update(priority=priority)


def retry(job: EmbeddingJob) -> EmbeddingJob:
    """Puts a failed job back to the front of the queue with fresh attempts.

    Raises:
        EmbeddingNotFailed: the job is in another state.
    """
    if retry_failed(EmbeddingJob.objects.filter(pk=job.pk), priority=Priority.OPENED) != 1:
        raise EmbeddingNotFailed(f"The embedding is {job.state}; only a failed one can be retried.")
    job.refresh_from_db()
    return job


def retry_failed(jobs: QuerySet[EmbeddingJob], priority: int = Priority.UPLOADED) -> int:
    """Puts the failed jobs of a queryset back into the queue, behind those that wait already; how many."""
    return queue.retry_failed(jobs, priority=priority, queued_at=timezone.now())


def requeue_lost(job: EmbeddingJob, why: str = "The stored embedding was missing.") -> EmbeddingJob:
    """A ready job whose file is gone from storage, or is damaged: made again, before the rest."""
    again = queue.FRESH | {"error": why}
    EmbeddingJob.objects.filter(pk=job.pk, state=State.READY).update(
        **again, priority=Priority.OPENED, queued_at=timezone.now()
    )
    wake()
    job.refresh_from_db()
    return job


def position(job: EmbeddingJob) -> int | None:
    """How many jobs are taken before this one; None unless it is queued."""
    if job.state != State.QUEUED:
        return None
    earlier_in_queue = Q(priority__lt=job.priority) | Q(priority=job.priority) & (
        Q(queued_at__lt=job.queued_at) | Q(queued_at=job.queued_at, pk__lt=job.pk)
    )
    return EmbeddingJob.takeable().filter(earlier_in_queue, state=State.QUEUED).count()


def wake() -> None:
    """Tells the workers that there are embeddings to make."""
    kind_of(EmbeddingJob).wake()
