"""`{% queue_figures as queue %}`: what the admin's overview says about the workers and what waits for them."""

from __future__ import annotations

from django import template
from django.db.models import Avg
from django.urls import reverse

from annotator.jobs import report
from annotator.jobs.kinds import KINDS
from annotator.models import Annotation, EmbeddingJob, Image, Project

register = template.Library()


@register.simple_tag
def queue_figures() -> dict:
    recent = EmbeddingJob.objects.filter(duration_ms__isnull=False).order_by("-finished_at")[:100]
    return {
        "jobs": {name: {"counts": counts, "list": _list(name)} for name, counts in report.counts().items()},
        "workers": list(report.alive_workers()),
        "mean_duration_ms": recent.aggregate(mean=Avg("duration_ms"))["mean"],
        "project_count": Project.objects.count(),
        "image_count": Image.objects.count(),
        "annotation_count": Annotation.objects.live().count(),
    }


def _list(kind: str) -> str:
    """The address of the admin's list of a kind's jobs."""
    return reverse(f"admin:{KINDS[kind].model._meta.label_lower.replace('.', '_')}_changelist")
