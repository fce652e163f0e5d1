"""A link that makes whoever has it a member of a project."""

from __future__ import annotations

import uuid

from django.conf import settings
from django.db import models
from django.db.models import Q

from annotator.models.project import Project, Role
from annotator.models.visibility import VisibleQuerySet


class Invitation(models.Model):
    """The link is the signed primary key (`people/invitations.py`): the table alone lets nobody in."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    project = models.ForeignKey(Project, on_delete=models.CASCADE, related_name="invitations", db_index=False)
    role = models.CharField(max_length=16, choices=Role.choices)
    note = models.CharField(max_length=200, blank=True, help_text="For whom it is meant.")
    uses_left = models.PositiveIntegerField(default=1, help_text="How many people can still come by it.")
    used = models.PositiveIntegerField(default=0, help_text="How many came by it.")
    expires_at = models.DateTimeField()
    created_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="+", db_index=False
    )
    created_at = models.DateTimeField(auto_now_add=True)

    objects = VisibleQuerySet.as_manager()

    class Meta:
        ordering = ["-created_at", "-pk"]
        indexes = [models.Index(fields=["project", "created_at"], name="invitations_of_project")]
        constraints = [
            models.CheckConstraint(condition=Q(role__in=Role.values), name="invitation_role_known")
        ]

    def __str__(self) -> str:
        return f"{self.role} of {self.project_id}, {self.uses_left} left"
