"""The settings tab of a project."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest

from annotator.embeddings.figures import needs_of
from annotator.models import Bundle, Overlap, Project
from annotator.site.words import image_time
from segmentation.catalogue import members


def context(request: HttpRequest, shown: Project) -> dict[str, Any]:
    bundles = list(Bundle.objects.available())
    needs = {bundle.name: needs_of(shown, bundle) for bundle in bundles}
    default = next((bundle for bundle in bundles if bundle.is_default), None)
    if default:
        needs[""] = needs[default.name]  # no bundle of its own: the default one
    return {
        "bundles": [(bundle, _said_of(bundle, needs[bundle.name])) for bundle in bundles],
        "default_label": f"The default model ({default.title or default.name})"
        if default
        else "The default model",
        "needs": needs,
        "overlaps": Overlap.choices,
    }


def _said_of(bundle: Bundle, needs: dict[str, float | None]) -> str:
    """A model's title with what an image takes here and, where it is so, that it is the default now."""
    seconds = needs["image_seconds"]
    row = next((row for row in members() if row.name == bundle.name), None)
    if seconds is not None:
        facts = [f"{image_time(1000 * seconds)} an image"]
    else:
        facts = [f"{row.speed} on a CPU, not measured here yet" if row else "not measured here yet"]
    if bundle.is_default:
        facts.append("the default now")
    title = bundle.title or bundle.name
    return f"{title}: {', '.join(facts)}"
