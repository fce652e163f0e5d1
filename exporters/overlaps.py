"""Annotations of one image without common pixels, for projects that want none."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from exporters.records import AnnotationRecord, Rle
from segmentation import rle

Winner = Literal["newest", "oldest"]
Keeps = Callable[[NDArray[np.bool_], NDArray[np.bool_]], NDArray[np.bool_]]


def without_overlaps(annotations: Sequence[AnnotationRecord], winner: Winner) -> list[AnnotationRecord]:
    """Gives each shared pixel to one mask.

    Args:
        annotations: of one image, in the order in which they were made.
        winner: whose a pixel is that several masks have.

    Returns:
        The same ones in the same order, with their pixels, areas and boxes; those of which nothing is left are left
        out. A mask that lost pixels is no longer what a prompt gave: its prompt, bundle and scores are left out.
    """
    taken: NDArray[np.int64] = np.empty(0, np.int64)
    kept: dict[int, AnnotationRecord] = {}
    order = range(len(annotations)) if winner == "oldest" else reversed(range(len(annotations)))
    for index in order:
        annotation = annotations[index]
        own = borders_of(annotation.segmentation)
        left = _combined(own, taken, lambda in_own, in_taken: in_own & ~in_taken)
        taken = _combined(own, taken, np.logical_or)
        if len(left) > 0:
            kept[index] = annotation if np.array_equal(left, own) else _with_borders(annotation, left)
    return [kept[index] for index in sorted(kept)]


def borders_of(mask: Rle) -> NDArray[np.int64]:
    """Where foreground begins and ends, by turns, in the order of RLE: (2 * runs,), ascending."""
    ends = np.cumsum(rle.runs(mask))
    return ends[: len(ends) // 2 * 2]


def _combined(a: NDArray[np.int64], b: NDArray[np.int64], keeps: Keeps) -> NDArray[np.int64]:
    """The borders of what `keeps(in_a, in_b)` says of each pixel."""
    places = np.union1d(a, b)
    # An odd number of borders passed means that one is inside.
    inside = [np.searchsorted(borders, places, side="right") % 2 == 1 for borders in (a, b)]
    return places[np.diff(keeps(*inside).astype(np.int8), prepend=0) != 0]


def _with_borders(annotation: AnnotationRecord, borders: NDArray[np.int64]) -> AnnotationRecord:
    height, width = annotation.segmentation["size"]
    lengths = np.diff(borders, prepend=0, append=height * width)
    segmentation = rle.from_runs(lengths.tolist(), (height, width))
    x, y, box_width, box_height = rle.bbox_xywh(segmentation)
    return replace(
        annotation,
        segmentation={"size": [height, width], "counts": segmentation["counts"]},
        area=int(lengths[1::2].sum()),
        bbox_xywh=(x, y, box_width, box_height),
        prompt=None,
        predicted_iou=None,
        stability_score=None,
        bundle_digest="",
    )
