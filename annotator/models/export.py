from __future__ import annotations

from django.conf import settings
from django.db import models

from annotator.models.visibility import VisibleQuerySet


class ExportQuerySet(VisibleQuerySet):
    pass


class Export(models.Model):
    """A dataset file being made, or made. Worked on like an embedding job: the row is the truth."""

    class State(models.TextChoices):
        QUEUED = "queued"
        RUNNING = "running"
        READY = "ready"
        FAILED = "failed"
        CANCELLED = "cancelled"

    project = models.ForeignKey("annotator.Project", on_delete=models.CASCADE, related_name="exports")
    format = models.CharField(max_length=32)
    options = models.JSONField(default=dict, help_text="segmentation, include_images, states.")
    state = models.CharField(max_length=16, choices=State.choices, default=State.QUEUED)
    done = models.PositiveIntegerField(default=0, help_text="Images written so far.")
    total = models.PositiveIntegerField(default=0, help_text="Images to write.")
    attempts = models.PositiveSmallIntegerField(default=0)
    error = models.TextField(blank=True)
    file = models.FileField(max_length=255, blank=True)
    file_name = models.CharField(max_length=255, blank=True, help_text="Name the browser saves it under.")
    size_bytes = models.PositiveBigIntegerField(null=True, blank=True)
    worker = models.CharField(max_length=200, blank=True)
    lease_token = models.UUIDField(null=True, blank=True)
    lease_expires_at = models.DateTimeField(null=True, blank=True)
    created_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.SET_NULL, related_name="+"
    )
    created_at = models.DateTimeField(auto_now_add=True)
    started_at = models.DateTimeField(null=True, blank=True)
    finished_at = models.DateTimeField(null=True, blank=True)

    objects = ExportQuerySet.as_manager()

    class Meta:
        ordering = ["-created_at", "-pk"]
        indexes = [models.Index(fields=["state", "created_at"], name="export_queue_order")]

    def __str__(self) -> str:
        return f"{self.format} export {self.pk} of {self.project_id}: {self.state}"

    @property
    def progress(self) -> float:
        """0 to 1."""
        if self.state == self.State.READY:
            return 1.0
        return self.done / self.total if self.total else 0.0
