"""What every kind of job has in common: columns for the queue and for the lease of the worker that holds the row."""

from __future__ import annotations

from typing import Self

from django.db import models


class LeasedJob(models.Model):
    """Something that a worker is to do. The row is the truth about it; wake-ups only tell workers to look.

    A claim writes a fresh token, and every later write names it: a worker whose lease ran out cannot touch the row.
    `annotator.jobs.queue` makes these writes; `annotator.jobs.kinds` lists the models.
    """

    class State(models.TextChoices):
        QUEUED = "queued"
        RUNNING = "running"
        READY = "ready"
        FAILED = "failed"
        CANCELLED = "cancelled"

    state = models.CharField(max_length=16, choices=State.choices, default=State.QUEUED)
    attempts = models.PositiveSmallIntegerField(default=0)
    error = models.TextField(blank=True, help_text="Why the last attempt failed.")
    worker = models.CharField(max_length=200, blank=True, help_text="Who holds the lease.")
    lease_token = models.UUIDField(null=True, blank=True, help_text="Changes with every claim.")
    lease_expires_at = models.DateTimeField(null=True, blank=True)
    not_before = models.DateTimeField(
        null=True, blank=True, help_text="When it may be tried again; empty: at once."
    )
    started_at = models.DateTimeField(null=True, blank=True)
    finished_at = models.DateTimeField(null=True, blank=True)

    objects: models.Manager[Self]  # each kind makes its own

    class Meta:
        abstract = True

    @classmethod
    def takeable(cls) -> models.QuerySet[Self]:
        """The jobs that can be worked on, in the order in which workers take them; the states are not looked at."""
        return cls.objects.order_by("pk")

    @classmethod
    def states(cls) -> list[str]:
        """The states that a job of this kind can be in."""
        return [value for value, _ in cls.state.field.flatchoices]
