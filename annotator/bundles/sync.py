"""The table of bundles mirrors the manifests on disk."""

from __future__ import annotations

import json
import logging
from dataclasses import dataclass, field
from pathlib import Path

from django.conf import settings
from django.db import transaction

from annotator.bundles.catalogue import BUILT_IN_BUNDLE
from annotator.embeddings import queue as embedding_queue
from annotator.models import Bundle, EmbeddingJob, Project
from segmentation.bundle import BundleError, Manifest, list_bundles, load_manifest

logger = logging.getLogger(__name__)


@dataclass
class SyncReport:
    """What `sync_bundles` found: bundles by name, and folders that cannot be used with the reason."""

    bundles: list[Bundle] = field(default_factory=list)
    refused: dict[str, str] = field(default_factory=dict)


def sync_bundles() -> SyncReport:
    """Brings the table in line with the manifests in BUNDLE_DIRS.

    A bundle whose content changed under its name gets a new row, which its projects and the default mark move to; the
    old row stays, unavailable, for the annotations that name its digest. There is exactly one default as long as there
    is any bundle.
    """
    report = SyncReport()
    found: dict[str, tuple[Path, Manifest]] = {}
    for place in settings.BUNDLE_DIRS:
        for name in list_bundles(place):
            directory = Path(place) / name
            try:
                manifest = load_manifest(directory)
            except BundleError as error:
                report.refused[str(directory)] = str(error)
                logger.warning("bundle in %s is not used: %s", directory, error)
                continue
            # The first place wins: nothing installed can take the place of a built-in bundle.
            found.setdefault(manifest.name, (directory, manifest))

    with transaction.atomic():
        previous = {bundle.name: bundle for bundle in Bundle.objects.select_for_update().available()}
        for name, old in previous.items():
            if name not in found or found[name][1].digest != old.digest:
                Bundle.objects.filter(pk=old.pk).update(is_available=False, is_default=False)
                EmbeddingJob.objects.filter(bundle=old).exclude(state=EmbeddingJob.State.READY).delete()
        for name, (directory, manifest) in found.items():
            bundle, _ = Bundle.objects.update_or_create(
                digest=manifest.digest, defaults=_columns(directory, manifest)
            )
            old = previous.get(name)
            if old and old.pk != bundle.pk:
                Project.objects.filter(bundle=old).update(bundle=bundle)
                if old.is_default:
                    Bundle.objects.filter(pk=bundle.pk).update(is_default=True)
            report.bundles.append(bundle)
        _ensure_one_default()
    embedding_queue.ensure_missing()
    return report


def _columns(directory: Path, manifest: Manifest) -> dict:
    return {
        "name": manifest.name,
        "title": manifest.title,
        "family": manifest.family,
        "input_side": manifest.input_side,
        "mask_threshold": manifest.mask_threshold,
        "low_res_side": manifest.low_res_side,
        "embedding": {name: list(shape) for name, shape in manifest.embedding.items()},
        "manifest": json.loads((directory / "manifest.json").read_text()),
        "path": str(directory),
        "is_available": True,
    }


def _ensure_one_default() -> None:
    if Bundle.objects.default() is None:
        available = Bundle.objects.available()
        chosen = available.filter(name=BUILT_IN_BUNDLE).first() or available.order_by("name").first()
        if chosen:
            Bundle.objects.filter(pk=chosen.pk).update(is_default=True)
