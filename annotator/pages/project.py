"""A project's pages: the frame with its tabs, each of which is a module beside this one."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, cast

from django.contrib.auth.decorators import login_required
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.views.decorators.http import require_GET

from annotator.models import Project
from annotator.models.figures import with_progress
from annotator.pages import dashboard, exports, images, imports, labels, people, settings, trash, versions
from annotator.people.permissions import role_has
from annotator.projects import progress

if TYPE_CHECKING:
    from annotator.pages.projects import ProjectWithRole


@dataclass(frozen=True)
class Tab:
    """One tab of a project. Its template is `pages/project_{name}.html`.

    Attributes:
        context: what the template needs beside the frame's; called with a project that has `with_progress`.
        right: who may see the tab.
    """

    title: str
    context: Callable[[HttpRequest, Project], dict[str, Any]]
    right: str = "read"


TABS = {
    "images": Tab("Images", images.context),
    "dashboard": Tab("Dashboard", dashboard.context),
    "labels": Tab("Categories", labels.context),
    "people": Tab("People", people.context),
    "imports": Tab("Imports", imports.context, right="manage"),
    "exports": Tab("Exports", exports.context),
    "versions": Tab("Versions", versions.context),
    "settings": Tab("Settings", settings.context, right="manage"),
    "trash": Tab("Trash", trash.context, right="manage"),
}


@require_GET
@login_required
def project(request: HttpRequest, project_id: int, tab: str = "images") -> HttpResponse:
    rows = with_progress(Project.objects.visible_to(request.user).with_role(request.user))
    shown = cast("ProjectWithRole", get_object_or_404(rows, pk=project_id))
    rights = {right: role_has(shown.role, right) for right in ("read", "annotate", "manage")}
    if not rights[TABS[tab].right]:
        raise PermissionDenied(f"Only this project's managers may see its {tab}.")
    context = {
        "project": shown,
        "tab": tab,
        "tabs": [
            (name, each.title, reverse("project-tab", args=[shown.pk, name]))
            for name, each in TABS.items()
            if rights[each.right]
        ],
        "may_manage": rights["manage"],
        "may_annotate": rights["annotate"],
    }
    return render(request, f"pages/project_{tab}.html", context | TABS[tab].context(request, shown))


@require_GET
@login_required
def continue_project(request: HttpRequest, project_id: int) -> HttpResponse:
    """Opens the first image that is neither done nor skipped; the images tab when there is none left."""
    shown = get_object_or_404(Project.objects.visible_to(request.user), pk=project_id)
    image = progress.first_unfinished(shown)
    if image is None:
        return redirect("project", project_id=shown.pk)
    return redirect("annotate", image.pk)
