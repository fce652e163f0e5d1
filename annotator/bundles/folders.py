"""Where the files of a bundle are: in a folder of this machine by name, or in storage by digest."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path

from django.core.files import File
from django.core.files.storage import Storage, storages

from annotator.files import unowned
from annotator.files.local import local_path
from annotator.models import Bundle
from segmentation.bundle import MANIFEST_FILE, Manifest

STORAGE = "bundles"


def folder_of(bundle: Bundle) -> Path:
    """A folder with the bundle's manifest and weights on this machine; fetched from storage where they lie elsewhere.

    Raises:
        FileNotFoundError: storage has lost them.
    """
    if bundle.path:
        return Path(bundle.path)
    names = stored_names(bundle.digest, bundle.manifest["weights"]["file"])
    return [local_path(bundle_storage(), name, kept_as=name) for name in names][0].parent


def weights_bytes(bundle: Bundle) -> int | None:
    """How large the bundle's weights are; None where their file is not there."""
    file = bundle.manifest["weights"]["file"]
    try:
        if bundle.path:
            return (Path(bundle.path) / file).stat().st_size
        return bundle_storage().size(stored_names(bundle.digest, file)[0])
    except OSError:
        return None


def store(directory: Path, manifest: Manifest) -> None:
    """Puts a bundle's files into storage, as files that no row owns yet; the manifest last."""
    names = stored_names(manifest.digest, manifest.weights_file)
    unowned.note(names, STORAGE)
    for name in names:
        with open(directory / Path(name).name, "rb") as file:
            bundle_storage().save(name, File(file))


def stored_names(digest: str, weights_file: str) -> list[str]:
    """The storage names of a bundle's files; without the last of them, the manifest, a bundle is not there."""
    return [f"{digest}/{name}" for name in (weights_file, MANIFEST_FILE)]


def discard(digest: str, weights_file: str) -> list[str]:
    """Deletes the noted files of one bundle, but for those that a row owns; returns the files' names."""
    names = unowned.discard(stored_names(digest, weights_file), STORAGE, _is_owned)
    # A storage that has no folders raises the first, a folder that holds something the second.
    with suppress(NotImplementedError, OSError):
        Path(bundle_storage().path(digest)).rmdir()
    return names


def sweep_unowned(min_age_s: float = unowned.MIN_AGE_S) -> list[str]:
    """Removes stored bundles that came to nothing or that others replaced; returns the files' names."""
    return unowned.sweep(min_age_s=min_age_s, is_wanted=_is_owned, storage=STORAGE)


def bundle_storage() -> Storage:
    return storages[STORAGE]


def _is_owned(name: str) -> bool:
    return Bundle.objects.available().filter(digest=name.split("/")[0], path="").exists()
