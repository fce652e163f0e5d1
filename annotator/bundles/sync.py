"""The table of bundles mirrors the manifests in folders; of a bundle in storage the row is the truth."""

from __future__ import annotations

import json
import logging
from dataclasses import asdict, dataclass, field
from pathlib import Path

from django.conf import settings
from django.db import transaction

from annotator.bundles import decoders, folders
from annotator.embeddings import queue as embedding_queue
from annotator.files import unowned
from annotator.models import Bundle, EmbeddingJob, Project
from segmentation.bundle import (
    BUILT_IN_BUNDLE,
    BUILT_IN_DIR,
    BundleError,
    Manifest,
    list_bundles,
    load_manifest,
)
from segmentation.quality import load_quality

logger = logging.getLogger(__name__)


@dataclass
class SyncReport:
    """What `sync_bundles` found: bundles by name, and folders that cannot be used with the reason."""

    bundles: list[Bundle] = field(default_factory=list)
    refused: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class NewlyStored:
    """A bundle whose files have just been put into storage, and what was exported of it.

    folder   where the same files are; it may go afterwards
    """

    folder: Path
    exported: decoders.Exported


def sync_bundles(newly_stored: NewlyStored | None = None) -> SyncReport:
    """Brings the table in line with the manifests in BUNDLE_DIRS. Storage is not listed.

    A built-in bundle stands before one in storage of the same name, and that before one in another folder.

    A bundle whose content changed under its name gets a new row, which its projects and the default mark move to; the
    old row stays, unavailable, for the annotations that name its digest. There is exactly one default as long as there
    is any bundle.

    Args:
        newly_stored: a bundle that becomes available with this; its projects and its former version change over in
            the same moment.

    Raises:
        FilesGone: the files of `newly_stored` were cleared away meanwhile; nothing has changed then.
    """
    report = SyncReport()
    found = _in_folders(report)
    with transaction.atomic():
        previous = {bundle.name: bundle for bundle in Bundle.objects.select_for_update().available()}
        in_storage: list[dict] = [
            {"name": old.name, "digest": old.digest, "path": ""} for old in previous.values() if not old.path
        ]
        if newly_stored:
            in_storage.append(
                _columns(newly_stored.folder, load_manifest(newly_stored.folder)) | {"path": ""}
            )
        for columns in in_storage:
            if columns["name"] not in found or not is_built_in(found[columns["name"]]["path"]):
                found[columns["name"]] = columns
        for name, old in previous.items():
            if name not in found or found[name]["digest"] != old.digest:
                Bundle.objects.filter(pk=old.pk).update(is_available=False, is_default=False)
                EmbeddingJob.objects.filter(bundle=old).exclude(state=EmbeddingJob.State.READY).delete()
            if name in found and found[name]["digest"] != old.digest:
                decoders.disown(old)
            if old.path == "" and (found[name]["digest"], found[name]["path"]) != (old.digest, ""):
                unowned.note(
                    folders.stored_names(old.digest, old.manifest["weights"]["file"]), folders.STORAGE
                )
        for name, columns in found.items():
            bundle, _ = Bundle.objects.update_or_create(
                digest=columns["digest"], defaults=columns | {"is_available": True}
            )
            replaced = previous.get(name)
            if replaced and replaced.pk != bundle.pk:
                Project.objects.filter(bundle=replaced).update(bundle=bundle)
                if replaced.is_default:
                    Bundle.objects.filter(pk=bundle.pk).update(is_default=True)
            report.bundles.append(bundle)
            if bundle.path == "":
                _own_files(bundle, newly_stored)
        _ensure_one_default()
    embedding_queue.ensure_missing()
    return report


def _own_files(bundle: Bundle, newly_stored: NewlyStored | None) -> None:
    """The row of a bundle in storage owns its files."""
    names = folders.stored_names(bundle.digest, bundle.manifest["weights"]["file"])
    if newly_stored and load_manifest(newly_stored.folder).digest == bundle.digest:
        decoders.own(bundle, newly_stored.exported)
        unowned.strike_out(names, folders.STORAGE)
    else:
        unowned.strike_out([], folders.STORAGE, optional=names)  # lost ones are said when they are used


def _in_folders(report: SyncReport) -> dict[str, dict]:
    """Name -> columns of the bundles that lie in BUNDLE_DIRS; the first place wins."""
    found: dict[str, dict] = {}
    for place in settings.BUNDLE_DIRS:
        for name in list_bundles(place):
            directory = Path(place) / name
            try:
                manifest = load_manifest(directory)
            except BundleError as error:
                report.refused[str(directory)] = str(error)
                logger.warning("bundle in %s is not used: %s", directory, error)
                continue
            found.setdefault(manifest.name, _columns(directory, manifest))
    return found


def is_built_in(path: str) -> bool:
    """Whether a row's folder is one of those that come with the program."""
    return Path(path).parent == BUILT_IN_DIR


def _columns(directory: Path, manifest: Manifest) -> dict:
    quality = load_quality(directory)
    return {
        "name": manifest.name,
        "digest": manifest.digest,
        "title": manifest.title,
        "family": manifest.family,
        "input_side": manifest.input_side,
        "mask_threshold": manifest.mask_threshold,
        "low_res_side": manifest.low_res_side,
        "embedding": {name: list(shape) for name, shape in manifest.embedding.items()},
        "manifest": json.loads((directory / "manifest.json").read_text()),
        "path": str(directory),
        "quality": quality and asdict(quality),
    }


def _ensure_one_default() -> None:
    if Bundle.objects.default() is None:
        available = Bundle.objects.available()
        chosen = available.filter(name=BUILT_IN_BUNDLE).first() or available.order_by("name").first()
        if chosen:
            Bundle.objects.filter(pk=chosen.pk).update(is_default=True)
