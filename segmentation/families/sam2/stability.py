"""When SAM 2's mask 0 gives way to the best rated of the others: where it hangs on where its logits are cut.

Source: sam2, modeling/sam/mask_decoder.py, _dynamic_multimask_via_stability; build_sam.py sets the two numbers.
static/js/decoder/worker/sam2/stability.js is the same.
"""

import numpy as np
from numpy.typing import NDArray

DELTA = 0.05  # logits; the mask is cut that much above and below zero
THRESHOLD = 0.98  # of the two areas' quotient


def with_stable_first(
    logits: NDArray[np.float32], iou_predictions: NDArray[np.float32]
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """(1, 4, side, side) and (1, 4), as the network's four tokens give them, to what is handed out of them."""
    inner = np.sum(logits[:, 0] > np.float32(DELTA))
    outer = np.sum(logits[:, 0] > -np.float32(DELTA))
    if not outer or inner / outer >= THRESHOLD:
        return logits, iou_predictions
    order = [1 + int(iou_predictions[0, 1:].argmax()), 1, 2, 3]
    return logits[:, order], iou_predictions[:, order]
