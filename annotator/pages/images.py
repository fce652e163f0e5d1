"""A project's images: the gallery, its tiles, and the masks drawn over each thumbnail."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.contrib.auth.decorators import login_required
from django.core.paginator import Paginator
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.views.decorators.http import require_GET

from annotator.annotations import pictures
from annotator.models import EmbeddingJob, Image, Project
from annotator.models.figures import NO_JOB, with_details
from annotator.pages.bundle_links import bundle_row, decoder_url, session_module
from annotator.pages.image_list import ImageList
from annotator.people.permissions import may
from annotator.projects.image_order import ORDERS, in_order

IMAGES_PER_PAGE = 60
TILES_AT_ONCE = 200
YEAR_S = 31_536_000
STATE_CHOICES = [("", "Every state"), *((state.value, state.label.capitalize()) for state in Image.State)]
FLAG_CHOICES = [("", "Flagged or not"), ("true", "Flagged")]
MASKS_CHOICES = [
    ("", "Any masks"),
    ("weak", "With weak masks"),
    ("none", "Without masks"),
    ("to-check", "With masks to check"),
]
EMBEDDING_CHOICES = [
    ("", "Ready or not"),
    (EmbeddingJob.State.QUEUED.value, "Queued"),
    (EmbeddingJob.State.RUNNING.value, "Preparing"),
    (EmbeddingJob.State.READY.value, "Ready"),
    (EmbeddingJob.State.FAILED.value, "Failed"),
    (NO_JOB, "No model"),
]


def context(request: HttpRequest, shown: Project) -> dict[str, Any]:
    asked = ImageList.asked_by(request.GET)
    kept = request.GET.copy()
    kept.pop("page", None)
    bundle = bundle_row(shown)
    return {
        "page": Paginator(in_order(asked.filtered(_tile_rows(shown)), asked.order), IMAGES_PER_PAGE).get_page(
            request.GET.get("page")
        ),
        "is_filtered": any(asked.filters.values()),
        "filters": asked.filters,
        "sort": asked.sort,
        "orders": [(name, order.title) for name, order in ORDERS.items()],
        "list_query": asked.query,
        "api_filters": asked.api_filters,
        "kept_query": kept.urlencode(),
        "state_choices": STATE_CHOICES,
        "flag_choices": FLAG_CHOICES,
        "skip_reasons": Image.SkipReason.choices,
        "embedding_choices": EMBEDDING_CHOICES,
        "masks_choices": MASKS_CHOICES,
        "categories": shown.categories.all(),
        "colors_version": pictures.colors_version(shown),
        "decoder_url": decoder_url(bundle),
        "session_module": session_module(bundle),
        "trash_keep_days": settings.TRASH_KEEP_DAYS,
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
        "list_query": ImageList.asked_by(request.GET).query,
        "may_annotate": may(request.user, "annotate", shown),
        "colors_version": pictures.colors_version(shown),
    }
    response = render(request, "partials/tiles.html", context)
    response.headers["Cache-Control"] = "no-store"
    return response


@require_GET
@login_required
def masks(request: HttpRequest, image_id: int) -> HttpResponse:
    """An image's masks as a transparent picture of its thumbnail's size; `?version=` names what is drawn."""
    image = get_object_or_404(Image.objects.visible_to(request.user), pk=image_id)
    response = HttpResponse(pictures.masks_png(image, settings.THUMBNAIL_SIDE_PX), content_type="image/png")
    keep = f"private, max-age={YEAR_S}, immutable" if "version" in request.GET else "no-store"
    response.headers["Cache-Control"] = keep
    return response


def _tile_rows(shown: Project) -> QuerySet[Image]:
    """The project's images with what a tile says of them."""
    return pictures.with_masks_version(with_details(shown.images.all()))
