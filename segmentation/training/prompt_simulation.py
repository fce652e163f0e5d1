"""What a person would click next: SAM's training prompts (arXiv 2304.02643, appendix A) and RITM's evaluation clicks.

Points are in low-res cells (row, column) here; `PromptBatch` brings them to the frame the decoder reads.
"""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray


def centre_of_largest_region(region: NDArray[np.bool_]) -> tuple[int, int] | None:
    """(row, column) of the place deepest inside the largest connected part; None where the region is empty.

    Source: RITM, arXiv 2102.06583, section 4 (the clicker of the evaluation): the maximum of the distance transform,
    the picture's border counting as outside.
    """
    if not region.any():
        return None
    distance = cv2.distanceTransform(np.pad(region, 1).astype(np.uint8), cv2.DIST_L2, 5)[1:-1, 1:-1]
    row, column = np.unravel_index(int(distance.argmax()), region.shape)
    return int(row), int(column)


def random_point(region: NDArray[np.bool_], rng: np.random.Generator) -> tuple[int, int]:
    """A place in the region, the deeper inside the likelier: people do not click on edges.

    Raises:
        ValueError: the region is empty.
    """
    if not region.any():
        raise ValueError("cannot click into an empty region")
    if rng.random() < 0.5:
        places = np.flatnonzero(region)
    else:
        distance = cv2.distanceTransform(np.pad(region, 1).astype(np.uint8), cv2.DIST_L2, 3)[1:-1, 1:-1]
        places = np.flatnonzero(distance >= distance.max() * 0.5)
    row, column = np.unravel_index(int(rng.choice(places)), region.shape)
    return int(row), int(column)


def next_click(
    target: NDArray[np.bool_], mask: NDArray[np.bool_], rng: np.random.Generator | None = None
) -> tuple[tuple[int, int], int] | None:
    """The click that corrects a mask: ((row, column), label), label 1 where the mask misses, 0 where it is too much.

    Args:
        target, mask: (h, w).
        rng: None clicks the centre of the largest error (evaluation); otherwise a random place in the wrong area, often
            that of the larger kind (training).

    Returns:
        None when mask and target are the same.
    """
    missed, too_much = target & ~mask, mask & ~target
    if not missed.any() and not too_much.any():
        return None
    if rng is None:
        deepest = [
            (cv2.distanceTransform(np.pad(r, 1).astype(np.uint8), cv2.DIST_L2, 5).max(), label)
            for r, label in ((missed, 1), (too_much, 0))
        ]
        label = max(deepest)[1]
        place = centre_of_largest_region(missed if label else too_much)
        return None if place is None else (place, label)
    share = missed.sum() / (missed.sum() + too_much.sum())
    label = int(rng.random() < share)
    region = missed if label else too_much
    if rng.random() < 0.6:
        count, parts = cv2.connectedComponents(region.astype(np.uint8))
        if count > 2:
            region = parts == 1 + int(np.bincount(parts.ravel())[1:].argmax())
    return random_point(region, rng), label


def noisy_box(target: NDArray[np.bool_], rng: np.random.Generator) -> tuple[float, float, float, float]:
    """(x0, y0, x1, y1) in low-res cells: the tight box, each edge moved by noise.

    None of it in 45 % of the boxes (a tool's box, or a person's with crosshairs), 2 % of the side in 35 % (a careful
    person), 10 % in the others, as SAM; at most 10 cells.
    """
    rows, columns = np.flatnonzero(target.any(1)), np.flatnonzero(target.any(0))
    y0, y1, x0, x1 = rows[0], rows[-1] + 1, columns[0], columns[-1] + 1
    spread = np.array([x1 - x0, y1 - y0, x1 - x0, y1 - y0]) * rng.choice(
        [0.0, 0.02, 0.1], p=[0.45, 0.35, 0.2]
    )
    moved = np.array([x0, y0, x1, y1]) + np.clip(rng.normal(0, 1, 4) * spread, -10, 10)
    height, width = target.shape
    bx0, bx1 = np.clip([moved[0], max(moved[2], moved[0] + 1)], 0, width)
    by0, by1 = np.clip([moved[1], max(moved[3], moved[1] + 1)], 0, height)
    return float(bx0), float(by0), float(bx1), float(by1)


class PromptBatch:
    """Growing prompts for B targets, padded to tensors the decoder reads.

    Args:
        count: B.
        cell: model pixels to a low-res cell.
    """

    def __init__(self, count: int, cell: int) -> None:
        self.cell = cell
        self.points: list[list[tuple[float, float, int]]] = [[] for _ in range(count)]
        self.boxes: list[tuple[float, float, float, float] | None] = [None] * count

    def add_point(self, index: int, row: int, column: int, label: int) -> None:
        # The middle of the cell; the decoder adds half a model pixel itself.
        self.points[index].append(((column + 0.5) * self.cell - 0.5, (row + 0.5) * self.cell - 0.5, label))

    def add_box(self, index: int, box_xyxy: tuple[float, float, float, float]) -> None:
        x0, y0, x1, y1 = (edge * self.cell for edge in box_xyxy)
        self.boxes[index] = x0, y0, x1, y1

    def arrays(self) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """point_coords (B, N, 2) in model pixels and point_labels (B, N), padded with label -1."""
        rows = []
        for points, box in zip(self.points, self.boxes, strict=True):
            row = list(points)
            row += [(box[0], box[1], 2), (box[2], box[3], 3)] if box else [(0.0, 0.0, -1)]
            rows.append(row)
        length = max(map(len, rows))
        table = np.array([row + [(0.0, 0.0, -1)] * (length - len(row)) for row in rows], np.float32)
        return table[..., :2], table[..., 2]
