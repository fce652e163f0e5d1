"""What browsers run of a bundle: its decoder and, of some families, a decoder package; both stored by its digest."""

from __future__ import annotations

import hashlib
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from django.conf import settings
from django.core.files import File
from django.core.files.storage import Storage, storages
from django.db import transaction

from annotator.bundles.errors import BundleRefused, DecoderMissing
from annotator.bundles.folders import folder_of
from annotator.files import unowned
from annotator.files.local import local_path
from annotator.models import Bundle
from segmentation.decoder import export_decoder
from segmentation.decoder.package import PACKAGE_VERSION, export_package, has_package
from segmentation.errors import SegmentationError
from segmentation.families import FAMILIES

STORAGE = "decoders"


@dataclass(frozen=True)
class Exported:
    """What was made of a bundle for the browser, by the files' sha256.

    decoder_sha256   of the ONNX decoder
    package_sha256   of the decoder package; "" where the family has none
    """

    decoder_sha256: str
    package_sha256: str


def export(bundle: Bundle, folder: Path) -> Exported:
    """Exports a bundle's decoder unless it is there as it was exported, and its package where the family has one.

    The files belong to no row yet: `own` gives them to the bundle's.

    Args:
        bundle: its row, which need not be saved.
        folder: with its manifest and weights.

    Raises:
        BundleRefused: an exported decoder differs from torch by more than the export's tolerance.
    """
    wants_package = has_package(bundle.family)
    unowned.note(_file_names(bundle), STORAGE)
    if not _is_sound(decoder_name(bundle), bundle.decoder_sha256):
        _export(export_decoder, bundle, folder, "decoder", decoder_name(bundle))
    if wants_package and not _is_sound(package_name(bundle), bundle.package_sha256):
        _export(export_package, bundle, folder, "decoder package", package_name(bundle))
    return Exported(
        decoder_sha256=_sha256(decoder_name(bundle)),
        package_sha256=_sha256(package_name(bundle)) if wants_package else "",
    )


def own(bundle: Bundle, exported: Exported) -> None:
    """Gives exported files to the bundle's row; call it in the transaction that makes the bundle available.

    Raises:
        FilesGone: they were cleared away meanwhile.
    """
    bundle.decoder_sha256, bundle.package_sha256 = exported.decoder_sha256, exported.package_sha256
    bundle.save(update_fields=["decoder_sha256", "package_sha256"])
    needed = [decoder_name(bundle), *([package_name(bundle)] if exported.package_sha256 else [])]
    unowned.strike_out(needed, STORAGE, optional=[report_name(bundle)])


def ensure_decoder(bundle: Bundle) -> None:
    """Exports what is missing of a bundle that is in the table, and notes the sha256 in its row.

    Raises:
        BundleRefused: an exported decoder differs from torch by more than the export's tolerance.
    """
    exported = export(bundle, folder_of(bundle))
    with transaction.atomic():
        own(bundle, exported)


def disown(bundle: Bundle) -> None:
    """Gives up the files of a bundle that another one replaced; call it in the transaction that replaces it."""
    Bundle.objects.filter(pk=bundle.pk).update(decoder_sha256="", package_sha256="")
    unowned.note([*_file_names(bundle), *_former_packages(bundle)], STORAGE)


def discard(bundle: Bundle) -> list[str]:
    """Deletes the noted files of one bundle, but for those that a row owns; returns the files' names."""
    return unowned.discard([*_file_names(bundle), *_former_packages(bundle)], STORAGE, _is_owned)


def sweep_unowned(min_age_s: float = unowned.MIN_AGE_S) -> list[str]:
    """Removes decoders that came to nothing or whose bundle was replaced, and packages of former versions of this
    program, which may have left no note; returns the files' names.
    """
    forgotten = [name for bundle in Bundle.objects.all() for name in _former_packages(bundle)]
    unowned.note(unowned.without_note(forgotten, STORAGE), STORAGE)
    return unowned.sweep(min_age_s=min_age_s, is_wanted=_is_owned, storage=STORAGE)


def require_decoder(bundle: Bundle) -> str:
    """The storage name of the exported decoder. Raises DecoderMissing, with what to run."""
    name = decoder_name(bundle)
    if not _is_sound(name, bundle.decoder_sha256):
        what = "is damaged" if decoder_storage().exists(name) else "has not been exported yet"
        raise DecoderMissing(
            f"The decoder of {bundle.name} {what}. Run: manage.py install_bundle {bundle.name}"
        )
    return name


def local_decoder(bundle: Bundle) -> Path:
    """The exported decoder as a file of this machine. Raises DecoderMissing."""
    return local_path(decoder_storage(), require_decoder(bundle), kept_as=f"{bundle.decoder_sha256}.onnx")


def local_package(bundle: Bundle) -> Path | None:
    """The decoder package as a file of this machine; None where the family has none. Raises DecoderMissing."""
    if not has_package(bundle.family):
        return None
    name = package_name(bundle)
    if not _is_sound(name, bundle.package_sha256):
        what = "is damaged" if decoder_storage().exists(name) else "has not been exported yet"
        raise DecoderMissing(
            f"The decoder package of {bundle.name} {what}. Run: manage.py install_bundle {bundle.name}"
        )
    return local_path(decoder_storage(), name, kept_as=f"{bundle.package_sha256}.safetensors")


def decoder_name(bundle: Bundle) -> str:
    """The decoder's storage name."""
    return f"{bundle.digest}.onnx"


def report_name(bundle: Bundle) -> str:
    """The storage name of what the decoder's export measured."""
    return f"{bundle.digest}.json"


def package_name(bundle: Bundle, version: int = PACKAGE_VERSION) -> str:
    """The storage name of the decoder package, which the browser runs instead where the family has one.

    Args:
        version: of the package's layout.
    """
    return f"{bundle.digest}.fast-{version}.safetensors"


def package_version(bundle: Bundle) -> str | None:
    """Changes whenever the package's file does; None: there is none."""
    if not bundle.package_sha256:
        return None
    return bundle.package_sha256 if _is_sound(package_name(bundle), bundle.package_sha256) else None


def session_module(family: str) -> str | None:
    """Static path of the module that runs the decoder packages of a family; None: they run as one graph."""
    row = FAMILIES.get(family)
    return f"js/decoder/worker/{row.browser_session}/session.js" if row and row.browser_session else None


def is_exported(bundle: Bundle) -> bool:
    """Whether everything the browser may run is there, as it was exported."""
    has_all = not has_package(bundle.family) or package_version(bundle) is not None
    return _is_sound(decoder_name(bundle), bundle.decoder_sha256) and has_all


def decoder_storage() -> Storage:
    return storages[STORAGE]


def _file_names(bundle: Bundle) -> list[str]:
    """The storage names of everything that is made of a bundle here."""
    return [decoder_name(bundle), report_name(bundle), package_name(bundle)]


def _former_packages(bundle: Bundle) -> list[str]:
    """The storage names of what former versions of this program made of a bundle and what is still there."""
    names = [package_name(bundle, version) for version in range(1, PACKAGE_VERSION)]
    return [name for name in names if decoder_storage().exists(name)]


def _is_owned(name: str) -> bool:
    bundle = Bundle.objects.filter(digest=name.split(".")[0]).exclude(decoder_sha256="").first()
    return bundle is not None and name in _file_names(bundle)


def _export(make: Callable[[Path, Path], object], bundle: Bundle, folder: Path, what: str, name: str) -> None:
    """Stores what `make` makes of a bundle's folder under a path: a file, and maybe a report beside the file."""
    with tempfile.TemporaryDirectory(dir=settings.FILE_UPLOAD_TEMP_DIR) as made:
        try:
            make(folder, Path(made) / name)
        except SegmentationError as error:
            raise BundleRefused(f"The {what} of {bundle.name} cannot be used: {error}.") from error
        for path in sorted(Path(made).iterdir(), key=lambda path: path.name == name):  # the report first
            with open(path, "rb") as file:
                decoder_storage().save(path.name, File(file))


def _is_sound(name: str, sha256: str) -> bool:
    """Whether a file is there with the bytes that the row tells of. Browsers keep it for ever under that sha256."""
    storage = decoder_storage()
    try:
        version = storage.size(name), storage.get_modified_time(name)
    except FileNotFoundError:
        return False
    return bool(sha256) and _digests.get(storage, name, version) == sha256


class _Digests:
    """The sha256 of files, computed anew when a file's size or time changes."""

    def __init__(self) -> None:
        self._known: dict[tuple[str, str], tuple[object, str]] = {}

    def get(self, storage: Storage, name: str, version: object) -> str:
        key = str(getattr(storage, "location", "")), name
        known = self._known.get(key)
        if known is None or known[0] != version:
            known = version, _sha256(name)
            self._known[key] = known
        return known[1]


_digests = _Digests()


def _sha256(name: str) -> str:
    with decoder_storage().open(name, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
