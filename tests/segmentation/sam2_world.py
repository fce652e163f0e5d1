"""What both sides of the comparison with the sam2 package start from: weights, pictures, prompts, all of fixed seeds.

tests/data/make_sam2_cases.py hands them to the sam2 package, tests/segmentation/test_sam2_parity.py to ours.
"""

import dataclasses
import zlib
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import safetensors.torch
import torch

from segmentation.bundle import write_manifest
from segmentation.families.sam2.names import to_meta
from segmentation.families.sam2.network import (
    HieraShape,
    RepVitShape,
    Sam2Network,
    Sam2Shape,
    manifest_fields,
)
from tests.segmentation import parity_world

# Hiera with a block or two a stage: both kinds of attention, windows that do not divide the map, pooling.
SHORT = Sam2Shape(
    HieraShape(width=16, heads=1, depths=(1, 1, 2, 1), global_blocks=(3,)), channels=32, input_side=256
)
# RepViT with blocks that squeeze and blocks that do not; widths by whose quarters timm rounds as the published ones.
SHORT_EDGETAM = Sam2Shape(
    RepVitShape(widths=(16, 32, 48, 64), depths=(1, 2, 3, 1)), channels=32, input_side=256
)
NETWORKS = {"sam2": SHORT, "edgetam": SHORT_EDGETAM}
IMAGES = {"landscape": (60, 100), "portrait": (100, 60), "tiny": (7, 12)}


# What each network is asked about. EdgeTAM differs in its trunk only.
ASKED = [*(("sam2", image) for image in IMAGES), ("edgetam", "portrait"), ("edgetam", "tiny")]


def random_state(shapes: Mapping[str, tuple[int, ...]], seed: int = 0) -> dict[str, torch.Tensor]:
    """Weights for a network of Meta's names, of which every one matters, the same wherever they are made.

    Logits come out several units wide, as a trained network's are: a tolerance on them then means something.
    """
    state = {}
    for name, shape in shapes.items():
        values = np.random.default_rng([seed, zlib.crc32(name.encode())]).standard_normal(shape, np.float32)
        if name.endswith(("pos_embed", "pos_embed_window")):
            values *= 0.2
        elif name.endswith(("bias", "running_mean")):
            values *= 0.05
        elif name.endswith("num_batches_tracked"):
            values = np.array(1000)
        elif name.endswith("running_var"):
            values = 1 + 0.2 * np.abs(values)
        elif len(shape) == 1:  # the norms' gains
            values = 1 + 0.1 * values
        elif len(shape) == 4 or (len(shape) > 1 and min(shape) > 1 and "gaussian" not in name):
            fan_in = np.prod(shape[1:]) if "upscaling" not in name else shape[0]
            values *= fan_in**-0.5
        if "output_hypernetworks_mlps" in name and name.endswith("layers.2.weight"):
            values *= 10 * (SHORT.channels / shape[1]) ** 0.5
        state[name] = torch.from_numpy(values if values.dtype == np.int64 else values.astype(np.float32))
    return state


def picture(name: str) -> np.ndarray:
    return parity_world.picture(*IMAGES[name], seed=len(name))


def prompts(name: str, low_res_side: int = SHORT.low_res_side) -> dict[str, dict]:
    """Arguments of `predict` by what they are, in pixels of the picture."""
    height, width = IMAGES[name]
    y, x = np.mgrid[:low_res_side, :low_res_side] * (64 / low_res_side)
    logits = (8 - ((y - 22) ** 2 + (x - 20) ** 2) / 19).astype(np.float32)[None]  # down to -170
    every = parity_world.prompts(height, width, logits)
    if name != "landscape":
        every = {kind: every[kind] for kind in ("one point", "a box", "everything")}
    return every


# The kernels are compiled for the decoder's published widths: that of all SAM 2s, behind a short encoder.
WIDE = {name: dataclasses.replace(shape, channels=256, input_side=1024) for name, shape in NETWORKS.items()}


def wide_network(name: str) -> Sam2Network:
    """One of `WIDE`, with weights of which every one matters."""
    with torch.device("meta"):
        network = Sam2Network(WIDE[name])
    shapes = {to_meta(key): tuple(tensor.shape) for key, tensor in network.state_dict().items()}
    state = random_state(shapes, seed=3)
    network.load_state_dict({key: state[to_meta(key)] for key in network.state_dict()}, assign=True)
    return network.eval().requires_grad_(False)


def with_an_unstable_mask(network: Sam2Network) -> Sam2Network:
    """Mask 0's logits nowhere far from zero: another one is given in its place."""
    last = network.mask_decoder.output_hypernetworks_mlps[0].proj_out
    last.weight.mul_(1e-3)
    last.bias.mul_(1e-3)
    return network


def write_wide_bundle(network: Sam2Network, home: Path) -> Path:
    """A bundle of the variant "wide", which the caller puts into VARIANTS."""
    home.mkdir()
    weights = {name: tensor.contiguous() for name, tensor in network.state_dict().items()}
    safetensors.torch.save_file(weights, home / "weights.safetensors")
    write_manifest(home, manifest_fields("wide", "wide", "Wide", "Apache-2.0"))
    return home
