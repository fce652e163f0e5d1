"""Where the files of a bundle are: in a folder of this machine by name, or in storage by digest."""

from __future__ import annotations

from pathlib import Path

from django.core.files import File
from django.core.files.storage import Storage, storages

from annotator.files.local import local_path
from annotator.models import Bundle
from segmentation.bundle import MANIFEST_FILE, Manifest


def folder_of(bundle: Bundle) -> Path:
    """A folder with the bundle's manifest and weights on this machine; fetched from storage where they lie elsewhere.

    Raises:
        FileNotFoundError: storage has lost them.
    """
    if bundle.path:
        return Path(bundle.path)
    names = [f"{bundle.digest}/{name}" for name in (bundle.manifest["weights"]["file"], MANIFEST_FILE)]
    return [local_path(bundle_storage(), name, kept_as=name) for name in names][0].parent


def store(directory: Path, manifest: Manifest) -> None:
    """Puts a bundle's files into storage, the manifest last: a bundle without one is not there."""
    for name in (manifest.weights_file, MANIFEST_FILE):
        with open(directory / name, "rb") as file:
            bundle_storage().save(f"{manifest.digest}/{name}", File(file))


def discard(digest: str, weights_file: str) -> None:
    """Removes a bundle's files from storage."""
    for name in (MANIFEST_FILE, weights_file):
        bundle_storage().delete(f"{digest}/{name}")


def bundle_storage() -> Storage:
    return storages["bundles"]
