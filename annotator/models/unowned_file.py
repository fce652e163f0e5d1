"""A stored file that no row owns yet, or owns no more."""

from __future__ import annotations

from django.db import models


class UnownedFile(models.Model):
    """A name in storage that no row owns: not yet, or no more. `annotator.files.unowned` writes and sweeps these."""

    name = models.CharField(max_length=255, unique=True)
    noted_at = models.DateTimeField()

    class Meta:
        indexes = [models.Index(fields=["noted_at"], name="unowned_file_age")]

    def __str__(self) -> str:
        return self.name
