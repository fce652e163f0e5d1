"""The bundle of a project, and what a page fetches ahead of its decoder worker."""

from __future__ import annotations

from typing import Any

from annotator.api.bundles import BundleSerializer
from annotator.bundles import decoders
from annotator.embeddings.errors import NoBundle
from annotator.embeddings.stand_ins import stand_in_for
from annotator.embeddings.which_bundle import bundle_of
from annotator.models import Project


def bundle_row(project: Project) -> dict[str, Any] | None:
    """The row of the project's bundle; None where none is installed."""
    try:
        return BundleSerializer(bundle_of(project)).data
    except NoBundle:
        return None


def stand_in_row(project: Project) -> dict[str, Any] | None:
    """The row of the bundle that answers until the project's own is ready; None where there is none."""
    try:
        stand_in = stand_in_for(bundle_of(project))
    except NoBundle:
        return None
    return BundleSerializer(stand_in).data if stand_in else None


def decoder_url(bundle: dict[str, Any] | None) -> str | None:
    """What the decoder worker fetches, for a bundle as `bundle_row` gives it."""
    return None if bundle is None else bundle["fast_decoder_url"] or bundle["decoder_url"]


def session_module(bundle: dict[str, Any] | None) -> str | None:
    """Static path of what the decoder worker imports for a bundle; None: nothing beside its own modules."""
    return decoders.session_module(bundle["family"]) if bundle and bundle["fast_decoder_url"] else None
