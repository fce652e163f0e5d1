"""A run's averaged weights as a bundle: halves in safetensors, with a manifest."""

from __future__ import annotations

from pathlib import Path

import safetensors.torch
import torch

from segmentation import atomic_file
from segmentation.bundle import Manifest, write_manifest
from segmentation.errors import SegmentationError
from segmentation.families.pocket import VARIANTS
from segmentation.training.validation import PIXEL_MEAN, PIXEL_STD

EMBEDDING_STRIDES = (16, 8, 4)


class RunNotFound(SegmentationError, ValueError):
    """The folder holds no checkpoint."""


class ExportRefused(SegmentationError, ValueError):
    """The run's weights cannot be such a bundle."""


def export_run(
    run: Path | str,
    directory: Path | str,
    name: str = "pocket",
    side: int = 512,
    title: str = "Pocket",
    licence: str = "Apache-2.0",
) -> Manifest:
    """Writes `weights.safetensors` and `manifest.json` of a run's EMA weights.

    Args:
        run: the run's folder, with its `checkpoint.pt`.
        directory: the bundle's folder; made when it is not there.
        side: pixels, the input side the bundle names; a multiple of 32.

    Raises:
        RunNotFound: no checkpoint.
        ExportRefused: `side` is not a multiple of 32, or a weight does not fit into a half.
        BundleError: the name is none that a bundle can have.
    """
    if side % 32:
        raise ExportRefused(f"the input side must be a multiple of 32, got {side}")
    checkpoint = Path(run) / "checkpoint.pt"
    if not checkpoint.is_file():
        raise RunNotFound(f"{run} holds no checkpoint.pt: train first, or name the folder given as --run")
    state = torch.load(checkpoint, map_location="cpu", weights_only=True)
    halves = {key: tensor.half().contiguous() for key, tensor in state["average"].items()}
    too_large = [key for key, tensor in halves.items() if not torch.isfinite(tensor).all()]
    if too_large:
        raise ExportRefused(f"weights that are not finite in float16: {', '.join(too_large)}")

    directory = Path(directory)
    with atomic_file.replacing(directory / "weights.safetensors") as path:
        safetensors.torch.save_file(halves, path)
    variant = state["settings"]["variant"]
    return write_manifest(directory, manifest_fields(name, variant, title, licence, side))


def manifest_fields(name: str, variant: str, title: str, licence: str, side: int) -> dict:
    """The manifest of a bundle of this family, without what is computed from its weights."""
    channels = VARIANTS[variant].channels
    return {
        "name": name,
        "family": "pocket",
        "variant": variant,
        "title": title,
        "licence": licence,
        "input_side": side,
        "pixel_mean": [PIXEL_MEAN] * 3,
        "pixel_std": [PIXEL_STD] * 3,
        "mask_threshold": 0.0,
        "low_res_side": side // 2,
        "embedding": {
            f"stride{stride}": [count, side // stride, side // stride]
            for stride, count in zip(EMBEDDING_STRIDES, channels, strict=True)
        },
    }
