"""Licences that do not allow everything to everybody: accepted once, and recorded."""

from __future__ import annotations

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
    if is_accepted(row):
        return
    if not accepts:
        raise LicenceNotAccepted(
            f"{row.title} comes under {row.licence}. Read it at its publisher's, and accept it: by the box on the page "
            "of models, by accept_licence over the API, by --accept-licence at the command line."
        )
    AcceptedLicence.objects.get_or_create(name=row.name, licence=row.licence, defaults={"accepted_by": user})


def is_accepted(row: Member) -> bool:
    return row.is_free or AcceptedLicence.objects.filter(name=row.name, licence=row.licence).exists()
