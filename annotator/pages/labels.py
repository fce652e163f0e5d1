"""The labels tab of a project: its categories."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest

from annotator.models import Project
from annotator.models.figures import with_annotation_count
from annotator.projects.palette import next_color


def context(request: HttpRequest, shown: Project) -> dict[str, Any]:
    categories = list(with_annotation_count(shown.categories.all()))
    return {"categories": categories, "next_color": next_color([category.color for category in categories])}
