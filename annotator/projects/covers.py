"""What a project's card shows of it: its first images."""

from __future__ import annotations

from collections.abc import Iterable

from django.db.models import F, Window
from django.db.models.functions import RowNumber

from annotator.models import Image, Project

COVER_IMAGES = 4


def cover_images(projects: Iterable[Project]) -> dict[int, list[Image]]:
    """Primary key of a project -> its first images, for all projects in one query."""
    numbered = Image.objects.filter(project__in=[project.pk for project in projects]).annotate(
        number=Window(RowNumber(), partition_by=F("project"), order_by=["position", "pk"])
    )
    covers: dict[int, list[Image]] = {}
    for image in numbered.filter(number__lte=COVER_IMAGES):
        covers.setdefault(image.project_id, []).append(image)
    return covers
