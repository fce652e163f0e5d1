"""SAM's loss: focal and dice, 20 to 1, the least of the candidates, and the squared error of the IoU prediction.

Source: arXiv 2304.02643, appendix A.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from segmentation.bundle import DEFAULT_OUTPUTS, Outputs

FOCAL_WEIGHT = 20.0
DICE_WEIGHT = 1.0
IOU_WEIGHT = 2.0


def focal_loss(logits: Tensor, target: Tensor, gamma: float = 2.0) -> Tensor:
    """logits and target (..., h, w) -> (...,), the mean over the cells. Source: arXiv 1708.02002, without alpha."""
    cross_entropy = F.binary_cross_entropy_with_logits(logits, target, reduction="none")
    probability = torch.sigmoid(logits)
    missed = torch.where(target > 0.5, 1 - probability, probability)
    return (cross_entropy * missed**gamma).mean((-2, -1))


def dice_loss(logits: Tensor, target: Tensor) -> Tensor:
    """logits and target (..., h, w) -> (...,), 0 when they agree, towards 1 when they do not touch."""
    probability = torch.sigmoid(logits)
    overlap = (probability * target).sum((-2, -1))
    return 1 - (2 * overlap + 1) / (probability.sum((-2, -1)) + target.sum((-2, -1)) + 1)


def mask_iou(masks: Tensor, target: Tensor) -> Tensor:
    """masks and target (..., h, w) of bool -> (...,); two empty masks have 0."""
    overlap = (masks & target).sum((-2, -1)).float()
    return overlap / (masks | target).sum((-2, -1)).clamp_min(1)


def prompt_loss(
    logits: Tensor,
    iou_predictions: Tensor,
    target: Tensor,
    is_ambiguous: Tensor,
    outputs: Outputs = DEFAULT_OUTPUTS,
) -> tuple[Tensor, dict[str, Tensor]]:
    """The loss of one round.

    Args:
        logits: (B, C, h, w), C outputs.
        iou_predictions: (B, C), 0..1.
        target: (B, h, w) of 0/1, float.
        is_ambiguous: (B,) bool: the prompt is a single point, so that the candidates are what counts.
        outputs: which output is for what.

    Returns:
        the scalar loss, and detached (B,) `single_iou`, `best_iou` for the log.
    """
    wide = target[:, None].expand_as(logits)
    each = FOCAL_WEIGHT * focal_loss(logits, wide) + DICE_WEIGHT * dice_loss(logits, wide)  # (B, C)
    real_iou = mask_iou(logits.detach() > 0, wide > 0.5)
    iou_error = (iou_predictions - real_iou).square()
    single, several = outputs.single, list(outputs.candidates)
    assert single is not None, "a network that is trained here has an output for a clear prompt"
    candidates = each[:, several].amin(1)
    # A little of the mean keeps a candidate that never wins from dying.
    candidates = 0.9 * candidates + 0.1 * each[:, several].mean(1)
    single_weight = torch.where(is_ambiguous, 0.5, 1.0)
    candidate_weight = torch.where(is_ambiguous, 1.0, 0.5)
    loss = single_weight * each[:, single] + candidate_weight * candidates + IOU_WEIGHT * iou_error.mean(1)
    return loss.mean(), {"single_iou": real_iou[:, single], "best_iou": real_iou[:, several].amax(1)}
