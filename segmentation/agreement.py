"""How far two embeddings of the generated picture agree: in their numbers, and in the masks that they give."""

import math

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from segmentation.bundle import Manifest
from segmentation.decoder.parity import IMAGE_HW
from segmentation.families import PromptableModel
from segmentation.frames import ModelFrame
from segmentation.prompts import build_prompt_tensors

SPECK = 64  # low-res pixels: of fewer, one pixel at the edge is more than a hundredth


def largest_difference(one: dict[str, Tensor], other: dict[str, Tensor]) -> float:
    """Between two values at the same place, over the largest absolute value of the tensor in `one`; the worst tensor
    counts. NaN in either gives NaN."""
    worst = torch.stack(
        [(one[name] - other[name]).abs().max() / one[name].abs().max().clamp(min=1e-12) for name in one]
    )
    return float(worst.max())  # unlike Python's, torch's does not lose a NaN


def least_iou(
    model: PromptableModel, manifest: Manifest, one: dict[str, Tensor], other: dict[str, Tensor]
) -> float:
    """The least IoU of the masks that two embeddings of `parity.sample_image` give for a prompt: each output by
    itself, on the image only. What is a speck in both says nothing and is left out."""
    rows, columns = _covered(manifest)
    least = 1.0
    for prompt in _clear_prompts(manifest):
        tensors = {name: torch.from_numpy(array) for name, array in prompt.items()}
        with torch.inference_mode():
            masks, others = (
                model.decode(embedding, **tensors)[0][..., :rows, :columns] > manifest.mask_threshold
                for embedding in (one, other)
            )
        for mask, another in zip(masks.flatten(0, -3), others.flatten(0, -3), strict=True):
            either = int((mask | another).sum())
            if either > SPECK:
                least = min(least, int((mask & another).sum()) / either)
    return least


def _covered(manifest: Manifest) -> tuple[int, int]:
    """Rows and columns of low-res logits that lie over the image."""
    height, width = ModelFrame(*IMAGE_HW, manifest.input_side, fit=manifest.fit).input_hw
    scale = manifest.low_res_side / manifest.input_side
    return math.ceil(height * scale), math.ceil(width * scale)


def _clear_prompts(manifest: Manifest) -> list[dict[str, NDArray[np.float32]]]:
    """Decoder inputs without the embedding, on `sample_image`: points over all of it, a box around each shape."""
    height, width = IMAGE_HW
    frame = ModelFrame(height, width, manifest.input_side, fit=manifest.fit)
    low_res_side = manifest.low_res_side
    points = [([[x, y]], [1], None) for y in range(50, height, 100) for x in range(75, width, 150)]
    boxes = [(None, None, box) for box in ([115, 65, 285, 235], [345, 215, 525, 345], [395, 255, 475, 305])]
    prompts = []
    for coords, labels, box in [*points, *boxes, ([[200, 150]], [1], [115, 65, 285, 235])]:
        point_coords, point_labels = build_prompt_tensors(frame, coords, labels, box)
        prompts.append(
            {
                "point_coords": point_coords,
                "point_labels": point_labels,
                "mask_input": np.zeros((1, 1, low_res_side, low_res_side), np.float32),
                "has_mask_input": np.zeros(1, np.float32),
            }
        )
    return prompts
