"""The HTML pages: parse, authorise, read, render. What people do on them goes through the API."""

from __future__ import annotations

from django.conf import settings
from django.contrib.auth.decorators import login_required
from django.contrib.auth.views import LoginView
from django.core.paginator import Paginator
from django.db.models import Count, Max, Prefetch, Sum
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.views.decorators.http import require_GET

from annotator import dashboards
from annotator.login_attempts import is_blocked
from annotator.models import Bundle, EmbeddingJob, Export, Image, Membership, Project, Role
from annotator.permissions import may
from annotator.templatetags.queue_figures import queue_figures

IMAGES_PER_PAGE = 60
PROJECTS_PER_PAGE = 24
COVER_IMAGES = 4
TABS = {
    "images": "Images",
    "dashboard": "Dashboard",
    "labels": "Labels",
    "people": "People",
    "exports": "Exports",
    "settings": "Settings",
}
# Twelve hues that stay apart under the common colour-vision deficiencies: Okabe and Ito's, then darker and lighter ones
# between them. Source: Okabe & Ito, Color Universal Design, 2008.
CATEGORY_COLORS = (
    "#0072b2", "#e69f00", "#009e73", "#cc79a7", "#d55e00", "#56b4e9",
    "#f0e442", "#7a3e9d", "#004d40", "#a6761d", "#9fd8cb", "#8c2d04",
)  # fmt: skip


class SignInView(LoginView):
    template_name = "pages/login.html"
    redirect_authenticated_user = True

    def form_invalid(self, form) -> HttpResponse:
        if is_blocked(self.request, form.data.get("username", "")):
            minutes = max(1, settings.LOGIN_FAILURES_WINDOW_S // 60)
            form.errors.clear()
            form.add_error(None, f"Too many failed attempts. Wait {minutes} minutes, then try again.")
        return super().form_invalid(form)


@require_GET
@login_required
def projects(request: HttpRequest) -> HttpResponse:
    search = request.GET.get("search", "").strip()
    rows = (
        Project.objects.visible_to(request.user)
        .with_progress()
        .with_role(request.user)
        .order_by("-created_at")
    )
    if search:
        rows = rows.filter(name__icontains=search)
    page = Paginator(
        rows.prefetch_related(Prefetch("memberships", Membership.objects.select_related("user"))),
        PROJECTS_PER_PAGE,
    ).get_page(request.GET.get("page"))
    for project in page:
        project.cover = list(project.images.order_by("pk")[:COVER_IMAGES])
        project.may_annotate = project.role in (Role.MANAGER, Role.ANNOTATOR)
    return render(
        request, "pages/projects.html", {"page": page, "search": search, "category_colors": CATEGORY_COLORS}
    )


@require_GET
@login_required
def project(request: HttpRequest, project_id: int, tab: str = "images") -> HttpResponse:
    shown = get_object_or_404(
        Project.objects.visible_to(request.user).with_progress().with_role(request.user), pk=project_id
    )
    context = {
        "project": shown,
        "tab": tab,
        "tabs": [
            (name, title, reverse("project-tab", args=[shown.pk, name]))
            for name, title in TABS.items()
            if name != "settings" or may(request.user, "manage", shown)
        ],
        "may_manage": may(request.user, "manage", shown),
        "may_annotate": may(request.user, "annotate", shown),
    }
    if tab == "settings" and not context["may_manage"]:
        return render(
            request,
            "403.html",
            {"reason": "Only this project's managers may change its settings."},
            status=403,
        )
    context |= TAB_CONTEXTS[tab](request, shown)
    return render(request, f"pages/project_{tab}.html", context)


def _images(request: HttpRequest, shown: Project) -> dict:
    state, embedding, search = (
        request.GET.get(name, "").strip() for name in ("state", "embedding", "search")
    )
    category, person = request.GET.get("category", ""), request.GET.get("person", "")
    rows = shown.images.with_details().order_by("pk")
    if state in Image.State.values:
        rows = rows.filter(state=state)
    if embedding in (*EmbeddingJob.State.values, "missing"):
        rows = rows.filter(embedding_state=embedding)
    if search:
        rows = rows.filter(name__icontains=search)
    if category.isdigit():
        rows = rows.filter(
            annotations__category=int(category), annotations__deleted_at__isnull=True
        ).distinct()
    if person:
        rows = rows.filter(
            annotations__author__username=person, annotations__deleted_at__isnull=True
        ).distinct()
    page = Paginator(rows, IMAGES_PER_PAGE).get_page(request.GET.get("page"))
    kept = request.GET.copy()
    kept.pop("page", None)
    return {
        "page": page,
        "is_filtered": bool(state or embedding or search or category or person),
        "filters": {
            "state": state,
            "embedding": embedding,
            "search": search,
            "category": category,
            "person": person,
        },
        "kept_query": kept.urlencode(),
        "limits": {"max_bytes": settings.MAX_IMAGE_BYTES, "max_zip_bytes": settings.MAX_ZIP_BYTES},
    }


def _dashboard(request: HttpRequest, shown: Project) -> dict:
    return {"figures": dashboards.figures(shown)}


def _labels(request: HttpRequest, shown: Project) -> dict:
    categories = list(shown.categories.with_annotation_count().order_by("position", "pk"))
    used = {category.color for category in categories}
    free = [color for color in CATEGORY_COLORS if color not in used] or CATEGORY_COLORS
    return {"categories": categories, "next_color": free[0], "category_colors": CATEGORY_COLORS}


def _people(request: HttpRequest, shown: Project) -> dict:
    return {"members": shown.memberships.select_related("user"), "roles": Role.choices}


def _exports(request: HttpRequest, shown: Project) -> dict:
    return {"exports": Export.objects.filter(project=shown).select_related("created_by")[:50]}


def _settings(request: HttpRequest, shown: Project) -> dict:
    return {"bundles": Bundle.objects.available()}


TAB_CONTEXTS = {
    "images": _images,
    "dashboard": _dashboard,
    "labels": _labels,
    "people": _people,
    "exports": _exports,
    "settings": _settings,
}


@require_GET
@login_required
def continue_project(request: HttpRequest, project_id: int) -> HttpResponse:
    """Opens the first image that is not done; the images tab when there is none left."""
    shown = get_object_or_404(Project.objects.visible_to(request.user), pk=project_id)
    image = shown.images.exclude(state=Image.State.DONE).order_by("pk").first()
    if image is None:
        return redirect("project", project_id=shown.pk)
    return redirect("annotate", image.pk)


@require_GET
@login_required
def models(request: HttpRequest) -> HttpResponse:
    bundles = Bundle.objects.available().order_by("-is_default", "name")
    ready = EmbeddingJob.objects.filter(state=EmbeddingJob.State.READY).order_by()
    made = {
        row["bundle"]: row
        for row in ready.values("bundle").annotate(
            count=Count("pk"), size_bytes=Sum("size_bytes"), last=Max("finished_at")
        )
    }
    waiting = dict(
        EmbeddingJob.objects.filter(state__in=[EmbeddingJob.State.QUEUED, EmbeddingJob.State.RUNNING])
        .order_by()
        .values_list("bundle")
        .annotate(Count("pk"))
    )
    for bundle in bundles:
        bundle.made = made.get(bundle.pk)
        bundle.waiting = waiting.get(bundle.pk, 0)
        times = sorted(
            ready.filter(bundle=bundle, duration_ms__isnull=False).values_list("duration_ms", flat=True)[:200]
        )
        bundle.median_ms = times[len(times) // 2] if times else None
    return render(request, "pages/models.html", {"bundles": bundles, "queue": queue_figures()})
