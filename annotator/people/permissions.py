"""Who may do what, from one table. What somebody may *see* is `visible_to(user)` on every queryset."""

from __future__ import annotations

from typing import cast

from annotator.models import Membership, Project, Role, User
from annotator.models.user import Visitor
from annotator.models.visibility import sees_everything
from annotator.people.errors import NotAllowed

# Right -> the roles that have it. Staff have all of them everywhere.
ROLES_WITH_RIGHT: dict[str, frozenset[str]] = {
    "read": frozenset({Role.MANAGER, Role.ANNOTATOR, Role.VIEWER}),
    "annotate": frozenset({Role.MANAGER, Role.ANNOTATOR}),
    "manage": frozenset({Role.MANAGER}),
}


def signed_in(visitor: Visitor) -> User:
    """Who sent a request that only people who are signed in get through with."""
    return cast(User, visitor)


def role_of(user: Visitor, project: Project | int) -> str | None:
    """The user's role in a project (staff: manager); None for a stranger."""
    if not user.is_authenticated or not user.is_active:
        return None
    if sees_everything(user):
        return Role.MANAGER.value
    project_id = project.pk if isinstance(project, Project) else project
    return Membership.objects.filter(project=project_id, user=user).values_list("role", flat=True).first()


def may(user: Visitor, right: str, project: Project | int) -> bool:
    """Whether `user` has `right` ("read", "annotate" or "manage") in the project."""
    return role_has(role_of(user, project), right)


def role_has(role: str | None, right: str) -> bool:
    """Whether a member with `role` has `right`; None is a stranger's role."""
    return role in ROLES_WITH_RIGHT[right]


def require(user: Visitor, right: str, project: Project | int) -> None:
    """Raises NotAllowed unless `may`. Call it after `visible_to` has let the person see the thing."""
    if not may(user, right, project):
        role = role_of(user, project) or "not a member"
        wanted = " or ".join(sorted(ROLES_WITH_RIGHT[right]))
        raise NotAllowed(f"This needs the role {wanted} in the project; yours is: {role}.")


def require_staff(user: Visitor) -> None:
    """Raises NotAllowed for everybody but those who run the server."""
    if not sees_everything(user):
        raise NotAllowed("Only those who run this server may do that.")
