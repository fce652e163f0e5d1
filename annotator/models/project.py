"""A project: images, categories and members that belong together."""

from __future__ import annotations

from typing import Self

from django.conf import settings
from django.db import models
from django.db.models import F, FilteredRelation, Q, Value

from annotator.models.bundle import Bundle
from annotator.models.user import Visitor
from annotator.models.visibility import VisibleQuerySet, sees_everything


class Role(models.TextChoices):
    MANAGER = "manager"
    ANNOTATOR = "annotator"
    VIEWER = "viewer"


class Overlap(models.TextChoices):
    """What becomes of pixels that several masks of an image have."""

    ALLOW = "allow", "Masks may overlap"
    NEWEST = "newest", "The newer mask gets shared pixels"
    OLDEST = "oldest", "The older mask keeps shared pixels"


class ProjectQuerySet(VisibleQuerySet):
    project_path = ""

    def with_role(self, user: Visitor) -> Self:
        """Adds `role`: the membership's, or manager for staff."""
        if sees_everything(user):
            return self.annotate(role=Value(Role.MANAGER.value, output_field=models.CharField()))
        own = FilteredRelation("memberships", condition=Q(memberships__user=user))
        return self.annotate(own_membership=own, role=F("own_membership__role"))

    def managed_by(self, user: Visitor) -> Self:
        """Those of which the person is a manager; those who run the server are one everywhere."""
        return self.visible_to(user).with_role(user).filter(Q(role=Role.MANAGER))


class Project(models.Model):
    name = models.CharField(max_length=200)
    description = models.TextField(blank=True, max_length=10_000)
    bundle = models.ForeignKey(
        Bundle,
        null=True,
        blank=True,
        on_delete=models.PROTECT,
        related_name="projects",
        help_text="The model bundle its images are embedded with; empty: the default one.",
    )
    overlap = models.CharField(
        max_length=10,
        choices=Overlap.choices,
        default=Overlap.ALLOW,
        help_text="What becomes of pixels that several masks of an image have, when a mask is accepted and in exports.",
    )
    members = models.ManyToManyField(
        settings.AUTH_USER_MODEL, through="annotator.Membership", related_name="annotation_projects"
    )
    created_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.SET_NULL, related_name="+"
    )
    created_at = models.DateTimeField(auto_now_add=True)
    updated_at = models.DateTimeField(auto_now=True)

    objects = ProjectQuerySet.as_manager()

    class Meta:
        ordering = ["name", "pk"]

    def __str__(self) -> str:
        return self.name
