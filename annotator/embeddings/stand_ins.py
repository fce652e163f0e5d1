"""A small bundle answers while a project's own, which may take a minute for an image, is still at work.

The stand-in's embedding is made on demand, when somebody opens an image whose own embedding is not ready, by a process
of the worker that does nothing else.
"""

from __future__ import annotations

from django.conf import settings
from django.db.models import F, QuerySet

from annotator.models import Bundle, EmbeddingJob, Image
from annotator.models.bundle import used_bundle


def stand_in_for(bundle: Bundle) -> Bundle | None:
    """The bundle that answers until an embedding of `bundle` is ready; None: it is the one, or none is there."""
    small = _small_bundle()
    return None if small is None or small.pk == bundle.pk else small


def needed_stand_in() -> Bundle | None:
    """The stand-in, where there are images of other bundles."""
    small = _small_bundle()
    others = Image.objects.alias(used_bundle=used_bundle()).exclude(used_bundle=small and small.pk)
    return small if small and others.exists() else None


def takeable_jobs() -> QuerySet[EmbeddingJob]:
    """The jobs of stand-ins that wait; not those of projects that use the small bundle as their own."""
    of_small = EmbeddingJob.takeable().filter(
        state=EmbeddingJob.State.QUEUED, bundle__name=settings.STAND_IN_BUNDLE
    )
    return of_small.alias(used_bundle=used_bundle("image__project")).exclude(bundle=F("used_bundle"))


def _small_bundle() -> Bundle | None:
    return Bundle.objects.available().filter(name=settings.STAND_IN_BUNDLE).first()
