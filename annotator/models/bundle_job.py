"""What a worker is asked to do with a model: install a published one, or test one that is installed."""

from __future__ import annotations

from typing import Self

from django.conf import settings
from django.db import models
from django.db.models import Q

from annotator.models.job import LeasedJob


class BundleJob(LeasedJob):
    """An installation of a row of the catalogue, or a self-test of an installed bundle."""

    class Action(models.TextChoices):
        INSTALL = "install"
        SELFTEST = "selftest"

    action = models.CharField(max_length=16, choices=Action.choices)
    name = models.CharField(max_length=100, help_text="Of the catalogue's row, and of the bundle.")
    stage = models.CharField(max_length=200, blank=True, help_text="What is done now, in words.")
    done = models.PositiveBigIntegerField(default=0, help_text="Bytes fetched so far.")
    total = models.PositiveBigIntegerField(null=True, blank=True, help_text="Bytes to fetch, where known.")
    rate = models.PositiveBigIntegerField(default=0, help_text="Bytes fetched in a second, lately.")
    accept_digest = models.CharField(
        max_length=64, blank=True, help_text="The sha256 that is taken where nobody publishes one."
    )
    result = models.JSONField(
        null=True, blank=True, help_text="What the self-test found; or the digest that nobody has accepted."
    )
    created_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        null=True,
        blank=True,
        db_index=False,
        on_delete=models.SET_NULL,
        related_name="+",
    )
    created_at = models.DateTimeField(auto_now_add=True)

    objects = models.Manager["BundleJob"]()

    class Meta:
        ordering = ["-created_at", "-pk"]
        constraints = [
            models.UniqueConstraint(
                fields=["name"],
                condition=Q(state__in=[LeasedJob.State.QUEUED, LeasedJob.State.RUNNING]),
                name="one_bundle_job_at_a_time",
            )
        ]

    def __str__(self) -> str:
        return f"{self.action} of {self.name}: {self.state}"

    @classmethod
    def takeable(cls) -> models.QuerySet[Self]:
        return cls.objects.order_by("created_at", "pk")

    @property
    def is_pending(self) -> bool:
        return self.state in (self.State.QUEUED, self.State.RUNNING)


class AcceptedLicence(models.Model):
    """Somebody read the licence of a published model that is not free for everybody, and accepted it."""

    name = models.CharField(max_length=100, help_text="Of the catalogue's row.")
    licence = models.CharField(max_length=200)
    accepted_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        null=True,
        blank=True,
        db_index=False,
        on_delete=models.SET_NULL,
        related_name="+",
        help_text="Empty: whoever was at the command line.",
    )
    accepted_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["name"]
        constraints = [
            models.UniqueConstraint(fields=["name", "licence"], name="licence_accepted_once"),
        ]

    def __str__(self) -> str:
        return f"{self.licence} of {self.name}"
