"""A third family, as somebody adding one would write it: a network, a row, nothing else.

It is unlike the two in the program where they are alike: two embedding tensors, five outputs of which the last answers
a clear prompt, logits of 32 cells, images stretched over its square. Its masks mean nothing.
"""

from pathlib import Path
from typing import Any

from segmentation.bundle import Bundle, Manifest, Outputs, write_manifest
from segmentation.families import Family
from segmentation.families.family import require_variant, with_weights

OUTPUTS = Outputs(count=5, single=4, candidates=(0, 1, 2, 3))


def _load(bundle: Bundle) -> Any:
    from tests.segmentation.toy.network import ToyModel

    require_variant(bundle, ["small"])
    return with_weights(ToyModel(), bundle)


FAMILY = Family("toy", _load)


def make_toy_bundle(directory: Path, seed: int = 0, **changes: Any) -> Manifest:
    """Writes a bundle of the family with random weights; `changes` are to its manifest's fields."""
    import safetensors.torch
    import torch

    from tests.segmentation.toy import network

    directory.mkdir(parents=True, exist_ok=True)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        weights = network.ToyModel().state_dict()
    safetensors.torch.save_file(weights, directory / "weights.safetensors")
    fields = {
        "name": "toy",
        "family": "toy",
        "variant": "small",
        "title": "Toy",
        "licence": "none",
        "input_side": network.SIDE,
        "pixel_mean": [100, 110, 120],
        "pixel_std": [50, 60, 70],
        "mask_threshold": 0.25,
        "low_res_side": network.LOW_RES_SIDE,
        "embedding": {"fine": [6, 16, 16], "coarse": [10, 8, 8]},
        "outputs": OUTPUTS.as_dict(),
        "fit": "stretch",
    }
    return write_manifest(directory, fields | changes)
