"""The imports tab of a project: what was found in each dataset, and what is to become of it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from django.http import HttpRequest

from annotator.datasets.examination import NEW, SKIP
from annotator.models import Import, Project
from exporters.registry import import_formats

IMPORTS_SHOWN = 50


@dataclass(frozen=True)
class ShownCategory:
    """One category of a file, and what it is to become."""

    id: int
    name: str
    color: str
    new: int
    here: int
    target: int | str


@dataclass(frozen=True)
class ShownImport:
    """One row of the page.

    Attributes:
        has_options: a person can still change what is to become of it.
        is_open: and start it.
        annotations, images: how many would come in.
    """

    row: Import
    title: str
    has_options: bool
    is_open: bool
    categories: list[ShownCategory]
    annotations: int = 0
    images: int = 0


def context(request: HttpRequest, shown: Project) -> dict[str, Any]:
    rows = Import.objects.filter(project=shown).select_related("created_by")[:IMPORTS_SHOWN]
    return {
        "imports": [_shown(row) for row in rows],
        "formats": [(name, row.title) for name, row in import_formats().items()],
        "targets": list(shown.categories.all()),
        "matches": Import.Match.choices,
        "new": NEW,
        "skip": SKIP,
    }


def _shown(row: Import) -> ShownImport:
    found = row.found or {}
    has_options = row.phase in (Import.Phase.EXAMINED, Import.Phase.FAILED, Import.Phase.CANCELLED)
    is_open = has_options and bool(found)
    categories = [
        ShownCategory(
            id=each["id"],
            name=each["name"],
            color=each["color"],
            new=each["new"],
            here=each["here"],
            target=row.mapping.get(str(each["id"]), SKIP),
        )
        for each in (found.get("categories", []) if is_open else [])
    ]
    return ShownImport(
        row=row,
        title=found.get("title", row.format),
        has_options=has_options,
        is_open=is_open,
        categories=categories,
        annotations=sum(each.new for each in categories if each.target != SKIP),
        images=found["images"]["new"] if is_open else 0,
    )
