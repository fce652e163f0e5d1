"""What both sides of the comparison with the light encoders' originals start from, all of fixed seeds.

tests/data/make_light_cases.py hands weights and pictures to the originals, test_light_cases.py to ours.
"""

import dataclasses
import zlib
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import torch

from segmentation.families.sam.network import VARIANTS
from tests.segmentation import parity_world

CASES = Path(__file__).parents[1] / "data/light_cases.safetensors"
# Narrow and short, with every kind of block: with and without weighed channels, the blocks that begin a stage. The
# originals keep 320 channels at their size by their number, and have necks of 256.
SHORT = {
    "edge_sam": dataclasses.replace(VARIANTS["edge_sam"], widths=(8, 16, 24, 32), depths=(2, 1, 3, 2)),
    "repvit_sam": dataclasses.replace(VARIANTS["repvit_sam"], widths=(8, 16, 320, 32), depths=(3, 1, 2, 2)),
    "efficientvit_sam_l0": dataclasses.replace(
        VARIANTS["efficientvit_sam_l0"], widths=(8, 8, 16, 32, 64), depths=(1, 1, 1, 1, 1), neck_depth=1
    ),
    "efficientvit_sam_xl0": dataclasses.replace(
        VARIANTS["efficientvit_sam_xl0"],
        widths=(8, 8, 16, 32, 32, 64),
        depths=(0, 1, 1, 1, 1, 1),
        neck_depth=1,
    ),
}
IMAGES = {"landscape": (60, 100), "portrait": (100, 60), "tiny": (7, 12)}
SAMPLE = np.s_[::16, ::8, ::8]  # of an embedding (C, h, w)


def random_state(shapes: Mapping[str, tuple[int, ...]]) -> dict[str, torch.Tensor]:
    """Weights of which every one matters, the same wherever they are made."""
    state = {}
    for name, shape in shapes.items():
        values = np.random.default_rng(zlib.crc32(name.encode())).standard_normal(shape, np.float32)
        if name.endswith("num_batches_tracked"):
            state[name] = torch.tensor(1)
            continue
        if name.endswith("running_var"):
            values = 0.5 + np.abs(values)
        elif name.endswith(("bias", "running_mean")):
            values *= 0.1
        elif len(shape) == 1:  # the norms' gains
            values = 1 + 0.1 * values
        else:
            values *= np.prod(shape[1:]) ** -0.5
        state[name] = torch.from_numpy(np.asarray(values, np.float32))
    return state


def picture(name: str) -> np.ndarray:
    return parity_world.picture(*IMAGES[name], seed=len(name))
