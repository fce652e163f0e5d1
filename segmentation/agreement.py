"""How far two embeddings of the generated picture agree: in their numbers, and in the masks that they give."""

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from segmentation.bundle import Manifest
from segmentation.decoder.parity import IMAGE_HW
from segmentation.families import PromptableModel
from segmentation.frames import ModelFrame
from segmentation.prompts import build_prompt_tensors


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
    """The least IoU of the masks that two embeddings of `parity.sample_image` give for a prompt, all outputs
    together."""
    least = 1.0
    for prompt in _clear_prompts(manifest):
        tensors = {name: torch.from_numpy(array) for name, array in prompt.items()}
        with torch.inference_mode():
            masks, others = (
                model.decode(embedding, **tensors)[0] > manifest.mask_threshold for embedding in (one, other)
            )
        either = int((masks | others).sum())
        least = min(least, int((masks & others).sum()) / either if either else 1.0)
    return least


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
