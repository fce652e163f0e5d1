"""What somebody may see, decided in the queryset: everything else is a 404 for them."""

from __future__ import annotations

from typing import Self

from django.db import models
from django.db.models import Q

from annotator.models.user import Visitor


def sees_everything(user: Visitor) -> bool:
    return bool(user.is_active and (user.is_staff or user.is_superuser))


class VisibleQuerySet(models.QuerySet):
    """Rows that hang on a project; `project_path` is the lookup that leads there ("" for the project itself)."""

    project_path = "project"

    def visible_to(self, user: Visitor) -> Self:
        """Rows of the projects `user` is a member of; all of them for staff; none for anonymous or disabled users."""
        if not user.is_authenticated or not user.is_active:
            return self.none()
        if sees_everything(user):
            return self
        lookup = f"{self.project_path}__in" if self.project_path else "pk__in"
        return self.filter(Q(**{lookup: user.memberships.values("project")}))
