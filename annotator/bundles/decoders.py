"""What browsers run of a bundle: its decoder and, of some families, a decoder package; both stored by its digest."""

from __future__ import annotations

import hashlib
import tempfile
from collections.abc import Callable
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


def ensure_decoder(bundle: Bundle) -> None:
    """Exports the bundle's decoder unless it is there as it was exported, and its package where the family has one;
    notes the sha256 of both in the row.

    Raises:
        BundleRefused: an exported decoder differs from torch by more than the export's tolerance.
    """
    wants_package = has_package(bundle.family)
    unowned.note(_file_names(bundle), STORAGE)
    if not _is_sound(decoder_name(bundle), bundle.decoder_sha256):
        _export(export_decoder, bundle, "decoder", decoder_name(bundle))
    if wants_package and not _is_sound(package_name(bundle), bundle.package_sha256):
        _export(export_package, bundle, "decoder package", package_name(bundle))
    bundle.decoder_sha256 = _sha256(decoder_name(bundle))
    bundle.package_sha256 = _sha256(package_name(bundle)) if wants_package else ""
    needed = [decoder_name(bundle), *([package_name(bundle)] if wants_package else [])]
    with transaction.atomic():
        bundle.save(update_fields=["decoder_sha256", "package_sha256"])
        unowned.strike_out(needed, STORAGE, optional=_file_names(bundle))


def disown(bundle: Bundle) -> None:
    """Gives up the files of a bundle that another one replaced; call it in the transaction that replaces it."""
    Bundle.objects.filter(pk=bundle.pk).update(decoder_sha256="", package_sha256="")
    unowned.note(_file_names(bundle), STORAGE)


def sweep_unowned(min_age_s: float = unowned.MIN_AGE_S) -> list[str]:
    """Removes decoders that came to nothing or whose bundle was replaced; returns the files' names."""
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


def decoder_name(bundle: Bundle) -> str:
    """The decoder's storage name."""
    return f"{bundle.digest}.onnx"


def package_name(bundle: Bundle) -> str:
    """The storage name of the decoder package, which the browser runs instead where the family has one."""
    return f"{bundle.digest}.fast-{PACKAGE_VERSION}.safetensors"


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
    return [decoder_name(bundle), f"{bundle.digest}.json", package_name(bundle)]


def _is_owned(name: str) -> bool:
    return Bundle.objects.filter(digest=name.split(".")[0]).exclude(decoder_sha256="").exists()


def _export(export: Callable[[Path, Path], object], bundle: Bundle, what: str, name: str) -> None:
    """Stores what `export` makes of a bundle's folder under a path: a file, and maybe a report beside the file."""
    with tempfile.TemporaryDirectory(dir=settings.FILE_UPLOAD_TEMP_DIR) as folder:
        try:
            export(folder_of(bundle), Path(folder) / name)
        except SegmentationError as error:
            raise BundleRefused(f"The {what} of {bundle.name} cannot be used: {error}.") from error
        for path in sorted(Path(folder).iterdir(), key=lambda path: path.name == name):  # the report first
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
