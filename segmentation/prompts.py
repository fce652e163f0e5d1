"""From a prompt in image pixels to the decoder's `point_coords` and `point_labels`, and which of its answers is shown.

`static/js/core/prompt.js` is the same in JavaScript; both are held to `tests/data/prompt_cases.json`.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray

from segmentation.bundle import Outputs
from segmentation.errors import SegmentationError
from segmentation.frames import ModelFrame

BACKGROUND, FOREGROUND, BOX_TOP_LEFT, BOX_BOTTOM_RIGHT, PADDING = 0, 1, 2, 3, -1


class PromptError(SegmentationError, ValueError):
    """The prompt has the wrong shape or values."""

    code = "prompt_malformed"


def build_prompt_tensors(
    frame: ModelFrame,
    point_coords: ArrayLike | None = None,
    point_labels: ArrayLike | None = None,
    box: ArrayLike | None = None,
    pad_empty: bool = False,
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Builds what the decoder is fed for a prompt.

    Points come first; after them the corners of the box, labelled 2 and 3, or, when there is no box, one
    padding point at (0, 0), labelled -1. With neither points nor a box (mask_input alone) nothing is added,
    not even the padding point: N is 0, as in SamPredictor. Source: segment-anything,
    modeling/prompt_encoder.py, forward.

    Args:
        frame: the image's place in the model's square.
        point_coords: (N, 2), x then y, in image pixels.
        point_labels: (N,), 1 foreground, 0 background.
        box: (4,) or (1, 4), box_xyxy in image pixels.
        pad_empty: add the padding point then too, for decoders that need one (see `Family.needs_a_point`).

    Returns:
        point_coords (1, M, 2) in model pixels and point_labels (1, M).

    Raises:
        PromptError: one of points and labels without the other, a wrong shape, a number that is not finite, also one
            that is not finite as float32, a label that is neither 0 nor 1, or a box whose second corner lies before
            its first.
    """
    coords, labels = _points(point_coords, point_labels)
    if box is not None:
        corners = _corners(box)
        coords = np.concatenate([coords, corners])
        labels = np.concatenate([labels, [BOX_TOP_LEFT, BOX_BOTTOM_RIGHT]])
    with np.errstate(over="ignore"):  # it is looked at
        model_coords = frame.from_image(coords)
    if not np.isfinite(model_coords).all():
        raise PromptError(f"a point or the box lies farther away than float32 reaches: {coords.tolist()}")
    if box is None and (pad_empty or len(labels) > 0):
        model_coords = np.concatenate([model_coords, np.zeros((1, 2), np.float32)])
        labels = np.concatenate([labels, [PADDING]])
    return model_coords[None], labels.astype(np.float32)[None]


def candidate_order(
    iou_predictions: Sequence[float] | NDArray[np.floating],
    outputs: Outputs,
    point_count: int,
    has_box: bool = False,
    low_res_logits: NDArray[np.floating] | None = None,
) -> list[int]:
    """The decoder's outputs that are offered for a prompt, the one that is shown at first before the others.

    A single point is ambiguous: the candidates, best predicted IoU first. Anything more means one object: the output
    for such prompts, then the best candidates, as many outputs in all as for a single point. A decoder without an
    output for such prompts answers them as it does a single point.

    Some decoders give a mask twice: where SAM 2's output for clear prompts is unstable, the best candidate takes its
    place. Such a copy is not offered beside the other one.

    Args:
        iou_predictions: (C,), one for each output.
        outputs: the bundle's.
        point_count, has_box: of the whole prompt.
        low_res_logits: (C, S, S), by which copies are known; None: none is looked for.
    """
    best_first = sorted(outputs.candidates, key=lambda index: -iou_predictions[index])
    if outputs.single is None or (point_count == 1 and not has_box and best_first):
        order = best_first
    else:
        order = [outputs.single, *(index for index in best_first if index != outputs.single)]
    if low_res_logits is not None:
        order = _without_copies(order, low_res_logits)
    return order[: max(1, len(best_first))]


def _without_copies(order: list[int], low_res_logits: NDArray[np.floating]) -> list[int]:
    kept: list[int] = []
    for index in order:
        if not any(np.array_equal(low_res_logits[index], low_res_logits[before]) for before in kept):
            kept.append(index)
    return kept


def _points(
    point_coords: ArrayLike | None, point_labels: ArrayLike | None
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    if (point_coords is None) != (point_labels is None):
        given = "point_labels" if point_coords is None else "point_coords"
        raise PromptError(f"point_coords and point_labels belong together, only {given} was given")
    if point_coords is None or point_labels is None:
        return np.zeros((0, 2)), np.zeros(0)
    coords = _numbers("point_coords", point_coords)
    labels = _numbers("point_labels", point_labels)
    if coords.size == 0 and labels.size == 0:
        return np.zeros((0, 2)), np.zeros(0)
    if coords.ndim != 2 or coords.shape[1] != 2:
        raise PromptError(f"point_coords must be (N, 2), x then y in image pixels, got shape {coords.shape}")
    if labels.shape != (len(coords),):
        raise PromptError(
            f"point_labels must be ({len(coords)},), one for each point, got shape {labels.shape}"
        )
    if not np.isin(labels, [BACKGROUND, FOREGROUND]).all():
        raise PromptError(f"point_labels must be 1 (foreground) or 0 (background), got {labels.tolist()}")
    return coords, labels


def _corners(box: ArrayLike) -> NDArray[np.float64]:
    values = _numbers("box", box)
    if values.shape not in ((4,), (1, 4)):
        raise PromptError(f"box must be (4,), x0, y0, x1, y1 in image pixels, got shape {values.shape}")
    corners = values.reshape(2, 2)
    if (corners[1] < corners[0]).any():
        raise PromptError(
            f"box must be x0, y0, x1, y1 with x0 <= x1 and y0 <= y1, got {values.reshape(4).tolist()}"
        )
    return corners


def _numbers(name: str, values: ArrayLike) -> NDArray[np.float64]:
    try:
        numbers = np.asarray(values, dtype=np.float64)
    except (TypeError, ValueError):
        raise PromptError(f"{name} must be an array of numbers") from None
    if not np.isfinite(numbers).all():
        raise PromptError(f"{name} holds a number that is not finite: {numbers.tolist()}")
    return numbers
