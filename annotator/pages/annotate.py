"""The annotate page: one image and what its workbench needs, as HTML once and as JSON when the next image is opened."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.middleware.csrf import get_token
from django.shortcuts import get_object_or_404, render
from django.templatetags.static import static
from django.urls import reverse
from django.views.decorators.http import require_GET

from annotator.api.base.errors import error_body
from annotator.api.categories import CategorySerializer
from annotator.api.images import ImageSerializer
from annotator.models import EmbeddingJob, Image, Role
from annotator.models.figures import with_details
from annotator.pages.bundle_links import bundle_row, decoder_url, session_module, stand_in_row
from annotator.pages.image_list import ImageList
from annotator.people.permissions import role_of, signed_in
from annotator.people.preferences import preferences_of
from annotator.projects.image_order import neighbours

STATIC_URLS = {
    "worker": "js/decoder/decoder-worker.js",
    "kernel_helper": "js/decoder/worker/kernel/helper.js",
    "ort_module": "vendor/ort/ort.wasm.min.mjs",
    "ort_wasm_mjs": "vendor/ort/ort-wasm-simd-threaded.mjs",
    "ort_wasm": "vendor/ort/ort-wasm-simd-threaded.wasm",
    "ort_webgpu_module": "vendor/ort/ort.webgpu.min.mjs",
    "ort_webgpu_mjs": "vendor/ort/ort-wasm-simd-threaded.asyncify.mjs",
    "ort_webgpu_wasm": "vendor/ort/ort-wasm-simd-threaded.asyncify.wasm",
}


@require_GET
@login_required
def annotate(request: HttpRequest, pk: int) -> HttpResponse:
    image = _visible_image(request, pk)
    page_data = _scene(request, image) | {
        "urls": {name: static(path) for name, path in STATIC_URLS.items()} | {"sign_in": reverse("login")},
        "csrf_token": get_token(request),
        "user": request.user.get_username(),
        "preferences": preferences_of(signed_in(request.user)),
    }
    answering = _answers_first(page_data)
    embedding_url = _embedding_url(page_data, answering)
    context = {
        "image": image,
        "page_data": page_data,
        "picture_url": _picture_url(page_data["image"]),
        "embedding_url": embedding_url,
        "decoder_url": embedding_url and decoder_url(answering),
        "session_module": session_module(answering),
        "is_read_only": page_data["project"]["role"] == Role.VIEWER,
        "is_done": image.state == Image.State.DONE,
        "skip_reasons": Image.SkipReason.choices,
    }
    return render(request, "pages/annotate.html", context)


@require_GET
def scene(request: HttpRequest, pk: int) -> HttpResponse:
    """What changes from image to image, so that the workbench can go on without loading its page anew."""
    if not request.user.is_authenticated:
        return JsonResponse(error_body("not_authenticated", "You are signed out."), status=401)
    response = JsonResponse(_scene(request, _visible_image(request, pk)))
    response.headers["Cache-Control"] = "no-store"
    return response


def _picture_url(image: dict[str, Any]) -> str:
    """What loading-image.js asks for first: the whole picture, or the overview of a large one."""
    if image["tiles"] is None:
        return image["file_url"]
    return f"{image['tiles']['url']}{image['tiles']['levels'] - 1}/0/0/?digest={image['digest']}"


def _answers_first(page_data: dict[str, Any]) -> dict[str, Any] | None:
    """The bundle that image-flow.js prepares first: the stand-in, while the image's own embedding is on its way."""
    is_coming = page_data["image"]["embedding_state"] in (
        EmbeddingJob.State.QUEUED,
        EmbeddingJob.State.RUNNING,
    )
    return is_coming and page_data["stand_in"] or page_data["bundle"]


def _embedding_url(page_data: dict[str, Any], bundle: dict[str, Any] | None) -> str | None:
    """Exactly what embeddings.js asks for, else it would be fetched twice; None for people who do not decode."""
    if bundle is None or page_data["project"]["role"] == Role.VIEWER:
        return None
    return f"{reverse('api:embedding', args=[page_data['image']['id']])}?digest={bundle['digest']}"


def _visible_image(request: HttpRequest, pk: int) -> Image:
    rows = with_details(Image.objects.visible_to(request.user)).select_related("project__bundle")
    return get_object_or_404(rows, pk=pk)


def _scene(request: HttpRequest, image: Image) -> dict[str, Any]:
    project = image.project
    asked = ImageList.asked_by(request.GET)
    return {
        "project": {
            "id": project.pk,
            "name": project.name,
            "role": role_of(request.user, project),
            "url": reverse("project", args=[project.pk]) + asked.query,
            "overlap": project.overlap,
            "categories": CategorySerializer(project.categories.all(), many=True).data,
        },
        "image": ImageSerializer(image).data,
        "siblings": asdict(
            neighbours(asked.filtered(with_details(project.images.all())), image, asked.order)
        ),
        "bundle": bundle_row(project),
        "stand_in": stand_in_row(project),
    }
