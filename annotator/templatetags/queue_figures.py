"""`{% queue_figures as queue %}`: what the admin's overview says about the workers and what waits for them."""

from __future__ import annotations

from datetime import timedelta

from django import template
from django.conf import settings
from django.db.models import Avg, Count
from django.utils import timezone

from annotator.models import Annotation, EmbeddingJob, Export, Image, Project, WorkerHeartbeat

register = template.Library()

# A worker writes its sign of life every JOB_SWEEP_INTERVAL_S; three missed ones mean it is gone.
MISSED_SIGNS = 3


@register.simple_tag
def queue_figures() -> dict:
    alive_since = timezone.now() - timedelta(seconds=MISSED_SIGNS * settings.JOB_SWEEP_INTERVAL_S)
    embeddings = _by_state(EmbeddingJob, EmbeddingJob.State.values)
    recent = EmbeddingJob.objects.filter(duration_ms__isnull=False).order_by("-finished_at")[:100]
    return {
        "embeddings": embeddings,
        "exports": _by_state(Export, Export.State.values),
        "workers": list(WorkerHeartbeat.objects.filter(last_seen__gte=alive_since)),
        "mean_duration_ms": recent.aggregate(mean=Avg("duration_ms"))["mean"],
        "project_count": Project.objects.count(),
        "image_count": Image.objects.count(),
        "annotation_count": Annotation.objects.live().count(),
    }


def _by_state(model, states: list[str]) -> dict[str, int]:
    counted = dict(model.objects.order_by().values_list("state").annotate(Count("pk")))
    return {state: counted.get(state, 0) for state in states}
