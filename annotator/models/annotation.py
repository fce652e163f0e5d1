"""An annotation: one instance on one image."""

from __future__ import annotations

import uuid
from typing import Self

from django.conf import settings
from django.core.serializers.json import DjangoJSONEncoder
from django.db import models
from django.db.models import Q

from annotator.models.category import Category
from annotator.models.image import Image
from annotator.models.visibility import VisibleQuerySet

LONGEST_NAME = 80


class AnnotationQuerySet(VisibleQuerySet):
    project_path = "image__project"

    def live(self) -> Self:
        """Without the softly deleted ones."""
        return self.filter(deleted_at__isnull=True)

    def in_trash(self) -> Self:
        """The softly deleted ones, the latest first."""
        return self.filter(deleted_at__isnull=False).order_by("-deleted_at", "pk")

    def on_live_images(self) -> Self:
        """Without those whose image is softly deleted.

        Not for an `update` that depends on a version: through a join, the database would look at the version first and
        write later.
        """
        return self.filter(image__deleted_at__isnull=True)


class Annotation(models.Model):
    """One instance on one image: category + RLE, COCO's sense. The id is made by the client."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    image = models.ForeignKey(Image, on_delete=models.CASCADE, related_name="annotations")
    number = models.PositiveIntegerField(
        editable=False,
        help_text="By which people speak of it; no two annotations of an image have one number.",
    )
    # RESTRICT, unlike PROTECT, lets a project be deleted together with both.
    category = models.ForeignKey(Category, on_delete=models.RESTRICT, related_name="annotations")
    segmentation = models.JSONField(help_text="COCO RLE: {size: [height, width], counts}.")
    area = models.PositiveBigIntegerField(help_text="Pixels in the mask.")
    bbox_xywh = models.JSONField(help_text="[x, y, width, height] in image pixels.")
    prompt = models.JSONField(null=True, blank=True, encoder=DjangoJSONEncoder)
    predicted_iou = models.FloatField(null=True, blank=True)
    stability_score = models.FloatField(null=True, blank=True)
    bundle_digest = models.CharField(max_length=64, blank=True)
    author = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.SET_NULL, related_name="annotations"
    )
    updated_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        null=True,
        blank=True,
        on_delete=models.SET_NULL,
        related_name="+",
        db_index=False,
        help_text="Who wrote last: made, changed, deleted or restored it.",
    )
    name = models.CharField(
        max_length=LONGEST_NAME, blank=True, help_text="What people call this one object; most have no name."
    )
    color = models.CharField(
        max_length=7, blank=True, help_text="Its own, #rrggbb, where objects are told apart by color."
    )
    is_locked = models.BooleanField(default=False, help_text="Whether the workbench refuses to change it.")
    rank = models.FloatField(
        null=True,
        blank=True,
        help_text="Where people put it in the list of objects, from the top; empty: by its number, the latest first.",
    )
    to_check = models.BooleanField(
        default=False, help_text="Whether it was imported and somebody is still to look at it."
    )
    origin = models.JSONField(
        null=True, blank=True, help_text="Of an imported one: the import, its file, its author there."
    )
    time_spent_s = models.FloatField(default=0.0)
    clicks = models.PositiveIntegerField(default=0)
    version = models.PositiveIntegerField(default=1)
    created_at = models.DateTimeField(auto_now_add=True)
    updated_at = models.DateTimeField(auto_now=True)
    deleted_at = models.DateTimeField(null=True, blank=True)

    objects = AnnotationQuerySet.as_manager()

    class Meta:
        ordering = ["created_at", "id"]
        constraints = [
            models.CheckConstraint(condition=Q(version__gte=1), name="annotation_version_positive"),
            models.CheckConstraint(condition=Q(area__gte=1), name="annotation_has_pixels"),
            models.UniqueConstraint(fields=["image", "number"], name="annotation_number_of_image"),
        ]
        indexes = [
            models.Index(fields=["image", "deleted_at"], name="annotation_of_image"),
            models.Index(fields=["image"], name="annotation_to_check", condition=Q(to_check=True)),
        ]

    def __str__(self) -> str:
        return str(self.id)
