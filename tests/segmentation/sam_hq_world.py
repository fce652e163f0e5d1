"""What both sides of the comparison with HQ-SAM's own code start from: weights, pictures, prompts, all of fixed seeds.

tests/data/make_sam_hq_cases.py hands them to the authors' package, test_sam_hq_parity.py to ours.
"""

import dataclasses
import hashlib
import zlib
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import torch

from segmentation.families.sam.network import VARIANTS
from tests.segmentation import parity_world

CASES = Path(__file__).parents[1] / "data/sam_hq_cases.safetensors"
# Narrow and short. A layer over windows, then two over the whole image, of which the first one's features count;
# TinyViT's original has an embedding of 64 x 64 with 256 channels and keeps 320 channels at their size by their number.
SHORT = {
    "hq_vit_b": dataclasses.replace(
        VARIANTS["hq_vit_b"],
        width=48,
        heads=2,
        depth=3,
        global_layers=(1, 2),
        channels=32,
        decoder_mlp=64,
        iou_width=32,
    ),
    "hq_vit_tiny": dataclasses.replace(
        VARIANTS["hq_vit_tiny"],
        widths=(16, 32, 40, 320),
        depths=(1, 1, 2, 1),
        heads=(1, 2, 2, 10),
        decoder_mlp=64,
        iou_width=32,
    ),
}
IMAGES = {"landscape": (60, 100), "portrait": (100, 60), "tiny": (7, 12)}
# Of an embedding's tensors (C, h, w), and of logits (C, 256, 256): each of the 4 x 4 places in a patch has its turn.
IMAGE_SAMPLE, HQ_SAMPLE, LOGITS_SAMPLE = np.s_[::8, ::8, ::8], np.s_[::4, ::31, ::31], np.s_[:, ::15, ::15]

_TRANSPOSED = ("output_upscaling", "compress_vit_feat", "embedding_encoder")
_TOKENS = ("token.weight", "tokens.weight", "_embed.weight", "gaussian_matrix")
_TABLES = ("pos_embed", "rel_pos_h", "rel_pos_w", "attention_biases")
# Of the masks' last layers, so that logits are several units wide, as a trained network's are; HQ-SAM's features are
# wider than SAM's.
_GAINS = {"output_hypernetworks_mlps": 15, "hf_mlp": 6}


def random_state(shapes: Mapping[str, tuple[int, ...]]) -> dict[str, torch.Tensor]:
    """Weights, by their published names, of which every one matters, the same wherever they are made."""
    state = {}
    for name, shape in shapes.items():
        values = np.random.default_rng(zlib.crc32(name.encode())).standard_normal(shape, np.float32)
        if name.endswith("num_batches_tracked"):
            state[name] = torch.tensor(1)
            continue
        if name.endswith(_TABLES):
            values *= 0.3
        elif name.endswith("running_var"):
            values = 0.5 + np.abs(values)
        elif name.endswith(("bias", "running_mean")):
            values *= 0.1
        elif len(shape) == 1:  # the norms' gains
            values = 1 + 0.1 * values
        elif any(part in name for part in _TRANSPOSED):
            values *= shape[0] ** -0.5
        elif not (name.endswith(_TOKENS) or "point_embeddings" in name):
            values *= np.prod(shape[1:]) ** -0.5
        for part, gain in _GAINS.items():
            if part in name and name.endswith("layers.2.weight"):
                values *= gain * (SHORT["hq_vit_b"].channels / shape[1]) ** 0.5
        state[name] = torch.from_numpy(np.asarray(values, np.float32))
    return state


def picture(name: str) -> np.ndarray:
    return parity_world.picture(*IMAGES[name], seed=len(name))


def prompts(name: str) -> dict[str, dict]:
    """Arguments of `predict` by what they are, in pixels of the picture."""
    y, x = np.mgrid[:256, :256]
    logits = (8 - ((y - 90) ** 2 + (x - 80) ** 2) / 300).astype(np.float32)[None]
    every = parity_world.prompts(*IMAGES[name], logits)
    if name != "landscape":
        return {kind: every[kind] for kind in ("one point", "a box", "everything")}
    return every


def shapes_digest(shapes: Mapping[str, tuple[int, ...]]) -> str:
    """Of all names and shapes of a network's tensors."""
    lines = sorted(f"{name} {list(shape)}" for name, shape in shapes.items())
    return hashlib.sha256("\n".join(lines).encode()).hexdigest()
