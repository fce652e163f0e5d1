"""Turns published weights of the networks around SAM's decoder into a bundle.

Meta's layout (`.pth`), which everybody in this family uses; micro-sam's checkpoints, with the same names in a wrapper;
transformers' (a folder of Hugging Face).
"""

from collections.abc import Mapping
from dataclasses import fields
from pathlib import Path

import torch
from torch import Tensor

from segmentation.bundle import Manifest
from segmentation.families.folding import fold
from segmentation.families.published import (
    CheckpointInvalid,
    fitted,
    read_published,
    require_free,
    shape_of,
    with_positions_once,
    write_bundle,
)
from segmentation.families.recognise import recognise
from segmentation.families.sam.names import to_transformers
from segmentation.families.sam.network import (
    PUBLISHED_VARIANTS,
    VARIANTS,
    SamNetwork,
    manifest_fields,
)
from segmentation.families.sam.shape import NetworkShape

# Under which training programs keep the state dict, and what they put before its names.
STATE_KEYS = ("model_state", "model", "state_dict")
_PREFIXES = ("sam.", "module.")
# Classifiers of encoders that were trained on ImageNet; nothing reads them.
_UNUSED = ("image_encoder.norm_head.", "image_encoder.head.")
METAS_ENCODER = "image_encoder."  # transformers' begins with vision_encoder.


def convert(
    source: Path | str,
    variant: str,
    name: str,
    output: Path | str,
    half: bool = False,
    title: str | None = None,
    licence: str | None = None,
) -> Manifest:
    """As `segmentation.families.convert.convert`, for this family."""
    require_free(output)
    shape = shape_of(variant, VARIANTS, PUBLISHED_VARIANTS)
    state = convert_state(read_published(source, STATE_KEYS), shape)
    about = manifest_fields(name, variant, title or shape.title, licence or shape.licence)
    return write_bundle(output, state, about, half)


def convert_state(published: Mapping[str, Tensor], shape: NetworkShape) -> dict[str, Tensor]:
    """From published names to this program's, with batch norms folded into the convolutions before them.

    Args:
        published: a state dict with Meta's names or transformers'.
        shape: the network it must be of.

    Returns:
        The state dict of `SamNetwork(shape)`, float32.

    Raises:
        CheckpointInvalid: a tensor is missing, left over, of another shape, or not finite; says whose weights these are
            where that can be seen.
    """
    published = _without_prefix(published)
    kept = {name: tensor for name, tensor in published.items() if not name.startswith(_UNUSED)}
    if any(name.startswith(METAS_ENCODER) for name in kept):
        kept = {
            to_transformers(name): tensor for name, tensor in fold(kept, shape.batch_norm_epsilon).items()
        }
    else:
        kept = with_positions_once(kept)
    with torch.device("meta"):
        network = SamNetwork(shape)
    try:
        return fitted(kept, network)
    except CheckpointInvalid as error:
        _refuse_others(published, shape, error)
        raise


def _without_prefix(published: Mapping[str, Tensor]) -> Mapping[str, Tensor]:
    for prefix in _PREFIXES:
        if published and all(name.startswith(prefix) for name in published):
            return {name.removeprefix(prefix): tensor for name, tensor in published.items()}
    return published


def _refuse_others(published: Mapping[str, Tensor], shape: NetworkShape, error: CheckpointInvalid) -> None:
    """Raises a clearer error where the weights are those of a network that is known and not the one asked for."""
    found = recognise(published)
    if found is None or (
        found.family == FAMILY_NAME and found.variant and _is_same_network(VARIANTS[found.variant], shape)
    ):
        return
    raise CheckpointInvalid(f"these are the weights of {found.title}: {found.advice()} ({error})") from error


FAMILY_NAME = "sam"
# These say how an image is brought to the network, what its answers are for, or are for people.
_NOT_OF_THE_NETWORK = {"title", "licence", "pixel_mean", "pixel_std", "fit", "full_contrast", "outputs"}


def _is_same_network(one: NetworkShape, other: NetworkShape) -> bool:
    return type(one) is type(other) and all(
        getattr(one, field.name) == getattr(other, field.name)
        for field in fields(one)
        if field.name not in _NOT_OF_THE_NETWORK
    )
