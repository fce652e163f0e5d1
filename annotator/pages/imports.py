"""The imports tab of a project: what was found in each dataset, and what is to become of it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from django.conf import settings
from django.http import HttpRequest

from annotator.datasets.examination import NEW, SKIP
from annotator.models import Category, Import, Project
from annotator.people.permissions import signed_in
from exporters.registry import import_formats

IMPORTS_SHOWN = 50
NAMES_SHOWN = 10
# Of all lists of one import together. Above, the page offers the project's categories once, and a list takes them from
# there when somebody opens it: a thousand lists of a thousand categories are hundreds of megabytes.
MOST_OPTIONS = 10_000


@dataclass(frozen=True)
class ShownCategory:
    """One category of a file, and what it is to become."""

    id: int
    name: str
    color: str
    new: int
    here: int
    target: int | str
    offered: list[Category]


@dataclass(frozen=True)
class ShownImport:
    """One row of the page.

    Attributes:
        has_options: a person can still change what is to become of it.
        is_open: and start it.
        is_begun: some of it may have come in before it was stopped.
        offers_all: each category's list has all of the project's categories.
        annotations, images: how many would come in.
        left_out: of one that has come in: which annotations did not, in words.
    """

    row: Import
    title: str
    has_options: bool
    is_open: bool
    is_begun: bool
    offers_all: bool
    categories: list[ShownCategory]
    annotations: int
    images: int
    left_out: list[str]


def context(request: HttpRequest, shown: Project) -> dict[str, Any]:
    rows = Import.objects.filter(project=shown).select_related("created_by")[:IMPORTS_SHOWN]
    targets = list(shown.categories.all())
    return {
        "imports": [_shown(row, targets) for row in rows],
        "formats": [(name, row.title) for name, row in import_formats().items()],
        "targets": targets,
        "format_titles": [row.title for row in import_formats().values()],
        "matches": Import.Match.choices,
        # A dataset that lies on the server already; the API refuses others than admins.
        "import_roots": [str(root) for root in settings.IMPORT_ROOTS]
        if signed_in(request.user).is_staff
        else [],
        "new": NEW,
        "skip": SKIP,
    }


def _shown(row: Import, targets: list[Category]) -> ShownImport:
    found = row.found or {}
    has_options = row.phase in (Import.Phase.EXAMINED, Import.Phase.FAILED, Import.Phase.CANCELLED)
    is_open = has_options and bool(found)
    rows = found.get("categories", []) if is_open else []
    offers_all = len(rows) * len(targets) <= MOST_OPTIONS
    of_key = {target.pk: [target] for target in targets}
    categories = [
        ShownCategory(
            id=each["id"],
            name=each["name"],
            color=each["color"],
            new=each["new"],
            here=each["here"],
            target=(target := row.mapping.get(str(each["id"]), SKIP)),
            offered=targets if offers_all else of_key.get(target, []),
        )
        for each in rows
    ]
    return ShownImport(
        row=row,
        title=found.get("title", row.format),
        has_options=has_options,
        is_open=is_open,
        is_begun=is_open and row.step == Import.Step.IMPORT,
        offers_all=offers_all,
        categories=categories,
        annotations=sum(each.new for each in categories if each.target != SKIP),
        images=found["images"]["new"] if is_open else 0,
        left_out=_left_out(row) if row.phase == Import.Phase.READY else [],
    )


def _left_out(row: Import) -> list[str]:
    """What the examination had found and the mapping, or a picture that was not there, kept out."""
    found = row.found or {"categories": [], "annotations": {"unplaced": 0}}
    skipped = [
        category
        for category in found["categories"]
        if category["new"] and row.mapping.get(str(category["id"]), SKIP) == SKIP
    ]
    said = []
    if skipped:
        count = sum(category["new"] for category in skipped)
        of_what = "a skipped category" if len(skipped) == 1 else f"{len(skipped)} skipped categories"
        names = [category["name"] for category in skipped[:NAMES_SHOWN]]
        more = ", ..." if len(skipped) > NAMES_SHOWN else ""
        said.append(f"{_annotations(count)} of {of_what} ({', '.join(names)}{more})")
    if unplaced := found["annotations"]["unplaced"]:
        said.append(f"{_annotations(unplaced)} on images that did not come in")
    return said


def _annotations(count: int) -> str:
    return f"{count:,} annotation{'' if count == 1 else 's'}"
