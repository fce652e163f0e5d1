"""A category: what an annotation is an instance of."""

from __future__ import annotations

from django.core.validators import RegexValidator
from django.db import models
from django.db.models import Q
from django.db.models.functions import Lower

from annotator.models.project import Project
from annotator.models.visibility import VisibleQuerySet


class Category(models.Model):
    project = models.ForeignKey(Project, on_delete=models.CASCADE, related_name="categories")
    coco_id = models.PositiveIntegerField(help_text="The category's id in exported COCO files.")
    name = models.CharField(max_length=100)
    color = models.CharField(
        max_length=7, validators=[RegexValidator(r"^#[0-9a-f]{6}\Z", "A color looks like #1f77b4.")]
    )
    supercategory = models.CharField(max_length=100, blank=True)
    position = models.PositiveIntegerField(
        default=0, help_text="Order in lists, and the digit key that picks it."
    )

    objects = VisibleQuerySet.as_manager()

    class Meta:
        ordering = ["position", "pk"]
        verbose_name_plural = "categories"
        constraints = [
            models.UniqueConstraint(fields=["project", "coco_id"], name="coco_id_unique_in_project"),
            models.UniqueConstraint("project", Lower("name"), name="category_name_unique_in_project"),
            models.CheckConstraint(condition=Q(coco_id__gte=1), name="coco_id_positive"),
        ]

    def __str__(self) -> str:
        return self.name
