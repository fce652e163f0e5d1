"""The exports tab of a project."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest

from annotator.datasets import formats
from annotator.models import DatasetVersion, Export, Project
from exporters.registry import export_formats

EXPORTS_SHOWN = 50


def context(request: HttpRequest, shown: Project) -> dict[str, Any]:
    exports = Export.objects.filter(project=shown).select_related("created_by")[:EXPORTS_SHOWN]
    versions = DatasetVersion.objects.filter(project=shown, state=DatasetVersion.State.READY)
    return {
        "versions": versions,
        # The one that the versions tab leads here with.
        "chosen_version": request.GET.get("version", ""),
        "exports": [(export, formats.title(export), formats.images(export)) for export in exports],
        "formats": export_formats(),
    }
