"""Rules of a project's members: each once, and at least one of them manages the project."""

from __future__ import annotations

from collections.abc import Collection

from django.contrib.auth import get_user_model
from django.db import IntegrityError, transaction

from annotator.errors import InvalidValue
from annotator.models import Membership, Project, Role
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
        LastManager: nobody else manages the project.
    """
    managers = Membership.objects.select_for_update().filter(project=project_id, role=Role.MANAGER)
    if not [member for member in managers if member.pk not in leaving]:
        raise LastManager("A project keeps at least one manager; make somebody else manager first.")


def is_last_manager(membership: Membership) -> bool:
    managers = Membership.objects.filter(project=membership.project_id, role=Role.MANAGER)
    return membership.role == Role.MANAGER and not managers.exclude(pk=membership.pk).exists()


def _require_another_manager(leaving: Membership) -> None:
    if leaving.role == Role.MANAGER:
        require_manager(leaving.project_id, [leaving.pk])
