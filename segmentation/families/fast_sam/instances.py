"""What the network says of an image becomes the instances in it: boxes, scores and masks, in numpy.

Sources: FastSAM, fastsam/predict.py, utils.py and Inference.py (the thresholds); Ultralytics, utils/ops.py and nms.py.
"""

import numpy as np
from numpy.typing import NDArray

CONFIDENCE = 0.4  # instances score more
OVERLAP = 0.9  # of two boxes whose IoU is larger, the better one stays
# So many instances are kept at most, the best ones.
SLOTS = 100
NEAR_BORDER = 20  # pixels of the square
WHOLE = 0.9  # a box whose IoU with the whole square is larger is the whole square
COEFFICIENTS = 32
# What is known of an instance: x0, y0, x1, y1 in model pixels; its score; its mask's coefficients.
ROWS = 4 + 1 + COEFFICIENTS
SCORE = 4


def find_instances(
    predictions: NDArray[np.float32], prototypes: NDArray[np.float32], side: int
) -> NDArray[np.float32]:
    """
    Args:
        predictions: (ROWS, N): centre x and y, width and height in pixels of the square; score; coefficients.
        prototypes: (COEFFICIENTS, S, S); an instance's mask is where their sum by its coefficients is above 0, inside
            of its box.
        side: pixels of the square.

    Returns:
        (ROWS, SLOTS), the instances from the smallest mask to the largest; slots behind them are 0.
    """
    found = np.ascontiguousarray(predictions[:, predictions[SCORE] > CONFIDENCE].T)  # (n, ROWS)
    found = found[np.argsort(-found[:, SCORE], kind="stable")]
    centres, halves = found[:, :2].copy(), found[:, 2:4] / 2
    found[:, :2], found[:, 2:4] = centres - halves, centres + halves
    found = found[best_of_each(found[:, :4])]
    found[:, :4] = to_border(found[:, :4], side)
    areas = mask_areas(found, prototypes, side)
    smallest_first = np.argsort(areas, kind="stable")
    found = found[smallest_first][areas[smallest_first] > 0]
    slots = np.zeros((ROWS, SLOTS), np.float32)
    slots[:, : len(found)] = found.T
    return slots


def best_of_each(boxes: NDArray[np.float32]) -> NDArray[np.intp]:
    """Indices of the boxes, (n, 4), best first, of which none overlaps a better one by more than OVERLAP; SLOTS at
    most."""
    left = np.arange(len(boxes))
    kept: list[int] = []
    while len(left) and len(kept) < SLOTS:
        kept.append(int(left[0]))
        left = left[1:][iou(boxes[left[0]], boxes[left[1:]]) <= OVERLAP]
    return np.array(kept, np.intp)


def iou(box: NDArray[np.float32], others: NDArray[np.float32]) -> NDArray[np.float32]:
    """Of a box (4,) with each of the others (n, 4)."""
    overlap = np.minimum(box[2:], others[:, 2:]) - np.maximum(box[:2], others[:, :2])
    shared = overlap.clip(min=0).prod(axis=1)
    union = (box[2:] - box[:2]).prod() + (others[:, 2:] - others[:, :2]).prod(axis=1) - shared
    return shared / np.maximum(union, np.finfo(np.float32).tiny)


def to_border(boxes: NDArray[np.float32], side: int) -> NDArray[np.float32]:
    """Boxes (n, 4) that end at the square's border where they came near it; nearly all of the square is all of it."""
    near = np.where(boxes[:, :2] < NEAR_BORDER, 0, boxes[:, :2])
    far = np.where(boxes[:, 2:] > side - NEAR_BORDER, side, boxes[:, 2:])
    bordered = np.concatenate([near, far], axis=1).clip(0, side).astype(np.float32)
    whole = np.array([0, 0, side, side], np.float32)
    bordered[iou(whole, bordered) > WHOLE] = whole
    return bordered


def mask_areas(found: NDArray[np.float32], prototypes: NDArray[np.float32], side: int) -> NDArray[np.intp]:
    """Cells of each instance's mask, found (n, ROWS) to (n,)."""
    cells = prototypes.shape[-1]
    centres = (np.arange(cells) + 0.5) * (side / cells)
    flat = prototypes.reshape(COEFFICIENTS, -1)
    areas = np.zeros(len(found), np.intp)
    # One after the other: all at once would be 25 MB.
    for index, instance in enumerate(found):
        x0, y0, x1, y1 = instance[:4]
        inside = ((centres > y0) & (centres < y1))[:, None] & ((centres > x0) & (centres < x1))
        mask = (instance[5:] @ flat).reshape(cells, cells) > 0
        areas[index] = np.count_nonzero(mask & inside)
    return areas
