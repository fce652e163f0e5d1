"""Turns one of Meta's published SAM checkpoints into a bundle.

`python -m segmentation.families.sam.published CHECKPOINT.pth --variant vit_b --name sam-vit-b --output DIR`
"""

import argparse
import os
import pickle
import shutil
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path

import safetensors.torch
import torch
from torch import Tensor

from segmentation.bundle import MANIFEST_FILE, BundleError, Manifest, write_manifest
from segmentation.families.sam.names import to_transformers
from segmentation.families.sam.network import VARIANTS, SamNetwork, SamShape, manifest_fields

PUBLISHED_VARIANTS = ("vit_b", "vit_l", "vit_h")
LICENCE = "Apache-2.0"


class CheckpointInvalid(BundleError):
    """The file is not a whole SAM checkpoint of the variant asked for."""

    code = "checkpoint_invalid"


def convert_checkpoint(
    checkpoint: Path | str, variant: str, name: str, output: Path | str, half: bool = False
) -> Manifest:
    """Writes a bundle from a checkpoint in Meta's format.

    Weights are kept in float32 as published, so that the bundle computes what the original does; `half` stores them in
    float16, half the size on disk, at differences of about 1e-2 in the logits.

    Args:
        checkpoint: a `.pth` file as Meta publishes it: a state dict. Nothing in it is executed.
        variant: vit_b, vit_l or vit_h.
        name: the bundle's name, a-z 0-9 . _ -
        output: the bundle's folder; made whole or not at all, must not exist yet.

    Raises:
        CheckpointInvalid: not a checkpoint, cut off, or of another network; says which where that can be seen.
        BundleError: `output` exists, or `name` cannot be a bundle's.
    """
    output = Path(output)
    if output.exists():
        raise BundleError(f"{output} exists already; choose another folder or delete it first")
    if variant not in PUBLISHED_VARIANTS:
        raise CheckpointInvalid(f"variant must be one of {', '.join(PUBLISHED_VARIANTS)}, got {variant!r}")
    state = convert_state(read_checkpoint(checkpoint), VARIANTS[variant])
    if half:
        state = {key: tensor.half() for key, tensor in state.items()}

    output.parent.mkdir(parents=True, exist_ok=True)
    # Beside its final place, so that the last step is one rename.
    being_made = Path(tempfile.mkdtemp(prefix=f".{output.name}.", suffix=".part", dir=output.parent))
    try:
        weights = being_made / "weights.safetensors"
        safetensors.torch.save_file(state, weights)
        manifest = write_manifest(
            being_made, manifest_fields(name, variant, f"Segment Anything {variant}", LICENCE)
        )
        # mkdtemp and safetensors make things that only their owner may read; the manifest has the usual rights.
        rights = (being_made / MANIFEST_FILE).stat().st_mode & 0o777
        weights.chmod(rights)
        being_made.chmod(rights | (rights & 0o444) >> 2)
        os.rename(being_made, output)
    finally:
        shutil.rmtree(being_made, ignore_errors=True)
    return manifest


def read_checkpoint(path: Path | str) -> dict[str, Tensor]:
    """Reads a state dict with `weights_only=True`: tensors and containers, no code.

    Raises:
        CheckpointInvalid: missing, cut off, or something else.
    """
    path = Path(path)
    if not path.is_file():
        raise CheckpointInvalid(f"there is no file {path}")
    try:
        state = torch.load(path, map_location="cpu", weights_only=True, mmap=_is_zip(path))
    except (RuntimeError, pickle.UnpicklingError, EOFError, ValueError, KeyError, OSError) as error:
        first_line = str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
        raise CheckpointInvalid(
            f"{path} ({path.stat().st_size} bytes) cannot be read as a checkpoint: it is cut off, damaged or something "
            f"else; download it again and compare its size ({first_line:.200})"
        ) from error
    if not isinstance(state, dict) or not all(
        isinstance(key, str) and isinstance(value, Tensor) for key, value in state.items()
    ):
        held = sorted(map(str, state))[:5] if isinstance(state, dict) else type(state).__name__
        raise CheckpointInvalid(
            f"{path} is not a state dict as Meta publishes it (names to tensors); it holds {held}"
        )
    return state


def convert_state(state: Mapping[str, Tensor], shape: SamShape) -> dict[str, Tensor]:
    """From Meta's names to this program's.

    Args:
        state: Meta's state dict.
        shape: the network it must be of.

    Returns:
        The state dict of `SamNetwork(shape)`, float32.

    Raises:
        CheckpointInvalid: a tensor is missing, left over, or of another shape.
    """
    renamed = {to_transformers(key): tensor for key, tensor in state.items()}
    with torch.device("meta"):
        expected = {key: tuple(tensor.shape) for key, tensor in SamNetwork(shape).state_dict().items()}
    other = _variant_of(renamed)
    if other is not None and VARIANTS[other] != shape and shape in VARIANTS.values():
        raise CheckpointInvalid(f"this is a checkpoint of {other}; convert it with --variant {other}")
    missing, unexpected = sorted(expected.keys() - renamed), sorted(renamed.keys() - expected)
    if missing or unexpected:
        raise CheckpointInvalid(
            f"not a checkpoint of this network: {len(missing)} tensors are missing {_some(missing)}, "
            f"{len(unexpected)} are not known {_some(unexpected)}"
        )
    for key, tensor in renamed.items():
        if tuple(tensor.shape) != expected[key]:
            raise CheckpointInvalid(f"{key} is {tuple(tensor.shape)}, this network has {expected[key]}")
        if not tensor.is_floating_point():
            raise CheckpointInvalid(f"{key} holds {tensor.dtype}, not real numbers")
    # A file may store tensors as views of one another, which safetensors refuses.
    return {key: renamed[key].float().clone().contiguous() for key in expected}


def _variant_of(renamed: Mapping[str, Tensor]) -> str | None:
    positions = renamed.get("vision_encoder.pos_embed")
    if positions is None:
        return None
    widths = {VARIANTS[variant].width: variant for variant in PUBLISHED_VARIANTS}
    return widths.get(positions.shape[-1])


def _some(keys: list[str]) -> str:
    return "" if not keys else f"({', '.join(keys[:3])}{', ...' if len(keys) > 3 else ''})"


def _is_zip(path: Path) -> bool:
    # torch's present format is a zip, which can be mapped instead of read: ViT-H then needs its 2.5 GB only once.
    with open(path, "rb") as file:
        return file.read(4) == b"PK\x03\x04"


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(
        prog="python -m segmentation.families.sam.published", description=__doc__.splitlines()[0]
    )
    parser.add_argument("checkpoint", type=Path, help="Meta's .pth file")
    parser.add_argument("--variant", required=True, choices=PUBLISHED_VARIANTS)
    parser.add_argument("--name", required=True, help="the bundle's name: a-z 0-9 . _ -")
    parser.add_argument(
        "--output", type=Path, required=True, help="the bundle's folder, which must not exist yet"
    )
    parser.add_argument(
        "--half", action="store_true", help="store float16 weights: half the size, not quite the same masks"
    )
    options = parser.parse_args(arguments)
    try:
        manifest = convert_checkpoint(
            options.checkpoint, options.variant, options.name, options.output, options.half
        )
    except BundleError as error:
        print(f"{error.code}: {error}", file=sys.stderr)
        return 1
    print(f"{options.output}: bundle {manifest.name}, {manifest.variant}, digest {manifest.digest}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
