"""Rules of a project's members: each once, and at least one of them manages the project."""

from __future__ import annotations

from collections.abc import Collection

from django.contrib.auth import get_user_model
from django.db import IntegrityError, transaction

from annotator.errors import InvalidValue
from annotator.models import Membership, Project, Role, User
from annotator.people import tokens
from annotator.people.errors import LastManager


def add_member(project: Project, *, username: str, role: str) -> Membership:
    """Adds a user by name.

    Raises:
        InvalidValue: no such user, or a member already.
    """
    user = get_user_model().objects.filter(username=username, is_active=True).first()
    if user is None:
        raise InvalidValue.of_field("username", f"There is no user {username}.")
    try:
        with transaction.atomic():
            return Membership.objects.create(project=project, user=user, role=role)
    except IntegrityError as error:
        raise InvalidValue.of_field(
            "username", f"{username} is a member already; change the role instead."
        ) from error


def change_role(membership: Membership, role: str) -> Membership:
    """Gives a member another role. Raises LastManager."""
    with transaction.atomic():
        if role != Role.MANAGER:
            _require_another_manager(membership)
        membership.role = role
        membership.save(update_fields=["role"])
    return membership


def remove_member(membership: Membership) -> None:
    """Takes a member out; their annotations stay. Raises LastManager."""
    with transaction.atomic():
        _require_another_manager(membership)
        membership.delete()


def require_manager(project_id: int, leaving: Collection[int]) -> None:
    """Call it in a transaction: nobody else can leave until its end.

    Args:
        leaving: primary keys of the memberships that are about to end, or to get another role.

    Raises:
        LastManager: nobody else who can sign in manages the project.
    """
    managers = Membership.objects.filter(project=project_id, role=Role.MANAGER).select_related("user")
    managers = managers.select_for_update(of=("self",))
    staying = [member for member in managers if member.pk not in leaving]
    is_active_leaving = any(member.user.is_active for member in managers if member.pk in leaving)
    if any(member.user.is_active for member in staying):
        return
    if is_active_leaving or not staying:
        raise LastManager("A project keeps at least one manager; make somebody else manager first.")


def is_last_manager(membership: Membership) -> bool:
    try:
        with transaction.atomic():
            _require_another_manager(membership)
    except LastManager:
        return True
    return False


def deactivate(user: User) -> None:
    """Switches an account off: nobody signs in with it any more, its API tokens end, and its work keeps its name.

    Raises:
        LastManager: a project would have no manager who can sign in; names the projects.
    """
    with transaction.atomic():
        alone = managed_alone_by(user)
        if alone:
            raise LastManager(
                f"{user.get_username()} is the only manager of {', '.join(alone)}; make somebody else manager first."
            )
        user.is_active = False
        user.save(update_fields=["is_active"])
        tokens.withdraw_all(user)


def managed_alone_by(user: User) -> list[str]:
    """The names of the projects that no other active person manages."""
    managed = Membership.objects.filter(user=user, role=Role.MANAGER).select_related("project", "user")
    return [membership.project.name for membership in managed if is_last_manager(membership)]


def _require_another_manager(leaving: Membership) -> None:
    if leaving.role == Role.MANAGER:
        require_manager(leaving.project_id, [leaving.pk])
