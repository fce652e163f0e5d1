"""Turns EfficientSAM's published weights into a bundle: the network's names are the file's."""

from collections.abc import Mapping
from pathlib import Path

import torch
from torch import Tensor

from segmentation.bundle import Manifest
from segmentation.families.efficient_sam.network import (
    FAMILY_NAME,
    LICENCE,
    VARIANTS,
    EfficientSamNetwork,
    EfficientSamShape,
    manifest_fields,
)
from segmentation.families.published import (
    CheckpointInvalid,
    fitted,
    read_published,
    require_free,
    shape_of,
    write_bundle,
)
from segmentation.families.recognise import refuse_other_families

STATE_KEY = "model"
_POSITIONS = "image_encoder.pos_embed"


def convert(
    source: Path | str,
    variant: str,
    name: str,
    output: Path | str,
    half: bool = False,
    title: str | None = None,
    licence: str | None = None,
) -> Manifest:
    """As `segmentation.families.convert.convert`, for this family.

    Args:
        source: a `.pt` file as it is published; EfficientSAM-S comes in a zip, out of which it is taken first.
    """
    require_free(output)
    shape = shape_of(variant, VARIANTS)
    state = convert_state(read_published(source, [STATE_KEY]), shape)
    about = manifest_fields(name, variant, title or shape.title, licence or LICENCE)
    return write_bundle(output, state, about, half)


def convert_state(published: Mapping[str, Tensor], shape: EfficientSamShape) -> dict[str, Tensor]:
    """The state dict of `EfficientSamNetwork(shape)`, float32.

    Raises:
        CheckpointInvalid: another family or variant; a tensor is missing, left over, or not as it must be.
    """
    refuse_other_families(published, FAMILY_NAME, "EfficientSAM")
    positions = published.get(_POSITIONS)
    for variant, other in VARIANTS.items():
        is_it = positions is not None and positions.shape[-1] == other.width
        if is_it and other.width != shape.width:
            raise CheckpointInvalid(
                f"these are the weights of {other.title}; convert them with --variant {variant}"
            )
    with torch.device("meta"):
        network = EfficientSamNetwork(shape)
    return fitted(published, network)
