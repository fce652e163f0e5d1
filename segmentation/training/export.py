"""A run's averaged weights as a bundle: halves in safetensors, with a manifest."""

from __future__ import annotations

from pathlib import Path

import safetensors.torch
import torch
from torch import Tensor

from segmentation import atomic_file
from segmentation.bundle import BUILT_IN_BUNDLE, Bundle, Manifest, find_bundle, write_manifest
from segmentation.errors import SegmentationError
from segmentation.families import load_model, recipe_of, trainable


class RunNotFound(SegmentationError, ValueError):
    """The folder holds no checkpoint."""


class ExportRefused(SegmentationError, ValueError):
    """The run's weights cannot be such a bundle."""


def export_run(
    run: Path | str,
    directory: Path | str,
    name: str = BUILT_IN_BUNDLE,
    side: int = 512,
    title: str | None = None,
    licence: str = "Apache-2.0",
    mix_with: Path | str | None = None,
    mix_share: float = 0.5,
) -> Manifest:
    """Writes `weights.safetensors` and `manifest.json` of a run's EMA weights.

    A run that began from a bundle's weights can be mixed with them: the mean of the two networks is often better than
    either, at no cost. Source: arXiv 2203.05482 (model soups), arXiv 2109.01903 (a share of each).

    Args:
        run: the run's folder, with its `checkpoint.pt`.
        directory: the bundle's folder; made when it is not there.
        side: pixels, the input side the bundle names.
        title: for people; None is the family's own.
        mix_with: a bundle, by name or folder, of the same variant; None mixes nothing.
        mix_share: its part of the weights, 0..1; the rest is the run's.

    Raises:
        RunNotFound: no checkpoint.
        ExportRefused: `mix_with` is another network, `side` does not suit it, or a weight does not fit into
            a half.
        BundleError: the name is none that a bundle can have.
    """
    checkpoint = Path(run) / "checkpoint.pt"
    if not checkpoint.is_file():
        raise RunNotFound(f"{run} holds no checkpoint.pt: train first, or name the folder given as --run")
    state = torch.load(checkpoint, map_location="cpu", weights_only=True)
    settings = state["settings"]
    family = settings.get("family") or trainable()[0]  # checkpoints of the first runs do not say
    recipe = recipe_of(family)
    if side % recipe.side_multiple:
        raise ExportRefused(f"the input side must be a multiple of {recipe.side_multiple}, got {side}")
    weights = state["average"]
    if mix_with is not None:
        weights = _mixed(weights, family, mix_with, mix_share)
    halves = {key: tensor.half().contiguous() for key, tensor in weights.items()}
    too_large = [key for key, tensor in halves.items() if not torch.isfinite(tensor).all()]
    if too_large:
        raise ExportRefused(f"weights that are not finite in float16: {', '.join(too_large)}")

    directory = Path(directory)
    with atomic_file.replacing(directory / "weights.safetensors") as path:
        safetensors.torch.save_file(halves, path)
    fields = recipe.manifest_fields(name, settings["variant"], title or recipe.title, licence, side)
    return write_manifest(directory, fields)


def _mixed(weights: dict[str, Tensor], family: str, bundle: Path | str, share: float) -> dict[str, Tensor]:
    other = Bundle.open(find_bundle(bundle))
    others = load_model(other).state_dict() if other.manifest.family == family else {}
    if {key: tensor.shape for key, tensor in others.items()} != {key: t.shape for key, t in weights.items()}:
        raise ExportRefused(
            f"{bundle} is another network than the run's: mix with the bundle that it began from"
        )
    return {key: torch.lerp(tensor, others[key], share) for key, tensor in weights.items()}
