"""Invitations: whoever has the link makes an account, or uses the one they have, and is a member of the project.

Nobody makes an account in any other way but an administrator. A link holds while its maker may manage the project.
"""

from __future__ import annotations

from datetime import timedelta
from uuid import UUID

from django.core import signing
from django.db import transaction
from django.db.models import F, QuerySet
from django.utils import timezone

from annotator.models import Invitation, Membership, Project, User
from annotator.people import permissions
from annotator.people.errors import InvitationOver

# Keeps a signature that was made for something else from being one of ours.
SALT = "annotator.people.invitations"
MOST_DAYS = 90
MOST_USES = 500
OVER_KEPT_DAYS = 30


def make(project: Project, maker: User, *, role: str, days: int, uses: int, note: str = "") -> Invitation:
    return Invitation.objects.create(
        project=project,
        role=role,
        note=note,
        uses_left=uses,
        expires_at=timezone.now() + timedelta(days=days),
        created_by=maker,
    )


def token_of(invitation: Invitation) -> str:
    """The signed part of the link. It can be made again and again, so that nothing of it need be kept."""
    return signing.Signer(salt=SALT).sign(str(invitation.pk)).replace(":", ".")


def find(token: str) -> Invitation | None:
    """The invitation that a link leads to; None where nobody signed it, or it was withdrawn."""
    key, _, signature = token.partition(".")
    try:
        pk = UUID(signing.Signer(salt=SALT).unsign(f"{key}:{signature}"))
    except (signing.BadSignature, ValueError):
        return None
    return Invitation.objects.select_related("project", "created_by").filter(pk=pk).first()


def why_over(invitation: Invitation) -> str:
    """Why nobody can come by it any more; "" where somebody can."""
    if invitation.expires_at <= timezone.now():
        return "This invitation has expired."
    if invitation.uses_left == 0:
        return "This invitation has been used."
    if not permissions.may(invitation.created_by, "manage", invitation.project_id):
        return "Whoever made this invitation no longer manages the project."
    return ""


def accept(invitation: Invitation, user: User) -> Membership:
    """Makes a member of the user; call it in the transaction that makes the account, if one is made.

    Somebody who is a member already stays what they are, and no use is counted.

    Raises:
        InvitationOver: it has expired, was used up or withdrawn, or its maker may not invite any more.
    """
    row = Invitation.objects.filter(pk=invitation.pk)
    with transaction.atomic():
        # Asked of the row itself, which stays locked: of two who come at once by a link for one, one gets in.
        open_row = row.filter(uses_left__gt=0, expires_at__gt=timezone.now())
        is_taken = open_row.update(uses_left=F("uses_left") - 1, used=F("used") + 1)
        present = Membership.objects.filter(project=invitation.project_id, user=user).first()
        if present:
            if is_taken:
                row.update(uses_left=F("uses_left") + 1, used=F("used") - 1)
            return present
        if is_taken and not why_over(invitation):
            return Membership.objects.create(
                project_id=invitation.project_id, user=user, role=invitation.role
            )
        raise InvitationOver("This invitation can no longer be used. Ask for a new one.")


def of_project(project: Project) -> QuerySet[Invitation]:
    return Invitation.objects.filter(project=project).select_related("created_by")


def forget_old() -> int:
    """Removes those that expired long ago; how many."""
    over = timezone.now() - timedelta(days=OVER_KEPT_DAYS)
    return Invitation.objects.filter(expires_at__lte=over).delete()[0]
