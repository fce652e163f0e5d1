"""The decoders that browsers run: exported from a bundle, kept as files named by the bundle's digest."""

from __future__ import annotations

import hashlib
from pathlib import Path

from django.conf import settings

from annotator.bundles.errors import BundleRefused, DecoderMissing
from annotator.models import Bundle
from segmentation.onnx.fast import FAST_FAMILIES, PACKAGE_VERSION


def ensure_decoder(bundle: Bundle) -> Path:
    """Exports the bundle's decoder unless it is there, and its fast decoder where the family has one; notes the
    decoder's sha256 in the row.

    Raises:
        BundleRefused: the exported graph differs from torch by more than the export's tolerance.
    """
    path = decoder_file(bundle)
    if not path.is_file():
        from segmentation.errors import SegmentationError
        from segmentation.onnx import export_decoder

        try:
            export_decoder(Path(bundle.path), path)  # the report first, then the file, each in one step
        except SegmentationError as error:
            raise BundleRefused(f"The decoder of {bundle.name} cannot be used: {error}.") from error
    _ensure_fast_decoder(bundle)
    with open(path, "rb") as file:
        sha256 = hashlib.file_digest(file, "sha256").hexdigest()
    Bundle.objects.filter(pk=bundle.pk).update(decoder_sha256=sha256)
    bundle.decoder_sha256 = sha256
    return path


def require_decoder(bundle: Bundle) -> Path:
    """The exported decoder. Raises DecoderMissing, with what to run."""
    path = decoder_file(bundle)
    if not path.is_file():
        raise DecoderMissing(
            f"The decoder of {bundle.name} has not been exported yet. Run: manage.py install_bundle {bundle.name}"
        )
    return path


def decoder_file(bundle: Bundle) -> Path:
    """Where the decoder of this bundle lies or will lie."""
    return settings.DECODER_DIR / f"{bundle.digest}.onnx"


def fast_decoder_file(bundle: Bundle) -> Path:
    """Where the fast decoder of this bundle lies, if its family has one: what the browser runs instead."""
    return settings.DECODER_DIR / f"{bundle.digest}.fast-{PACKAGE_VERSION}.safetensors"


def fast_decoder_version(bundle: Bundle) -> str | None:
    """Changes whenever the fast decoder's file does; None: there is none."""
    try:
        status = fast_decoder_file(bundle).stat()
    except FileNotFoundError:
        return None
    return f"{status.st_mtime_ns:x}-{status.st_size:x}"


def is_exported(bundle: Bundle) -> bool:
    """Whether everything the browser may run is there."""
    has_all = bundle.family not in FAST_FAMILIES or fast_decoder_file(bundle).is_file()
    return bool(bundle.decoder_sha256) and decoder_file(bundle).is_file() and has_all


def _ensure_fast_decoder(bundle: Bundle) -> None:
    path = fast_decoder_file(bundle)
    if bundle.family not in FAST_FAMILIES or path.is_file():
        return
    from segmentation.errors import SegmentationError
    from segmentation.onnx.fast.export import export_fast_decoder

    try:
        export_fast_decoder(Path(bundle.path), path)
    except SegmentationError as error:
        raise BundleRefused(f"The fast decoder of {bundle.name} cannot be used: {error}.") from error
