"""The bundles of this installation: one by its name, the one that new projects get, and what can be fetched."""

from __future__ import annotations

from django.conf import settings
from django.db import transaction

from annotator.bundles.errors import UnknownBundle, WeightsUnavailable
from annotator.embeddings import queue as embedding_queue
from annotator.models import Bundle
from segmentation.catalogue import Member, near


def by_name(name: str) -> Bundle:
    """An available bundle. Raises UnknownBundle."""
    bundle = Bundle.objects.available().filter(name=name).first()
    if bundle is None:
        known = list(Bundle.objects.available().values_list("name", flat=True))
        raise UnknownBundle(f"There is no bundle {name!r}{near(name, known)}")
    return bundle


def set_default(bundle: Bundle) -> None:
    """Makes `bundle` the one that new projects get, and those that chose none.

    Their images are queued at once, so that none is without a model for a moment; what nobody wants any more of the
    former default is not made. Raises UnknownBundle where `bundle` has just been removed.
    """
    with transaction.atomic():
        former = Bundle.objects.default()
        Bundle.objects.filter(is_default=True).exclude(pk=bundle.pk).update(is_default=False)
        if not Bundle.objects.available().filter(pk=bundle.pk).update(is_default=True):
            raise UnknownBundle(f"{bundle.name} is no longer installed; the default stays as it was.")
        embedding_queue.ensure_all(bundle)
        if former and former.pk != bundle.pk:
            embedding_queue.drop_unwanted(former)
        embedding_queue.wake()
    bundle.is_default = True


def can_be_fetched(row: Member) -> bool:
    """Whether a published model has an address here: its publisher's, or the mirror's."""
    return bool(row.addresses or settings.WEIGHTS_MIRROR)


def require_address(row: Member) -> None:
    """Raises WeightsUnavailable where a published model cannot be fetched; the sentence says what to do instead."""
    if not can_be_fetched(row):
        raise WeightsUnavailable(
            f"{row.title} is to be had from its publisher's own page only, as {row.file_name}. Fetch it there, then: "
            f"{by_hand(row)}"
        )


def by_hand(row: Member) -> str:
    """The command that installs a published model from its file at hand."""
    return (
        f"manage.py bundles install --from-file {row.file_name} --family {row.family} --variant {row.variant} "
        f"--name {row.name}"
    )
