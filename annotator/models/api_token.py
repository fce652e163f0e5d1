"""What a program signs in with in a person's name."""

from __future__ import annotations

from typing import Self

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils import timezone


class ApiTokenQuerySet(models.QuerySet):
    def valid(self) -> Self:
        """Those whose time is not over."""
        return self.filter(Q(expires_at=None) | Q(expires_at__gt=timezone.now()))


class ApiToken(models.Model):
    """A token's digest: the token itself is said once, when it is made, and kept nowhere."""

    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="api_tokens", db_index=False
    )
    name = models.CharField(max_length=100, help_text="What it is for, in its person's words.")
    digest = models.CharField(max_length=64, unique=True, help_text="sha256 of the token.")
    by_password = models.BooleanField(
        default=False, help_text="Whether a program got it for user name and password."
    )
    created_at = models.DateTimeField(default=timezone.now)
    expires_at = models.DateTimeField(
        null=True, blank=True, help_text="Empty: never, which only tokens of former versions have."
    )
    last_used_at = models.DateTimeField(null=True, blank=True, help_text="To the minute.")

    objects = ApiTokenQuerySet.as_manager()

    class Meta:
        ordering = ["-created_at", "-pk"]
        indexes = [models.Index(fields=["user", "created_at"], name="api_tokens_of_user")]
        verbose_name = "API token"

    def __str__(self) -> str:
        return f"{self.name} ({self.user_id})"
