"""The settings tab of a project."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest

from annotator.embeddings.figures import needs_of
from annotator.models import Bundle, Overlap, Project


def context(request: HttpRequest, shown: Project) -> dict[str, Any]:
    bundles = list(Bundle.objects.available())
    needs = {bundle.name: needs_of(shown, bundle) for bundle in bundles}
    default = next((bundle for bundle in bundles if bundle.is_default), None)
    if default:
        needs[""] = needs[default.name]  # no bundle of its own: the default one
    return {"bundles": bundles, "needs": needs, "overlaps": Overlap.choices}
