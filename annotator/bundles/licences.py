"""Licences that do not allow everything to everybody: accepted once, and recorded."""

from __future__ import annotations

from collections.abc import Iterable

from annotator.bundles.errors import LicenceNotAccepted
from annotator.models import AcceptedLicence, User
from segmentation.catalogue import Member


def require_accepted(row: Member, user: User | None, accepts: bool) -> None:
    """Records that `user` accepts the licence of a published model.

    Args:
        user: None at the command line.
        accepts: whether they said so now.

    Raises:
        LicenceNotAccepted: the licence needs it, and nobody has accepted it.
    """
    if row in still_to_accept([row]):
        _accept(row, user, accepts)


def still_to_accept(rows: Iterable[Member]) -> list[Member]:
    """Those whose licence nobody has accepted that has to be. One query."""
    asking = [row for row in rows if not row.is_free]
    accepted = set(
        AcceptedLicence.objects.filter(name__in=[row.name for row in asking]).values_list("name", "licence")
    )
    return [row for row in asking if (row.name, row.licence) not in accepted]


def _accept(row: Member, user: User | None, accepts: bool) -> None:
    if not accepts:
        raise LicenceNotAccepted(
            f"{row.title} comes under {row.licence}. Read it at its publisher's, and accept it: by the box on the page "
            "of models, by accept_licence over the API, by --accept-licence at the command line."
        )
    AcceptedLicence.objects.get_or_create(name=row.name, licence=row.licence, defaults={"accepted_by": user})
