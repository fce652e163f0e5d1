"""The exports tab of a project."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.http import HttpRequest

from annotator.datasets import formats, making
from annotator.datasets.selection import SplitBy
from annotator.models import Bundle, DatasetVersion, Export, Project
from exporters.registry import export_formats

EXPORTS_SHOWN = 50


def context(request: HttpRequest, shown: Project) -> dict[str, Any]:
    exports = Export.objects.filter(project=shown).select_related("created_by")[:EXPORTS_SHOWN]
    versions = DatasetVersion.objects.filter(project=shown, state=DatasetVersion.State.READY)
    return {
        "versions": versions,
        # The one that the versions tab leads here with.
        "chosen_version": request.GET.get("version", ""),
        "exports": [
            (export, formats.title(export), formats.selected(export), making.held(export.report or {}))
            for export in exports
        ],
        "formats": export_formats(),
        "link_hours": settings.EXPORT_LINK_HOURS,
        # What can be chosen. People who left the project are not among them; the API takes their names too.
        "people": [row.user for row in shown.memberships.select_related("user")],
        "bundles": Bundle.objects.available(),
        "categories": shown.categories.all(),
        "splits": SplitBy.choices,
    }
