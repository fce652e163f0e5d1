"""The list that the workbench goes through, as JSON: windows for the filmstrip, and what is found by number or name."""

from __future__ import annotations

from typing import Any

from django.db.models import QuerySet
from django.http import HttpRequest, JsonResponse
from django.shortcuts import get_object_or_404
from django.urls import reverse
from django.views.decorators.http import require_GET

from annotator.api.base.errors import error_body
from annotator.models import Image, Project
from annotator.models.figures import with_details
from annotator.pages.image_list import ImageList
from annotator.projects.image_order import in_order

MOST_AT_ONCE = 200
MOST_FOUND = 20
LARGEST_START = 10**9


@require_GET
def listed(request: HttpRequest, project_id: int) -> JsonResponse:
    """`?start=120&count=60`: that window of the list. `?find=text`: those of the list at that number, or so called.

    The rest of the query says which list, as in the addresses of gallery and workbench. Answers
    `{total, images: [{id, name, position, state, flagged, thumbnail_url}]}`; a position counts from 1.
    """
    if not request.user.is_authenticated:
        return JsonResponse(error_body("not_authenticated", "You are signed out."), status=401)
    project = get_object_or_404(Project.objects.visible_to(request.user), pk=project_id)
    asked = ImageList.asked_by(request.GET)
    images = in_order(asked.filtered(with_details(project.images.all())), asked.order)
    text = request.GET.get("find", "").strip()
    placed = _found(images, text) if text else _window(images, request)
    rows = [_row(image, position) for position, image in placed]
    response = JsonResponse({"total": images.count(), "images": rows})
    response.headers["Cache-Control"] = "no-store"
    return response


def _window(images: QuerySet[Image], request: HttpRequest) -> list[tuple[int, Image]]:
    start = min(_number(request.GET.get("start")) or 0, LARGEST_START)
    count = min(_number(request.GET.get("count")) or MOST_AT_ONCE, MOST_AT_ONCE)
    return list(enumerate(images[start : start + count], start + 1))


def _found(images: QuerySet[Image], text: str) -> list[tuple[int, Image]]:
    """The image at that number comes first, then those that have the text in their names, in the list's order."""
    if "\0" in text:
        return []  # no name has it, and PostgreSQL takes no such text
    number = _number(text)
    at_number = list(images[number - 1 : number]) if number and number <= LARGEST_START else []
    named = list(images.filter(name__icontains=text)[:MOST_FOUND])
    positions = {pk: position for position, pk in enumerate(images.values_list("pk", flat=True), 1)}
    found = at_number + [image for image in named if image not in at_number]
    return [(positions[image.pk], image) for image in found if image.pk in positions]


def _number(text: str | None) -> int | None:
    return int(text) if text and text.isascii() and text.isdecimal() and len(text) < 19 else None


def _row(image: Image, position: int) -> dict[str, Any]:
    return {
        "id": image.pk,
        "name": image.name,
        "position": position,
        "state": image.state,
        "flagged": image.is_flagged,
        "thumbnail_url": f"{reverse('api:image-thumbnail', args=[image.pk])}?digest={image.digest}",
    }
