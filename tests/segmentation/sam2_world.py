"""What both sides of the comparison with the sam2 package start from: weights, pictures, prompts, all of fixed seeds.

tests/data/make_sam2_cases.py hands them to the sam2 package, tests/segmentation/test_sam2_parity.py to ours.
"""

import zlib
from collections.abc import Mapping

import numpy as np
import torch

from segmentation.families.sam2.network import HieraShape, RepVitShape, Sam2Shape

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
    """(H, W, 3) uint8: patches and noise, from whole numbers only, so that it is the same everywhere."""
    height, width = IMAGES[name]
    random = np.random.default_rng(len(name))
    patches = random.integers(0, 200, (height // 6 + 1, width // 6 + 1, 3))
    image = patches.repeat(6, axis=0).repeat(6, axis=1)[:height, :width]
    return (image + random.integers(0, 56, image.shape)).astype(np.uint8)


def prompts(name: str, low_res_side: int = SHORT.low_res_side) -> dict[str, dict]:
    """Arguments of `predict` by what they are, in pixels of the picture."""
    height, width = IMAGES[name]
    points = np.array([[width * 0.3, height * 0.5], [width * 0.8, height * 0.9], [1.5, 0.25]])
    box = np.array([width * 0.1, height * 0.2, width * 0.6, height * 0.8])
    y, x = np.mgrid[:low_res_side, :low_res_side] * (64 / low_res_side)
    logits = (8 - ((y - 22) ** 2 + (x - 20) ** 2) / 19).astype(np.float32)[None]  # down to -170
    every = {
        "one point": {"point_coords": points[:1], "point_labels": np.array([1])},
        "a point that is not it": {"point_coords": points[1:2], "point_labels": np.array([0])},
        "three points": {"point_coords": points, "point_labels": np.array([1, 0, 1])},
        "a box": {"box": box},
        "a box and points": {"box": box, "point_coords": points[:2], "point_labels": np.array([1, 0])},
        "a mask": {"mask_input": logits},
        "a mask and a point": {
            "mask_input": logits,
            "point_coords": points[:1],
            "point_labels": np.array([0]),
        },
        "a mask and a box": {"mask_input": logits, "box": box},
        "everything": {
            "mask_input": logits,
            "box": box,
            "point_coords": points,
            "point_labels": np.array([1, 1, 0]),
        },
    }
    if name != "landscape":
        every = {kind: every[kind] for kind in ("one point", "a box", "everything")}
    return every
