"""The settings tab of a project."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest

from annotator.models import Bundle, Overlap, Project


def context(request: HttpRequest, shown: Project) -> dict[str, Any]:
    return {"bundles": Bundle.objects.available(), "overlaps": Overlap.choices}
