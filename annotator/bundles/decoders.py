"""What browsers run of a bundle: its decoder and, of some families, a decoder package; both stored by its digest."""

from __future__ import annotations

import hashlib
import tempfile
from pathlib import Path

from django.conf import settings
from django.core.files import File
from django.core.files.storage import Storage, storages

from annotator.bundles.errors import BundleRefused, DecoderMissing
from annotator.bundles.folders import folder_of
from annotator.files.local import local_path
from annotator.models import Bundle
from segmentation.decoder.package import PACKAGE_VERSION, has_package
from segmentation.families import FAMILIES


def ensure_decoder(bundle: Bundle) -> None:
    """Exports the bundle's decoder unless it is there, and its package where the family has one; notes the sha256 of
    both in the row.

    Raises:
        BundleRefused: an exported decoder differs from torch by more than the export's tolerance.
    """
    if not has_decoder(bundle):
        _export_decoder(bundle)
    wants_package = has_package(bundle.family)
    if wants_package and not decoder_storage().exists(package_name(bundle)):
        _export_package(bundle)
    bundle.decoder_sha256 = _sha256(decoder_name(bundle))
    bundle.package_sha256 = _sha256(package_name(bundle)) if wants_package else ""
    bundle.save(update_fields=["decoder_sha256", "package_sha256"])


def require_decoder(bundle: Bundle) -> str:
    """The storage name of the exported decoder. Raises DecoderMissing, with what to run."""
    if not has_decoder(bundle):
        raise DecoderMissing(
            f"The decoder of {bundle.name} has not been exported yet. Run: manage.py install_bundle {bundle.name}"
        )
    return decoder_name(bundle)


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
    is_there = bundle.package_sha256 and decoder_storage().exists(package_name(bundle))
    return bundle.package_sha256 if is_there else None


def session_module(family: str) -> str | None:
    """Static path of the module that runs the decoder packages of a family; None: they run as one graph."""
    row = FAMILIES.get(family)
    return f"js/decoder/worker/{row.browser_session}/session.js" if row and row.browser_session else None


def is_exported(bundle: Bundle) -> bool:
    """Whether everything the browser may run is there."""
    has_all = not has_package(bundle.family) or package_version(bundle) is not None
    return bool(bundle.decoder_sha256) and has_decoder(bundle) and has_all


def has_decoder(bundle: Bundle) -> bool:
    return decoder_storage().exists(decoder_name(bundle))


def decoder_storage() -> Storage:
    return storages["decoders"]


def _export_decoder(bundle: Bundle) -> None:
    from segmentation.decoder import export_decoder
    from segmentation.errors import SegmentationError

    with tempfile.TemporaryDirectory(dir=settings.FILE_UPLOAD_TEMP_DIR) as folder:
        path = Path(folder) / decoder_name(bundle)
        try:
            export_decoder(folder_of(bundle), path)
        except SegmentationError as error:
            raise BundleRefused(f"The decoder of {bundle.name} cannot be used: {error}.") from error
        _store(path.with_suffix(".json"))  # the report of the export
        _store(path)


def _export_package(bundle: Bundle) -> None:
    from segmentation.decoder.package import export_package
    from segmentation.errors import SegmentationError

    with tempfile.TemporaryDirectory(dir=settings.FILE_UPLOAD_TEMP_DIR) as folder:
        path = Path(folder) / package_name(bundle)
        try:
            export_package(folder_of(bundle), path)
        except SegmentationError as error:
            raise BundleRefused(f"The decoder package of {bundle.name} cannot be used: {error}.") from error
        _store(path)


def _store(path: Path) -> None:
    with open(path, "rb") as file:
        decoder_storage().save(path.name, File(file))


def _sha256(name: str) -> str:
    with decoder_storage().open(name, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
