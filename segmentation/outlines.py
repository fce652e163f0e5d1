"""Outlines of a mask as COCO polygons."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

EAST, SOUTH, WEST, NORTH = range(4)


def to_polygons(mask: NDArray[Any]) -> list[list[int]]:
    """The outer outlines of a mask, along the edges of its pixels.

    Pixel (x, y) covers x..x+1 and y..y+1, as in COCO's own boxes, so that pycocotools draws a mask without holes back
    bit for bit. Pixels that touch only at a corner belong to different outlines. COCO's polygons have no holes: a hole
    is not said, and comes back filled.

    Args:
        mask: (H, W), bool, or numbers of which every one but 0 is foreground.

    Returns:
        One `[x0, y0, x1, y1, ...]` for every 4-connected part, clockwise on screen, only the corners, in image pixels;
        none for an empty mask.

    Raises:
        ValueError: `mask` is not (H, W).
    """
    return to_rings(mask)[0]


def to_rings(mask: NDArray[Any]) -> tuple[list[list[int]], list[list[int]]]:
    """The outlines of a mask and those of its holes, along the edges of its pixels.

    Args:
        mask: (H, W), bool, or numbers of which every one but 0 is foreground.

    Returns:
        Rings `[x0, y0, x1, y1, ...]` of only the corners, in image pixels: outer ones as `to_polygons` gives them, and
        those of holes, which run the other way. A ring may touch itself at a corner, and crosses itself nowhere.

    Raises:
        ValueError: `mask` is not (H, W).
    """
    mask = np.asarray(mask) != 0
    if mask.ndim != 2:
        raise ValueError(f"mask must be (H, W), got {mask.shape}")
    corners, leaving = _corners(np.pad(mask, 1))
    if not len(corners):
        return [], []
    # An edge is a corner and the direction in which the outline leaves it: number 4 * corner + direction.
    following = _following_edges(corners, leaving).tolist()
    is_open = leaving.ravel().tolist()
    path: list[int] = []  # the edges of all rings, one ring after the other
    firsts: list[int] = []  # where each ring begins in it
    for start in np.flatnonzero(leaving).tolist():
        if not is_open[start]:
            continue
        firsts.append(len(path))
        edge = start
        while is_open[edge]:
            is_open[edge] = False
            path.append(edge)
            edge = following[edge]
    points = corners[np.array(path) // 4][:, ::-1]  # (E, 2) x, y
    ends = [*firsts[1:], len(path)]
    after = np.arange(1, len(path) + 1)
    after[np.array(ends) - 1] = firsts
    (x, y), (next_x, next_y) = points.T, points[after].T
    doubled_areas = np.add.reduceat(x * next_y - next_x * y, firsts).tolist()
    flat = points.ravel().tolist()
    outer: list[list[int]] = []
    holes: list[list[int]] = []
    for first, end, doubled_area in zip(firsts, ends, doubled_areas, strict=True):
        # Around a hole the rule of the outlines runs the other way.
        (outer if doubled_area > 0 else holes).append(flat[2 * first : 2 * end])
    return outer, holes


def _following_edges(corners: NDArray[np.intp], leaving: NDArray[np.bool_]) -> NDArray[np.intp]:
    """(4 N,) for each edge the one that goes on from its end; means nothing for an edge that no outline has."""
    edges = np.empty((len(corners), 4), np.intp)
    for direction, corner in enumerate(_following(corners)):
        # Foreground is on the right hand. Where four edges meet, turning right stays with the same pixel.
        right, left = (direction + 1) % 4, (direction + 3) % 4
        edges[:, direction] = 4 * corner + np.where(leaving[corner, right], right, left)
    return edges.ravel()


def _corners(padded: NDArray[np.bool_]) -> tuple[NDArray[np.intp], NDArray[np.bool_]]:
    """(N, 2) corners of the outlines, y then x, row by row, and (N, 4) in which directions an outline leaves each."""
    top_left, top_right = padded[:-1, :-1], padded[:-1, 1:]
    bottom_left, bottom_right = padded[1:, :-1], padded[1:, 1:]
    leaving = np.stack(
        [
            bottom_right & ~top_right,
            bottom_left & ~bottom_right,
            top_left & ~bottom_left,
            top_right & ~top_left,
        ],
        axis=-1,
    )
    # On a straight piece both edges lie on one line: what leaves on one side arrives on the other.
    edge_right, edge_left = top_right != bottom_right, top_left != bottom_left
    edge_up, edge_down = top_left != top_right, bottom_left != bottom_right
    is_corner = (edge_right | edge_left) & (edge_up | edge_down)
    return np.argwhere(is_corner), leaving[is_corner]


def _following(corners: NDArray[np.intp]) -> list[NDArray[np.intp]]:
    """For each direction the index of the nearest corner that way. The index means nothing where there is no such
    corner; the walk along an outline never looks there.
    """
    index = np.arange(len(corners))
    by_column = np.lexsort((corners[:, 0], corners[:, 1]))
    south, north = np.empty_like(index), np.empty_like(index)
    south[by_column] = np.roll(by_column, -1)
    north[by_column] = np.roll(by_column, 1)
    return [np.roll(index, -1), south, np.roll(index, 1), north]
