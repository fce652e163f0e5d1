"""Turns one of Meta's published SAM checkpoints into a bundle.

`python -m segmentation.families.sam.published CHECKPOINT.pth --variant vit_b --name sam-vit-b --output DIR`
"""

import argparse
import sys
from collections.abc import Mapping
from pathlib import Path

import torch
from torch import Tensor

from segmentation.bundle import BundleError, Manifest
from segmentation.families.published import (
    CheckpointInvalid,
    fitted,
    read_published,
    require_free,
    write_bundle,
)
from segmentation.families.sam.names import to_transformers
from segmentation.families.sam.network import VARIANTS, SamNetwork, SamShape, manifest_fields

PUBLISHED_VARIANTS = ("vit_b", "vit_l", "vit_h")
LICENCE = "Apache-2.0"


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
    require_free(output)
    if variant not in PUBLISHED_VARIANTS:
        raise CheckpointInvalid(f"variant must be one of {', '.join(PUBLISHED_VARIANTS)}, got {variant!r}")
    state = convert_state(read_published(checkpoint), VARIANTS[variant])
    fields = manifest_fields(name, variant, f"Segment Anything {variant}", LICENCE)
    return write_bundle(output, state, fields, half)


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
    other = _variant_of(renamed)
    if other is not None and VARIANTS[other] != shape and shape in VARIANTS.values():
        raise CheckpointInvalid(f"this is a checkpoint of {other}; convert it with --variant {other}")
    with torch.device("meta"):
        network = SamNetwork(shape)
    return fitted(renamed, network)


def _variant_of(renamed: Mapping[str, Tensor]) -> str | None:
    positions = renamed.get("vision_encoder.pos_embed")
    if positions is None:
        return None
    widths = {VARIANTS[variant].width: variant for variant in PUBLISHED_VARIANTS}
    return widths.get(positions.shape[-1])


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
