"""The exports tab of a project."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest

from annotator.models import Export, Image, Project
from exporters.registry import EXPORTERS

EXPORTS_SHOWN = 50
FORMATS = {"coco": "COCO instances"}
MASKS_AS = {"rle": "masks as RLE", "polygon": "masks as polygons", "both": "masks as RLE and polygons"}


def context(request: HttpRequest, shown: Project) -> dict[str, Any]:
    exports = list(Export.objects.filter(project=shown).select_related("created_by")[:EXPORTS_SHOWN])
    for export in exports:
        states = export.options.get("states") or []
        masks_as = MASKS_AS.get(export.options.get("segmentation", "rle"), "")
        export.title = f"{FORMATS.get(export.format, export.format)}, {masks_as}"
        which = " or ".join(Image.State(state).label for state in states if state in Image.State.values)
        export.details = f"images {which}" if which else "all images"
        if export.options.get("include_images"):
            export.details += ", with pictures"
    return {"exports": exports, "formats": [(name, FORMATS.get(name, name)) for name in EXPORTERS]}
