"""A named state of a project's dataset, which never changes."""

from __future__ import annotations

from django.conf import settings
from django.db import models
from django.db.models.functions import Lower

from annotator.models.job import LeasedJob
from annotator.models.project import Project
from annotator.models.visibility import VisibleQuerySet


class DatasetVersion(LeasedJob):
    """A named state of a project: its categories, images and annotations, in one file. Pictures are not copied."""

    # The constraint on names is an index of it.
    project = models.ForeignKey(
        Project, on_delete=models.CASCADE, related_name="dataset_versions", db_index=False
    )
    name = models.CharField(max_length=100, help_text="As people quote it: v3, sent to training.")
    note = models.TextField(blank=True, max_length=2000)
    # Exports say these, so that they are the same bytes whatever is renamed later.
    named_as = models.CharField(max_length=100, editable=False, help_text="Its name when it was made.")
    named_in = models.CharField(
        max_length=200, editable=False, help_text="The project's name when it was made."
    )
    digest = models.CharField(
        max_length=64, blank=True, help_text="sha256 of the state, the same for the same state."
    )
    file = models.FileField(max_length=255, blank=True)
    size_bytes = models.PositiveBigIntegerField(null=True, blank=True)
    image_count = models.PositiveIntegerField(default=0)
    annotation_count = models.PositiveIntegerField(default=0)
    done = models.PositiveIntegerField(default=0, help_text="Images written so far.")
    total = models.PositiveIntegerField(default=0, help_text="Images to write.")
    created_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        null=True,
        blank=True,
        on_delete=models.SET_NULL,
        related_name="+",
        db_index=False,
    )
    created_at = models.DateTimeField(auto_now_add=True)

    objects = VisibleQuerySet.as_manager()

    class Meta:
        ordering = ["-created_at", "-pk"]
        indexes = [models.Index(fields=["state", "created_at"], name="version_queue_order")]
        constraints = [
            models.UniqueConstraint("project", Lower("name"), name="version_name_unique_in_project"),
        ]

    def __str__(self) -> str:
        return self.name

    @property
    def progress(self) -> float:
        """0 to 1."""
        if self.state == self.State.READY:
            return 1.0
        return self.done / self.total if self.total else 0.0
