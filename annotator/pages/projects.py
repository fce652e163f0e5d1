"""The projects page: a card for each project that one may see."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, TypedDict, cast

from django.contrib.auth.decorators import login_required
from django.core.paginator import Paginator
from django.db.models import Prefetch
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_GET

from annotator.models import Membership, Project
from annotator.models.figures import with_progress
from annotator.people.permissions import role_has
from annotator.projects.covers import cover_images
from annotator.projects.palette import CATEGORY_COLORS

if TYPE_CHECKING:
    from django_stubs_ext import WithAnnotations

    class HasRole(TypedDict):
        role: str | None

    ProjectWithRole = WithAnnotations[Project, HasRole]


PROJECTS_PER_PAGE = 24


@require_GET
@login_required
def projects(request: HttpRequest) -> HttpResponse:
    search = request.GET.get("search", "").strip()
    rows = Project.objects.visible_to(request.user).with_role(request.user).filter(name__icontains=search)
    members = Prefetch("memberships", Membership.objects.select_related("user"))
    page = Paginator(
        with_progress(rows).order_by("-created_at").prefetch_related(members), PROJECTS_PER_PAGE
    ).get_page(request.GET.get("page"))
    covers = cover_images(page)
    context = {
        "page": page,
        "cards": [
            (project, covers.get(project.pk, []), role_has(project.role, "annotate"))
            for project in cast("Iterable[ProjectWithRole]", page)
        ],
        "search": search,
        "category_colors": CATEGORY_COLORS,
    }
    return render(request, "pages/projects.html", context)
