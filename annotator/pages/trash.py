"""The trash tab of a project: deleted images and deleted masks."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.core.paginator import Paginator
from django.http import HttpRequest

from annotator.media.trash import days_left
from annotator.models import Annotation, Image, Project

IMAGES_PER_PAGE = 60
MASKS_SHOWN = 100


def context(request: HttpRequest, shown: Project) -> dict[str, Any]:
    images = Image.with_deleted.filter(project=shown).in_trash().select_related("deleted_by")
    page = Paginator(images, IMAGES_PER_PAGE).get_page(request.GET.get("page"))
    masks = Annotation.objects.filter(image__project=shown).on_live_images().in_trash()
    mask_count = masks.count()
    return {
        "page": page,
        "newest": images.first(),
        "images": [(image, days_left(image)) for image in page],
        "masks": masks.select_related("image", "category", "updated_by")[:MASKS_SHOWN],
        "mask_count": mask_count,
        "older_masks": max(0, mask_count - MASKS_SHOWN),
        "keep_days": settings.TRASH_KEEP_DAYS,
    }
