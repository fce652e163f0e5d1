"""A dataset that comes in: its files, what was found in them, and what is to be done with it."""

from __future__ import annotations

from typing import Self

from django.conf import settings
from django.db import models

from annotator.models.job import LeasedJob
from annotator.models.project import Project
from annotator.models.visibility import VisibleQuerySet


class Import(LeasedJob):
    """A dataset that somebody brings into a project, in two steps.

    First a worker examines the files and writes nothing but what it found; the row is ready then. Once a person has
    looked at that and starts it, the row goes through the queue a second time. `phase` says both in one word.
    """

    class Step(models.TextChoices):
        EXAMINE = "examine"
        IMPORT = "import"

    class Match(models.TextChoices):
        """How an image of the files is found among those of the project."""

        NAME = "name", "by name"
        PATH = "path", "by folder and name"
        DIGEST = "digest", "by its pixels"

    class Phase(models.TextChoices):
        UPLOADED = "uploaded"
        EXAMINING = "examining"
        EXAMINED = "examined"
        WAITING = "waiting"
        RUNNING = "running"
        READY = "ready"
        FAILED = "failed"
        CANCELLED = "cancelled"

    project = models.ForeignKey(Project, on_delete=models.CASCADE, related_name="imports")
    name = models.CharField(max_length=255, help_text="The file's name as uploaded, or the folder's.")
    parts = models.JSONField(default=list, help_text="Names in storage of the file's parts, in their order.")
    path = models.CharField(max_length=4096, blank=True, help_text="A file or folder of the server instead.")
    size_bytes = models.PositiveBigIntegerField(null=True, blank=True)
    step = models.CharField(max_length=16, choices=Step.choices, default=Step.EXAMINE)
    format = models.CharField(max_length=32, blank=True, help_text="Empty: the one that the files look like.")
    match = models.CharField(max_length=16, choices=Match.choices, default=Match.NAME)
    new_images = models.BooleanField(
        default=True, help_text="Whether pictures come in that are not here yet."
    )
    to_check = models.BooleanField(
        default=False, help_text="Whether the annotations come in as ones that somebody is to check."
    )
    mapping = models.JSONField(
        default=dict, help_text="The file's category id -> a category's primary key, new or skip."
    )
    found = models.JSONField(null=True, blank=True, help_text="What the examination found.")
    problems_file = models.CharField(max_length=255, blank=True, help_text="All problems, as CSV in storage.")
    result = models.JSONField(null=True, blank=True, help_text="What has come in so far.")
    done = models.PositiveIntegerField(default=0, help_text="Images dealt with so far, in this step.")
    total = models.PositiveIntegerField(default=0, help_text="Images to deal with.")
    created_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        null=True,
        blank=True,
        db_index=False,
        on_delete=models.SET_NULL,
        related_name="+",
    )
    created_at = models.DateTimeField(auto_now_add=True)

    objects = VisibleQuerySet.as_manager()

    class Meta:
        ordering = ["-created_at", "-pk"]
        indexes = [models.Index(fields=["state", "created_at"], name="import_queue_order")]

    def __str__(self) -> str:
        return f"import {self.pk} of {self.name} into {self.project_id}: {self.phase}"

    @classmethod
    def takeable(cls) -> models.QuerySet[Self]:
        return cls.objects.order_by("created_at", "pk")

    @property
    def phase(self) -> str:
        """State and step in one word, one of `Phase`."""
        of_step = {
            (self.Step.EXAMINE, self.State.QUEUED): self.Phase.UPLOADED,
            (self.Step.EXAMINE, self.State.RUNNING): self.Phase.EXAMINING,
            (self.Step.EXAMINE, self.State.READY): self.Phase.EXAMINED,
            (self.Step.IMPORT, self.State.QUEUED): self.Phase.WAITING,
        }
        return str(of_step.get((self.Step(self.step), self.State(self.state)), self.state))

    @property
    def is_pending(self) -> bool:
        return self.state in (self.State.QUEUED, self.State.RUNNING)

    @property
    def progress(self) -> float:
        """0 to 1, of the present step."""
        if self.state == self.State.READY:
            return 1.0
        return min(1.0, self.done / self.total) if self.total else 0.0
