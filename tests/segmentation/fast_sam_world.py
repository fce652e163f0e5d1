"""What both sides of the comparison with FastSAM start from: a small network in the layout of its ONNX file, pictures,
prompts, all of fixed seeds.

tests/data/make_fast_sam_cases.py hands them to the original, test_fast_sam.py to ours.
"""

from __future__ import annotations

import io
import warnings
import zlib
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn

from segmentation.families.fast_sam.instances import COEFFICIENTS, SCORE
from segmentation.families.fast_sam.network import STRIDES, FastSamShape
from tests.segmentation import parity_world

CASES = Path(__file__).parents[1] / "data/fast_sam_cases.safetensors"
SHORT = FastSamShape(title="short", stem=8, input_side=256)
# Square and as large as the network's input: the original pads to the middle, which would move every other picture.
PICTURES = {"one": 1, "two": 2, "three": 3}
SAMPLE = np.s_[1::2, ::2]  # of a mask (H, W)
WIDTH = 8


class SmallNetwork(nn.Module):
    """(1, 3, side, side) in 0..1 to (1, 37, places) and (1, 32, side / 4, side / 4), as YOLOv8's network for one class
    of instances, with few and narrow layers."""

    def __init__(self, side: int) -> None:
        super().__init__()
        self.side = side
        self.stem = nn.Conv2d(3, WIDTH, 3, 2, 1)
        self.down = nn.ModuleList(nn.Conv2d(WIDTH, WIDTH, 3, 2, 1) for _ in range(4))
        self.heads = nn.ModuleList(nn.Conv2d(WIDTH, 4 + 1 + COEFFICIENTS, 3, 1, 1) for _ in STRIDES)
        self.prototypes = nn.Conv2d(WIDTH, COEFFICIENTS, 3, 1, 1)

    def forward(self, pixels: Tensor) -> tuple[Tensor, Tensor]:
        features = nn.functional.silu(self.stem(pixels))
        by_stride = []
        for layer in self.down:
            features = nn.functional.silu(layer(features))
            by_stride.append(features)  # strides 4, 8, 16, 32
        found = [
            self._found(head(features), stride)
            for head, features, stride in zip(self.heads, by_stride[1:], STRIDES, strict=True)
        ]
        # Smooth, as trained ones are: enlarged from stride 16.
        prototypes = nn.functional.interpolate(
            self.prototypes(by_stride[2]), (self.side // 4, self.side // 4), mode="bilinear"
        )
        return torch.cat(found, 2), prototypes

    def _found(self, answer: Tensor, stride: int) -> Tensor:
        """(1, 37, h, w) to (1, 37, h * w): boxes in pixels, a score, coefficients."""
        count = self.side // stride
        y, x = torch.meshgrid(torch.arange(count), torch.arange(count), indexing="ij")
        centres = (torch.stack([x, y]).flatten(1) + 0.5) * stride
        left_top, right_bottom, score, coefficients = answer.flatten(2).split([2, 2, 1, COEFFICIENTS], 1)
        reach = 10 * stride
        first = centres - reach * left_top.sigmoid()
        end = centres + reach * right_bottom.sigmoid()
        return torch.cat([(first + end) / 2, end - first, score.sigmoid(), coefficients], 1)


def network() -> SmallNetwork:
    """Weights of which every one matters, the same wherever they are made."""
    made = SmallNetwork(SHORT.input_side)
    with torch.no_grad():
        for name, weight in made.named_parameters():
            values = np.random.default_rng(zlib.crc32(name.encode())).standard_normal(
                weight.shape, np.float32
            )
            values *= 0.2 if weight.ndim == 1 else 1.6 * np.prod(weight.shape[1:]) ** -0.5
            weight.copy_(torch.from_numpy(np.asarray(values, np.float32)))
        made.stem.weight *= 4
        made.stem.bias -= made.stem.weight.sum((1, 2, 3)) / 2
        for head in made.heads:
            head.weight[4] *= 3  # scores
            head.bias[4] = -2.0
            head.weight[5:] *= 0.4  # coefficients
    return made.eval()


def onnx_bytes(made: nn.Module | None = None, **options) -> bytes:
    """The file that Ultralytics' exporter would make, by its names."""
    made = made or network()
    file = io.BytesIO()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        torch.onnx.export(
            made,
            (torch.zeros(1, 3, SHORT.input_side, SHORT.input_side),),
            file,
            input_names=["images"],
            output_names=["output0", "output1"],
            opset_version=17,
            dynamo=False,
            **options,
        )
    return file.getvalue()


def picture(name: str) -> np.ndarray:
    side = SHORT.input_side
    rough = parity_world.picture(side // 8, side // 8, PICTURES[name])
    return rough.repeat(8, axis=0).repeat(8, axis=1)


def masks_of(embedding: Mapping[str, np.ndarray]) -> np.ndarray:
    """(n, S, S) bool, the smallest first: prototypes (1, 32, S, S) by coefficients, cut to the boxes."""
    slots = embedding["instances"][0, :, 0]
    slots = slots[:, slots[SCORE] > 0]
    logits = np.tensordot(slots[SCORE + 1 :].T, embedding["prototypes"][0], 1)
    cells = logits.shape[-1]
    centres = (np.arange(cells) + 0.5) * (SHORT.input_side / cells)
    x0, y0, x1, y1 = slots[:SCORE, :, None]
    inside = ((centres > y0) & (centres < y1))[:, :, None] & ((centres > x0) & (centres < x1))[:, None]
    return (logits > 0) & inside


def prompts(name: str) -> dict[str, tuple[list, list, list | None]]:
    """Points, their labels and a box, in pixels, by what they are; the original knows no box together with points."""
    random = np.random.default_rng(PICTURES[name])
    made: dict[str, tuple[list, list, list | None]] = {}
    for count in range(1, 7):
        points = random.integers(0, SHORT.input_side, (count, 2)).tolist()
        labels = [1, *random.integers(0, 2, count - 1).tolist()]
        made[f"points {count}"] = points, labels, None
    made["a point that is not it"] = [[100, 100]], [0], None
    for number in range(4):
        first = random.integers(0, 180, 2)
        box = [*first.tolist(), *(first + random.integers(12, 70, 2)).tolist()]
        made[f"box {number}"] = [], [], box
    return made
