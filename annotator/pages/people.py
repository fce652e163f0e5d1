"""The people tab of a project: its members, and for managers the invitations."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest
from django.urls import reverse

from annotator.models import Invitation, Project, Role
from annotator.people import invitations, permissions

LIFETIMES_DAYS = (1, 7, 30)
USUAL_LIFETIME_DAYS = 7


def context(request: HttpRequest, shown: Project) -> dict[str, Any]:
    listed = {"members": shown.memberships.select_related("user"), "roles": Role.choices}
    if not permissions.may(request.user, "manage", shown):
        return listed  # a link is as good as a membership
    return listed | {
        "invitations": [_row(request, invitation) for invitation in invitations.of_project(shown)],
        "lifetimes": LIFETIMES_DAYS,
        "usual_lifetime": USUAL_LIFETIME_DAYS,
        "most_uses": invitations.MOST_USES,
    }


def _row(request: HttpRequest, invitation: Invitation) -> tuple[Invitation, str, str]:
    """(row, its link, why nobody can use it any more)."""
    url = request.build_absolute_uri(reverse("invitation", args=[invitations.token_of(invitation)]))
    return invitation, url, invitations.why_over(invitation)
