"""A stored file that no row owns yet, or owns no more."""

from __future__ import annotations

from django.db import models


class UnownedFile(models.Model):
    """A name in a storage that no row owns: not yet, or no more. `annotator.files.unowned` writes and sweeps these."""

    storage = models.CharField(max_length=32, default="default", help_text="Alias in STORAGES.")
    name = models.CharField(max_length=255)
    noted_at = models.DateTimeField()

    class Meta:
        indexes = [models.Index(fields=["noted_at"], name="unowned_file_age")]
        constraints = [models.UniqueConstraint(fields=["storage", "name"], name="unowned_file_once")]

    def __str__(self) -> str:
        return self.name
