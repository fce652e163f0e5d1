"""Turns published weights of SAM 2, SAM 2.1 and EdgeTAM into a bundle: Meta's checkpoints, Hugging Face's folders."""

from collections.abc import Mapping
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
from segmentation.families.recognise import refuse_other_families
from segmentation.families.sam2 import names
from segmentation.families.sam2.network import VARIANTS, Sam2Network, Sam2Shape, manifest_fields
from segmentation.families.sam2.vision import RepVitShape

LICENCE = "Apache-2.0"
STATE_KEY = "model"  # of Meta's checkpoints
BATCH_NORM_EPSILON = 1e-5  # of RepViT's: torch's own


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
        source: a `.pt` file as Meta publishes it, or a folder (or its safetensors file) as Hugging Face has it, of
            Sam2Model, Sam2VideoModel, EdgeTamModel or EdgeTamVideoModel. SAM 2 and 2.1 are the same network on single
            images, with other weights.
        variant: tiny, small, base_plus or large of SAM 2 and 2.1; edgetam.

    Raises:
        CheckpointInvalid: not SAM 2's weights, cut off, or of another variant; says which where that can be seen.
        BundleError: `output` exists, or `name` cannot be a bundle's.
    """
    require_free(output)
    shape = shape_of(variant, VARIANTS)
    published = read_published(source, [STATE_KEY])
    state = convert_state(published, shape)
    version = "2.1" if is_2_1(published) else "2"
    is_edgetam = isinstance(shape.trunk, RepVitShape)
    title = title or ("EdgeTAM" if is_edgetam else f"SAM {version} {variant}")
    return write_bundle(output, state, manifest_fields(name, variant, title, licence or LICENCE), half)


def convert_state(published: Mapping[str, Tensor], shape: Sam2Shape) -> dict[str, Tensor]:
    """From Meta's or transformers' names to this program's, without what only videos need.

    Returns:
        The state dict of `Sam2Network(shape)`, float32.

    Raises:
        CheckpointInvalid: another family or variant; a tensor is missing, left over, or not as it must be.
    """
    refuse_other_families(published, "sam2", "SAM 2")
    kept = {name: tensor for name, tensor in published.items() if not names.is_of_videos(name)}
    if any(map(names.is_metas, kept)):
        rows = [kept.pop(name) for name in names.POINT_TABLES if name in kept]
        kept = {names.to_transformers(name): tensor for name, tensor in kept.items()}
        if len(rows) == len(names.POINT_TABLES):
            kept[names.POINT_TABLE] = torch.cat(rows)
    else:
        kept = with_positions_once(kept)
    _refuse_other_variants(kept, shape)
    if isinstance(shape.trunk, RepVitShape):
        kept = fold(kept, BATCH_NORM_EPSILON)
    with torch.device("meta"):
        network = Sam2Network(shape)
    return fitted(kept, network)


def is_2_1(published: Mapping[str, Tensor]) -> bool:
    """SAM 2.1 came with an embedding for hidden objects, in the part that is for videos."""
    return not {"no_obj_embed_spatial", "occlusion_spatial_embedding_parameter"}.isdisjoint(published)


def _refuse_other_variants(state: Mapping[str, Tensor], shape: Sam2Shape) -> None:
    is_edgetam = any(name.startswith("vision_encoder.backbone.timm_model.") for name in state)
    if is_edgetam and not isinstance(shape.trunk, RepVitShape):
        raise CheckpointInvalid("these are EdgeTAM's weights; convert them with --variant edgetam")
    projection = state.get("vision_encoder.backbone.patch_embed.projection.weight")
    if projection is None or shape not in VARIANTS.values():
        return
    blocks = {name.split(".")[3] for name in state if name.startswith("vision_encoder.backbone.blocks.")}
    for variant, other in VARIANTS.items():
        trunk = other.trunk  # RepViT's tensors have other names, so that only Hiera's come here
        is_it = projection.shape[0] == trunk.widths[0] and len(blocks) == sum(trunk.depths)
        if is_it and other != shape:
            raise CheckpointInvalid(
                f"these are the weights of {variant}; convert them with --variant {variant}"
            )
