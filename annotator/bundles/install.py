"""A new bundle comes in: checked, copied into the data folder, its decoder exported. For commands: loads torch."""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path

from django.conf import settings

from annotator.bundles import catalogue, decoders
from annotator.bundles.errors import BundleRefused
from annotator.bundles.sync import sync_bundles
from annotator.models import Bundle
from segmentation.bundle import BundleError, Manifest, find_bundle, load_manifest, verify_weights

INSTALLED_DIR = settings.DATA_DIR / "bundles"


def install_bundle(name_or_path: str, make_default: bool = False) -> Bundle:
    """Makes a bundle ready to use: checks its weights, copies it into the data folder unless it lies in one of the
    places already, exports its decoder. Loads torch for the export; call it from commands only.

    Args:
        name_or_path: the name of a bundle in BUNDLE_DIRS, or a folder.

    Raises:
        BundleRefused: not a bundle, damaged weights, a taken name, or a decoder that differs from torch.
    """
    try:
        directory = find_bundle(name_or_path, search_dirs=settings.BUNDLE_DIRS).resolve()
        manifest = load_manifest(directory)
        verify_weights(manifest, directory)
    except BundleError as error:
        raise BundleRefused(f"{error}.") from error
    if directory.parent not in [Path(place).resolve() for place in settings.BUNDLE_DIRS]:
        _copy(directory, manifest)
    sync_bundles()
    bundle = Bundle.objects.available().get(name=manifest.name)
    if bundle.digest != manifest.digest:
        raise BundleRefused(
            f"A built-in bundle is already called {manifest.name}; convert yours under another name."
        )
    decoders.ensure_decoder(bundle)
    if make_default:
        catalogue.set_default(bundle)
    return bundle


def _copy(directory: Path, manifest: Manifest) -> None:
    """Into the data folder: a temporary folder first, then one rename; what lay there under the name goes."""
    INSTALLED_DIR.mkdir(parents=True, exist_ok=True)
    target = INSTALLED_DIR / manifest.name
    with tempfile.TemporaryDirectory(dir=INSTALLED_DIR, prefix=".installing-") as temporary:
        copied = Path(temporary) / "new"
        copied.mkdir()
        for name in ("manifest.json", manifest.weights_file):
            shutil.copyfile(directory / name, copied / name)
        if target.exists():
            target.rename(Path(temporary) / "old")
        copied.rename(target)
