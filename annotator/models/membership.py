"""A member of a project, with a role."""

from __future__ import annotations

from django.conf import settings
from django.db import models
from django.db.models import Case, Q, Value

from annotator.models.project import Project, Role
from annotator.models.visibility import VisibleQuerySet


class Membership(models.Model):
    project = models.ForeignKey(Project, on_delete=models.CASCADE, related_name="memberships")
    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="memberships")
    role = models.CharField(max_length=16, choices=Role.choices)
    created_at = models.DateTimeField(auto_now_add=True)

    objects = VisibleQuerySet.as_manager()

    class Meta:
        ordering = [
            Case(
                *[models.When(role=role.value, then=Value(rank)) for rank, role in enumerate(Role)],
                default=Value(len(Role)),
            ),
            "pk",
        ]
        constraints = [
            models.UniqueConstraint(fields=["project", "user"], name="one_membership_per_user"),
            models.CheckConstraint(condition=Q(role__in=Role.values), name="membership_role_known"),
        ]

    def __str__(self) -> str:
        return f"{self.user} is {self.role} of {self.project}"
