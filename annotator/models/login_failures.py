"""Failed attempts to sign in, counted."""

from __future__ import annotations

from django.db import models


class LoginFailures(models.Model):
    """How often one address failed to sign in with one user name lately; all web processes count in this table."""

    address = models.CharField(max_length=64, blank=True)
    username = models.CharField(
        max_length=150, help_text="As typed, in small letters; there may be no such user."
    )
    count = models.PositiveIntegerField(default=0)
    forgotten_at = models.DateTimeField(help_text="The count starts anew after this moment.")

    class Meta:
        ordering = ["-forgotten_at"]
        verbose_name = verbose_name_plural = "login failures"
        constraints = [
            models.UniqueConstraint(fields=["address", "username"], name="one_count_per_address_and_username")
        ]

    def __str__(self) -> str:
        return f"{self.username} from {self.address}: {self.count}"
