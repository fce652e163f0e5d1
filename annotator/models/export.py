"""A dataset file, made in the background."""

from __future__ import annotations

from typing import Self

from django.conf import settings
from django.db import models

from annotator.models.dataset_version import DatasetVersion
from annotator.models.job import LeasedJob
from annotator.models.project import Project
from annotator.models.visibility import VisibleQuerySet


class Export(LeasedJob):
    """A dataset file that is to be made, or is made."""

    project = models.ForeignKey(Project, on_delete=models.CASCADE, related_name="exports")
    version = models.ForeignKey(
        DatasetVersion,
        null=True,
        blank=True,
        on_delete=models.SET_NULL,
        related_name="exports",
        db_index=False,
        help_text="The state that it is made of; empty: the project as it is now.",
    )
    format = models.CharField(max_length=32)
    options = models.JSONField(default=dict, help_text="The format's, and what is selected.")
    done = models.PositiveIntegerField(default=0, help_text="Images written so far.")
    total = models.PositiveIntegerField(default=0, help_text="Images to write.")
    file = models.FileField(max_length=255, blank=True)
    file_name = models.CharField(max_length=255, blank=True, help_text="Name the browser saves it under.")
    size_bytes = models.PositiveBigIntegerField(null=True, blank=True)
    report = models.JSONField(
        null=True, blank=True, help_text="What the file holds and what it does not; empty: none was made."
    )
    created_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.SET_NULL, related_name="+"
    )
    created_at = models.DateTimeField(auto_now_add=True)

    objects = VisibleQuerySet.as_manager()

    class Meta:
        ordering = ["-created_at", "-pk"]
        indexes = [models.Index(fields=["state", "created_at"], name="export_queue_order")]

    def __str__(self) -> str:
        return f"{self.format} export {self.pk} of {self.project_id}: {self.state}"

    @classmethod
    def takeable(cls) -> models.QuerySet[Self]:
        return cls.objects.order_by("created_at", "pk")

    @property
    def progress(self) -> float:
        """0 to 1."""
        if self.state == self.State.READY:
            return 1.0
        return self.done / self.total if self.total else 0.0
