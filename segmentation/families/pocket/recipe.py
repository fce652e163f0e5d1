"""How pocket's networks are trained."""

from collections.abc import Iterable
from pathlib import Path
from typing import Any

from torch import nn

from segmentation.families.family import Recipe
from segmentation.families.pocket.initial_trunk import load_trunk
from segmentation.families.pocket.network import VARIANTS, PocketModel

PIXEL_MEAN = PIXEL_STD = (128.0, 128.0, 128.0)
EMBEDDING_STRIDES = (16, 8, 4)
CELL = 2  # the decoder's logits are at stride 2


def manifest_fields(name: str, variant: str, title: str, licence: str, side: int) -> dict[str, Any]:
    """The manifest of a bundle of this family, without what is computed from its weights."""
    channels = VARIANTS[variant].channels
    return {
        "name": name,
        "family": "pocket",
        "variant": variant,
        "title": title,
        "licence": licence,
        "input_side": side,
        "pixel_mean": list(PIXEL_MEAN),
        "pixel_std": list(PIXEL_STD),
        "mask_threshold": 0.0,
        "low_res_side": side // CELL,
        "embedding": {
            f"stride{stride}": [count, side // stride, side // stride]
            for stride, count in zip(EMBEDDING_STRIDES, channels, strict=True)
        },
    }


def _trunk_parameters(model: PocketModel) -> Iterable[nn.Parameter]:
    return model.trunk.parameters()


def _load_trunk(model: PocketModel, path: Path) -> None:
    load_trunk(model.trunk, path)


RECIPE = Recipe(
    variants=tuple(VARIANTS),
    default_variant="v2",
    title="Pocket",
    pixel_mean=PIXEL_MEAN,
    pixel_std=PIXEL_STD,
    cell=CELL,
    side_multiple=32,
    new_network=PocketModel,
    published_part=_trunk_parameters,
    load_published=_load_trunk,
    take_weights=PocketModel.take_weights,
    manifest_fields=manifest_fields,
)
