"""The workers that are alive."""

from __future__ import annotations

from django.db import models


class WorkerHeartbeat(models.Model):
    """A worker process that was alive at `last_seen`; looked at by doctor, admin and pages."""

    name = models.CharField(max_length=200, unique=True)
    hostname = models.CharField(max_length=200)
    pid = models.PositiveIntegerField()
    device = models.CharField(
        max_length=100, blank=True, help_text="The torch device in use; empty before the first embedding."
    )
    started_at = models.DateTimeField(auto_now_add=True)
    last_seen = models.DateTimeField()

    class Meta:
        ordering = ["-last_seen"]

    def __str__(self) -> str:
        return self.name
