"""Who signs in: Django's columns in Django's table, as a model of ours to which more can be added."""

from __future__ import annotations

from typing import TypeAlias

from django.contrib.auth.models import AbstractUser, AnonymousUser
from django.db import models


class User(AbstractUser):
    """Django's user: name, password, staff flag, groups, permissions."""

    # As in the tables of Django's own user, which installations made before this model keep.
    id = models.AutoField(primary_key=True)

    preferences = models.JSONField(default=dict, blank=True, help_text="Of the workbench.")
    password_mail_at = models.DateTimeField(
        null=True, blank=True, editable=False, help_text="When a link to set a new password was last sent."
    )

    class Meta(AbstractUser.Meta):
        db_table = "auth_user"


Visitor: TypeAlias = User | AnonymousUser  # who sends a request
