"""What both sides of the comparison with EfficientSAM start from: weights, pictures, prompts, all of fixed seeds.

tests/data/make_efficient_sam_cases.py hands them to the original, test_efficient_sam.py to ours.
"""

import zlib
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import torch

from segmentation.families.efficient_sam.network import EfficientSamShape
from tests.segmentation import parity_world

CASES = Path(__file__).parents[1] / "data/efficient_sam_cases.safetensors"
# Narrow and short; 16 x 16 patches, so that the table of 14 x 14 positions is stretched, as in the published networks.
SHORT = EfficientSamShape(
    title="short", width=24, heads=3, depth=2, channels=32, decoder_mlp=64, iou_width=32, input_side=256
)
IMAGES = {"landscape": (60, 100), "portrait": (100, 60), "tiny": (7, 12)}
SAMPLE = np.s_[::4, ::3, ::3]  # of an embedding (C, h, w)


def random_state(shapes: Mapping[str, tuple[int, ...]], gain: float = 8) -> dict[str, torch.Tensor]:
    """Weights of which every one matters, the same wherever they are made.

    Args:
        gain: of the masks' last layers, so that logits are several units wide, as a trained network's are.
    """
    state = {}
    for name, shape in shapes.items():
        values = np.random.default_rng(zlib.crc32(name.encode())).standard_normal(shape, np.float32)
        if name.endswith("pos_embed"):
            values *= 0.3
        elif name.endswith("bias"):
            values *= 0.1
        elif len(shape) == 1:  # the norms' gains
            values = 1 + 0.1 * values
        elif "upscaling" in name:
            values *= shape[0] ** -0.5
        elif min(shape) > 1 and "gaussian" not in name:
            values *= np.prod(shape[1:]) ** -0.5
        if "output_hypernetworks_mlps" in name and name.endswith("fc.weight"):
            values *= gain
        state[name] = torch.from_numpy(np.asarray(values, np.float32))
    return state


def picture(name: str) -> np.ndarray:
    return parity_world.picture(*IMAGES[name], seed=len(name))


def prompts(name: str) -> dict[str, dict]:
    """Arguments of `predict` by what they are, in pixels of the picture; none is a mask alone."""
    side = SHORT.input_side // 4
    logits = np.random.default_rng(1).normal(0, 5, (1, side, side)).astype(np.float32)
    every = parity_world.prompts(*IMAGES[name], logits)
    if name != "landscape":
        return {kind: every[kind] for kind in ("one point", "a box", "everything")}
    return {kind: prompt for kind, prompt in every.items() if kind != "a mask"}
