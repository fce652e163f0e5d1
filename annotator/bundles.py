"""Model bundles: the table mirrors the manifests on disk; decoders are exported by digest."""

from __future__ import annotations

import hashlib
import json
import logging
import shutil
import tempfile
from dataclasses import dataclass, field
from pathlib import Path

from django.conf import settings
from django.db import transaction

from annotator import embedding_jobs
from annotator.errors import BundleRefused, DecoderMissing, UnknownBundle
from annotator.models import Bundle, EmbeddingJob, Project
from segmentation.bundle import (
    BUILT_IN_BUNDLE,
    BundleError,
    Manifest,
    find_bundle,
    list_bundles,
    load_manifest,
    verify_weights,
)
from segmentation.decoder.package import PACKAGE_VERSION, has_package
from segmentation.families import FAMILIES

logger = logging.getLogger(__name__)

INSTALLED_DIR = settings.DATA_DIR / "bundles"


@dataclass
class SyncReport:
    """What `sync` found: bundles by name, and folders that cannot be used with the reason."""

    bundles: list[Bundle] = field(default_factory=list)
    refused: dict[str, str] = field(default_factory=dict)


def sync() -> SyncReport:
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
    embedding_jobs.ensure_missing()
    return report


def set_default(bundle: Bundle) -> None:
    """Makes `bundle` the one new projects get."""
    with transaction.atomic():
        Bundle.objects.filter(is_default=True).exclude(pk=bundle.pk).update(is_default=False)
        Bundle.objects.filter(pk=bundle.pk).update(is_default=True)
    bundle.is_default = True


def by_name(name: str) -> Bundle:
    """An available bundle. Raises UnknownBundle."""
    bundle = Bundle.objects.available().filter(name=name).first()
    if bundle is None:
        known = ", ".join(Bundle.objects.available().values_list("name", flat=True)) or "none"
        raise UnknownBundle(f"There is no bundle {name!r}; installed: {known}.")
    return bundle


def install(name_or_path: str, make_default: bool = False) -> Bundle:
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
    sync()
    bundle = Bundle.objects.available().get(name=manifest.name)
    if bundle.digest != manifest.digest:
        raise BundleRefused(
            f"A built-in bundle is already called {manifest.name}; convert yours under another name."
        )
    ensure_decoder(bundle)
    if make_default:
        set_default(bundle)
    return bundle


def ensure_decoder(bundle: Bundle) -> Path:
    """Exports the bundle's decoder unless it is there, and its fast decoder where the family has one; notes the
    decoder's sha256 in the row.

    Raises:
        BundleRefused: the exported graph differs from torch by more than the export's tolerance.
    """
    path = decoder_file(bundle)
    if not path.is_file():
        from segmentation.decoder import export_decoder
        from segmentation.errors import SegmentationError

        try:
            export_decoder(
                Path(bundle.path), path
            )  # writes the report first, then the file, each in one step
        except SegmentationError as error:
            raise BundleRefused(f"The decoder of {bundle.name} cannot be used: {error}.") from error
    _ensure_fast_decoder(bundle)
    with open(path, "rb") as file:
        sha256 = hashlib.file_digest(file, "sha256").hexdigest()
    Bundle.objects.filter(pk=bundle.pk).update(decoder_sha256=sha256)
    bundle.decoder_sha256 = sha256
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


def session_module(family: str) -> str | None:
    """Static path of the module that runs the decoder packages of a family; None: they run as one graph."""
    row = FAMILIES.get(family)
    return f"js/decoder/worker/{row.browser_session}/session.js" if row and row.browser_session else None


def is_exported(bundle: Bundle) -> bool:
    """Whether everything the browser may run is there."""
    has_all = not has_package(bundle.family) or fast_decoder_file(bundle).is_file()
    return bool(bundle.decoder_sha256) and decoder_file(bundle).is_file() and has_all


def _ensure_fast_decoder(bundle: Bundle) -> None:
    path = fast_decoder_file(bundle)
    if not has_package(bundle.family) or path.is_file():
        return
    from segmentation.decoder.package import export_package
    from segmentation.errors import SegmentationError

    try:
        export_package(Path(bundle.path), path)
    except SegmentationError as error:
        raise BundleRefused(f"The fast decoder of {bundle.name} cannot be used: {error}.") from error


def require_decoder(bundle: Bundle) -> Path:
    """The exported decoder. Raises DecoderMissing, with what to run."""
    path = decoder_file(bundle)
    if not path.is_file():
        raise DecoderMissing(
            f"The decoder of {bundle.name} has not been exported yet. Run: manage.py install_bundle {bundle.name}"
        )
    return path


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
