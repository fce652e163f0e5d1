"""A new bundle comes in: checked, put into storage, its decoder exported, then available. Loads torch."""

from __future__ import annotations

import shutil
from contextlib import suppress
from pathlib import Path

from django.conf import settings

from annotator.bundles import catalogue, decoders, folders
from annotator.bundles.errors import BundleRefused
from annotator.bundles.sync import NewlyStored, is_built_in, sync_bundles
from annotator.errors import MaskwrightError
from annotator.files import unowned
from annotator.models import Bundle
from segmentation.bundle import BundleError, Manifest, find_bundle, load_manifest, verify_weights


def install_bundle(name_or_path: str, make_default: bool = False) -> Bundle:
    """Makes a bundle ready to use: checks its weights, stores them under its digest unless it lies in one of the
    places already, exports its decoder. Loads torch for the export: for commands and workers.

    A bundle that comes into storage is available, to new projects and to those of its former version, only when all
    of that is done. Whoever is killed before, or whose bundle is refused, leaves everything as it was.

    Args:
        name_or_path: the name of a bundle in BUNDLE_DIRS or in storage, or a folder.

    Raises:
        BundleRefused: not a bundle, damaged weights, a taken name, or a decoder that differs from torch.
    """
    stored = Bundle.objects.available().filter(name=name_or_path, path="").first()
    try:
        directory = folders.folder_of(stored) if stored else _find(name_or_path)
        manifest = load_manifest(directory)
        verify_weights(manifest, directory)
    except (BundleError, FileNotFoundError) as error:
        raise BundleRefused(f"{error}.") from error
    is_new = not stored and not _lies_in_its_place(directory)
    sync_bundles()
    former = Bundle.objects.available().filter(name=manifest.name).first()
    if former and is_built_in(former.path) and former.digest != manifest.digest:
        raise BundleRefused(
            f"A built-in bundle is already called {manifest.name}; convert yours under another name."
        )
    if is_new and not (former and is_built_in(former.path)):
        bundle = _take_in(directory, manifest)
    else:
        bundle = Bundle.objects.available().get(digest=manifest.digest)
        decoders.ensure_decoder(bundle)
    if make_default:
        catalogue.set_default(bundle)
    return bundle


def _take_in(directory: Path, manifest: Manifest) -> Bundle:
    """Puts a bundle into storage, exports its decoder, then makes it available in the place of its former version."""
    bundle = Bundle.objects.filter(digest=manifest.digest).first() or Bundle(
        name=manifest.name, digest=manifest.digest, family=manifest.family
    )
    folders.store(directory, manifest)
    try:
        sync_bundles(NewlyStored(directory, decoders.export(bundle, directory)))
    except MaskwrightError:
        folders.discard(manifest.digest, manifest.weights_file)
        decoders.discard(bundle)
        raise
    bundle = Bundle.objects.available().get(digest=manifest.digest)
    _discard_former(bundle)
    return bundle


def _find(name_or_path: str) -> Path:
    return find_bundle(name_or_path, search_dirs=settings.BUNDLE_DIRS).resolve()


def _lies_in_its_place(directory: Path) -> bool:
    """Whether a folder is found by its name; one whose name is a stored bundle's stands behind that one."""
    places = [Path(place).resolve() for place in settings.BUNDLE_DIRS]
    is_taken = Bundle.objects.available().filter(name=directory.name, path="").exists()
    return directory.parent in places and not is_taken


def _discard_former(bundle: Bundle) -> None:
    """The files of what lay here under the bundle's name: those in storage, and a folder of the data folder's."""
    for former in Bundle.objects.filter(name=bundle.name, path="").exclude(pk=bundle.pk):
        names = folders.stored_names(former.digest, former.manifest["weights"]["file"])
        unowned.discard(names, folders.STORAGE)
    folder = settings.DATA_DIR / "bundles" / bundle.name
    with suppress(BundleError):  # there is none, or something that is no bundle
        # A bundle may be called like the folder of those in storage, which has no manifest.
        if load_manifest(folder).name == bundle.name:
            shutil.rmtree(folder, ignore_errors=True)
