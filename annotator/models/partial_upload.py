"""A large file on its way: what has arrived of it."""

from __future__ import annotations

import uuid

from django.conf import settings
from django.db import models

from annotator.models.project import Project
from annotator.models.visibility import VisibleQuerySet


class PartialUpload(models.Model):
    """A file that comes in parts. Each part is a file of its own in storage, in `parts` in their order."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    project = models.ForeignKey(
        Project, on_delete=models.CASCADE, related_name="partial_uploads", db_index=False
    )
    user = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        null=True,
        on_delete=models.SET_NULL,
        related_name="+",
        db_index=False,
        help_text="Who sends it; nobody else may go on with it.",
    )
    name = models.CharField(max_length=255)
    batch = models.CharField(max_length=64, blank=True)
    size_bytes = models.PositiveBigIntegerField(help_text="Of the whole file.")
    offset_bytes = models.PositiveBigIntegerField(default=0, help_text="How much of it has arrived.")
    parts = models.JSONField(default=list, help_text="Names in storage.")
    report = models.JSONField(
        null=True, blank=True, help_text="What became of the file, once all of it was taken in."
    )
    taken_in_at = models.DateTimeField(
        null=True, blank=True, help_text="When somebody began to take the whole file in."
    )
    created_at = models.DateTimeField(auto_now_add=True)
    expires_at = models.DateTimeField()

    objects = VisibleQuerySet.as_manager()

    class Meta:
        ordering = ["created_at"]
        indexes = [models.Index(fields=["expires_at"], name="partial_upload_expiry")]
        constraints = [
            models.CheckConstraint(
                condition=models.Q(offset_bytes__lte=models.F("size_bytes")), name="partial_upload_fits"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.name}: {self.offset_bytes} of {self.size_bytes} bytes"
