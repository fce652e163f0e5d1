"""The versions tab of a project."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest

from annotator.models import DatasetVersion, Project

VERSIONS_SHOWN = 100


def context(request: HttpRequest, shown: Project) -> dict[str, Any]:
    versions = DatasetVersion.objects.filter(project=shown).select_related("created_by")
    return {"versions": versions[:VERSIONS_SHOWN]}
