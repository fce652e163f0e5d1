"""The HTML pages: parse, authorise, read, render. What people do on them goes through the API."""

from __future__ import annotations

import hashlib
import statistics

from django.conf import settings
from django.contrib.auth.decorators import login_required
from django.contrib.auth.models import User
from django.contrib.auth.views import LoginView
from django.core.exceptions import PermissionDenied
from django.core.paginator import Paginator
from django.db.models import Count, F, Max, OuterRef, Prefetch, Subquery, Sum, Window
from django.db.models.functions import RowNumber
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.views.decorators.http import require_GET

from annotator import annotate_page, dashboards, demo, mask_thumbnails
from annotator.forms import SignInForm
from annotator.models import Annotation, Bundle, EmbeddingJob, Export, Image, Membership, Project, Role
from annotator.palette import CATEGORY_COLORS, category_color
from annotator.permissions import may
from annotator.templatetags.queue_figures import queue_figures
from exporters.registry import EXPORTERS

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
STATE_CHOICES = [("", "Every state"), *((state.value, state.label.capitalize()) for state in Image.State)]
EMBEDDING_CHOICES = [
    ("", "Every embedding"),
    ("queued", "Queued"),
    ("running", "Preparing"),
    ("ready", "Ready"),
    ("failed", "Failed"),
    ("missing", "No model"),
]
EXPORTS_SHOWN = 50
FORMATS = {"coco": "COCO instances"}
MASKS_AS = {"rle": "masks as RLE", "polygon": "masks as polygons", "both": "masks as RLE and polygons"}
TILES_AT_ONCE = 200
YEAR_S = 31_536_000
JOBS_LOOKED_AT = 500


class SignInView(LoginView):
    template_name = "pages/login.html"
    authentication_form = SignInForm
    redirect_authenticated_user = True

    def get_context_data(self, **kwargs) -> dict:
        has_demo_logins = User.objects.filter(groups__name=demo.GROUP, is_active=True).exists()
        return super().get_context_data(**kwargs) | {"has_demo_logins": has_demo_logins}


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
    covers = _covers(page)
    for project in page:
        project.cover = covers.get(project.pk, [])
        project.may_annotate = project.role in (Role.MANAGER, Role.ANNOTATOR)
    return render(
        request, "pages/projects.html", {"page": page, "search": search, "category_colors": CATEGORY_COLORS}
    )


def _covers(shown) -> dict[int, list[Image]]:
    """Project -> its first images, for all projects in one query."""
    numbered = Image.objects.filter(project__in=[project.pk for project in shown]).annotate(
        number=Window(RowNumber(), partition_by=F("project"), order_by="pk")
    )
    covers: dict[int, list[Image]] = {}
    for image in numbered.filter(number__lte=COVER_IMAGES):
        covers.setdefault(image.project_id, []).append(image)
    return covers


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
        raise PermissionDenied("Only this project's managers may change its settings.")
    context |= TAB_CONTEXTS[tab](request, shown)
    return render(request, f"pages/project_{tab}.html", context)


def _images(request: HttpRequest, shown: Project) -> dict:
    filters = {
        name: request.GET.get(name, "").strip()
        for name in ("state", "embedding", "search", "category", "person")
    }
    rows = _tile_rows(shown)
    if filters["state"] in Image.State.values:
        rows = rows.filter(state=filters["state"])
    if filters["embedding"] in (*EmbeddingJob.State.values, "missing"):
        rows = rows.filter(embedding_state=filters["embedding"])
    if filters["search"]:
        rows = rows.filter(name__icontains=filters["search"])
    having = Annotation.objects.live().filter(image__project=shown)
    if filters["category"].isdecimal():
        rows = rows.filter(pk__in=having.filter(category=int(filters["category"][:18])).values("image"))
    if filters["person"]:
        rows = rows.filter(pk__in=having.filter(author__username=filters["person"]).values("image"))
    kept = request.GET.copy()
    kept.pop("page", None)
    bundle = annotate_page.bundle_of(shown)
    return {
        "page": Paginator(rows, IMAGES_PER_PAGE).get_page(request.GET.get("page")),
        "is_filtered": any(filters.values()),
        "filters": filters,
        "kept_query": kept.urlencode(),
        "state_choices": STATE_CHOICES,
        "embedding_choices": EMBEDDING_CHOICES,
        "categories": shown.categories.all(),
        "colors_version": _colors_version(shown),
        "decoder_url": annotate_page.decoder_url(bundle),
        "session_module": annotate_page.session_module(bundle),
    }


def _tile_rows(shown: Project):
    """The project's images with what a tile says of them."""
    failed = EmbeddingJob.objects.filter(image=OuterRef("pk"), state=EmbeddingJob.State.FAILED)
    changes = Annotation.objects.filter(image=OuterRef("pk")).order_by().values("image")
    return shown.images.with_details().annotate(
        embedding_error=Subquery(failed.values("error")[:1]),
        # Every change of an annotation counts its version up, deleting too: another sum, another picture.
        masks_version=Subquery(changes.annotate(sum=Sum("version")).values("sum")),
    )


def _colors_version(shown: Project) -> str:
    colors = ",".join(
        f"{pk}{color}" for pk, color in shown.categories.order_by("pk").values_list("pk", "color")
    )
    return hashlib.sha256(colors.encode()).hexdigest()[:8]


def _dashboard(request: HttpRequest, shown: Project) -> dict:
    return {"figures": dashboards.figures(shown)}


def _labels(request: HttpRequest, shown: Project) -> dict:
    categories = list(shown.categories.with_annotation_count().order_by("position", "pk"))
    used = {category.color for category in categories}
    free = [color for color in CATEGORY_COLORS if color not in used]
    return {"categories": categories, "next_color": free[0] if free else category_color(len(categories))}


def _people(request: HttpRequest, shown: Project) -> dict:
    return {"members": shown.memberships.select_related("user"), "roles": Role.choices}


def _exports(request: HttpRequest, shown: Project) -> dict:
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
def tiles(request: HttpRequest, project_id: int) -> HttpResponse:
    """The tiles of some of a project's images, for the gallery to bring itself up to date."""
    if not request.user.is_authenticated:
        return HttpResponse(status=401)
    shown = get_object_or_404(Project.objects.visible_to(request.user), pk=project_id)
    ids = [int(text) for text in request.GET.get("ids", "").split(",") if text.isdecimal() and len(text) < 19]
    context = {
        "images": _tile_rows(shown).filter(pk__in=ids[:TILES_AT_ONCE]),
        "may_annotate": may(request.user, "annotate", shown),
        "colors_version": _colors_version(shown),
    }
    response = render(request, "partials/tiles.html", context)
    response.headers["Cache-Control"] = "no-store"
    return response


@require_GET
@login_required
def masks(request: HttpRequest, image_id: int) -> HttpResponse:
    """An image's masks as a transparent picture of its thumbnail's size; `?version=` names what is drawn."""
    image = get_object_or_404(Image.objects.visible_to(request.user), pk=image_id)
    response = HttpResponse(
        mask_thumbnails.masks_png(image, settings.THUMBNAIL_SIDE_PX), content_type="image/png"
    )
    keep = f"private, max-age={YEAR_S}, immutable" if "version" in request.GET else "no-store"
    response.headers["Cache-Control"] = keep
    return response


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
        bundle.median_ms = _median_ms(ready.filter(bundle=bundle))
    return render(request, "pages/models.html", {"bundles": bundles, "queue": queue_figures()})


def _median_ms(jobs) -> float | None:
    """Time per image over the last jobs. What several projects have is computed for the first of them only."""
    latest = jobs.filter(duration_ms__isnull=False).order_by("-finished_at")
    # Later entries win, and those are the older ones: the job that did the work.
    times = dict(latest.values_list("image__digest", "duration_ms")[:JOBS_LOOKED_AT])
    return statistics.median(times.values()) if times else None
