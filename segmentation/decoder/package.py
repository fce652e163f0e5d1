"""Decoder packages: what a family's own session in the browser runs instead of the one graph, in one file.

The file is in the safetensors format, every tensor a row of bytes; what it holds is the family's matter. Its metadata
carry `format`, `bundle_digest`, `family` and what the family adds.
"""

from collections.abc import Mapping
from pathlib import Path

import numpy as np

from segmentation import atomic_file
from segmentation.bundle import Bundle
from segmentation.decoder.decoder_file import DecoderMismatch
from segmentation.families import FAMILIES, DecoderFiles, family_of, load_model

# Of the packages' layout, their graphs' inputs and their kernels, with every field that the page's scripts write for
# them. A package that the scripts would not understand is not used, but made anew.
PACKAGE_VERSION = 4
FORMAT = f"maskwright-fast-decoder/{PACKAGE_VERSION}"


def has_package(family: str) -> bool:
    """Whether bundles of a family have a faster form of the decoder than one graph."""
    row = FAMILIES.get(family)
    return row is not None and row.decoder_files is not None


def export_package(bundle: Bundle | Path | str, out_path: Path | str) -> None:
    """Makes a bundle's decoder package; where it can be run in Python, it is compared with torch first.

    Args:
        bundle: a bundle of a family that `has_package`, or its folder.
        out_path: where the package goes, whole or not at all.

    Raises:
        BundleError: the bundle cannot be loaded.
        DecoderMismatch: the family has no packages, or an answer differs from torch's by more than
            `segmentation.decoder.parity` tolerates; no file is left behind.
    """
    bundle = Bundle.open(bundle)
    manifest = bundle.manifest
    family = family_of(manifest)
    if family.decoder_files is None:
        raise DecoderMismatch(
            f"bundle {manifest.name} is of family {manifest.family}: its decoder is one graph and no package"
        )
    model = load_model(bundle)
    state = {name: tensor.numpy() for name, tensor in model.state_dict().items()}
    files = family.decoder_files(bundle, state)
    if family.package_session is not None:
        from segmentation.decoder import parity

        session, embedding = family.package_session(files), parity.sample_embedding(model, manifest)
        difference = parity.compare(model, session, manifest, embedding)
        difference.require_tolerable(f"the decoder package of bundle {manifest.name}")
    write_package(files, out_path, {"bundle_digest": manifest.digest, "family": manifest.family})


def write_package(files: DecoderFiles, path: Path | str, metadata: Mapping[str, str]) -> None:
    """Writes a package, whole or not at all.

    Args:
        metadata: `bundle_digest` and `family` of the bundle that the files come from.
    """
    from safetensors.numpy import save

    parts = {name: np.frombuffer(content, np.uint8) for name, content in files.files.items()}
    atomic_file.write_bytes(Path(path), save(parts, {"format": FORMAT, **files.metadata, **metadata}))


def read_package(path: Path | str, bundle_digest: str) -> DecoderFiles:
    """What `write_package` wrote.

    Raises:
        DecoderMismatch: the file is missing, no package of this version, or of another bundle.
    """
    import safetensors

    try:
        with safetensors.safe_open(path, "numpy") as package:
            metadata = package.metadata() or {}
            files = {name: package.get_tensor(name).tobytes() for name in package.keys()}  # noqa: SIM118
    except (OSError, safetensors.SafetensorError) as error:
        raise DecoderMismatch(f"{path} is not a readable decoder package: {error}") from None
    if metadata.get("format") != FORMAT:
        raise DecoderMismatch(f"{path} has the format {metadata.get('format')!r}, not {FORMAT!r}")
    if metadata.get("bundle_digest") != bundle_digest:
        raise DecoderMismatch(
            f"{path} is the decoder package of bundle {metadata.get('bundle_digest')}, it is wanted for {bundle_digest}"
        )
    return DecoderFiles(files, metadata)
