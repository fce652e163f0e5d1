"""The dashboard tab of a project."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest

from annotator.models import Project
from annotator.projects import dashboards


def context(request: HttpRequest, shown: Project) -> dict[str, Any]:
    return {"figures": dashboards.figures(shown)}
