"""One training view of a sample: a crop at a random scale, turned, recoloured, sometimes with a pasted object."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from segmentation.training.data.resize import resized
from segmentation.training.data.samples import Sample

MIN_CELLS = 10  # a target smaller than this many low-res cells teaches nothing


@dataclass(frozen=True)
class View:
    """What one step sees of one picture.

    pixels    (side, side, 3) uint8, RGB
    valid_hw  rows and columns that are picture, the rest is padding
    targets   (K, side / cell, side / cell) bool
    """

    pixels: NDArray[np.uint8]
    valid_hw: tuple[int, int]
    targets: NDArray[np.bool_]


def make_view(
    sample: Sample,
    side: int,
    objects: int,
    rng: np.random.Generator,
    cell: int,
    donor: Sample | None = None,
) -> View | None:
    """A random view of a sample, in the frame the encoder sees: longest side `side`, top-left, zero padding.

    Args:
        sample: what to show.
        side: pixels.
        objects: how many targets at most.
        rng: the only source of randomness.
        cell: model pixels to a low-res cell.
        donor: where an object to paste comes from; None pastes nothing.

    Returns:
        None when the crop holds no target that is large enough.
    """
    height, width = sample.pixels.shape[:2]
    anchor = sample.mask(int(rng.integers(len(sample.masks))))
    y0, x0, y1, x1 = _crop_around(anchor, height, width, rng)
    is_mirrored = rng.random() < 0.5
    # Seen from above or through a microscope there is no up; in most photographs there is.
    quarter_turns = int(rng.choice(4, p=[0.76, 0.08, 0.08, 0.08]))
    cropped = _turned(sample.pixels[y0:y1, x0:x1], is_mirrored, quarter_turns)
    scale = side / max(cropped.shape[:2])
    out_h, out_w = (max(1, round(length * scale)) for length in cropped.shape[:2])

    picture = resized(cropped, (out_w, out_h), cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR)

    targets: list[NDArray[np.bool_]] = []
    order = rng.permutation(len(sample.masks))[: objects * 4]
    for index in order:
        mask = sample.mask(int(index))[y0:y1, x0:x1]
        if not mask.any():
            continue
        target = _reduce(_turned(mask, is_mirrored, quarter_turns), (out_h, out_w), side, cell)
        cells = int(target.sum())
        if cells < MIN_CELLS or cells > 0.95 * target.size:
            continue
        targets.append(target)
        if len(targets) == objects:
            break
    if donor is not None:
        pasted = _paste(picture, donor, side, rng, cell)
        if pasted is not None:
            targets = [t & ~pasted for t in targets]
            targets = [pasted, *[t for t in targets if t.sum() >= MIN_CELLS]][:objects]
    if not targets:
        return None

    pixels = np.zeros((side, side, 3), np.uint8)
    pixels[:out_h, :out_w] = _recolour(picture, rng)
    return View(pixels, (out_h, out_w), np.stack(targets))


def _crop_around(
    anchor: NDArray[np.bool_], height: int, width: int, rng: np.random.Generator
) -> tuple[int, int, int, int]:
    """Rows y0..y1 and columns x0..x1 of a crop that usually holds the whole anchor and sometimes cuts it."""
    if rng.random() < 0.3:
        return 0, 0, height, width
    rows, columns = np.flatnonzero(anchor.any(1)), np.flatnonzero(anchor.any(0))
    need = 1.1 * max(rows[-1] - rows[0] + 1, columns[-1] - columns[0] + 1, 48)
    largest = max(height, width)
    low = min(need, largest) if rng.random() < 0.85 else 0.4 * largest
    size = np.exp(rng.uniform(np.log(max(low, 0.3 * largest)), np.log(largest * 1.0001)))
    crop_h, crop_w = (
        int(min(height, size * rng.uniform(0.75, 1))),
        int(min(width, size * rng.uniform(0.75, 1))),
    )
    cy = (rows[0] + rows[-1]) / 2 + rng.normal(0, 0.15) * crop_h
    cx = (columns[0] + columns[-1]) / 2 + rng.normal(0, 0.15) * crop_w
    y0 = int(np.clip(cy - crop_h / 2, 0, height - crop_h))
    x0 = int(np.clip(cx - crop_w / 2, 0, width - crop_w))
    return y0, x0, y0 + crop_h, x0 + crop_w


def _turned(array: NDArray, is_mirrored: bool, quarter_turns: int) -> NDArray:
    """(H, W, ...) mirrored, then turned to the left."""
    return np.ascontiguousarray(np.rot90(array[:, ::-1] if is_mirrored else array, quarter_turns))


def _reduce(mask: NDArray[np.bool_], out_hw: tuple[int, int], side: int, cell: int) -> NDArray[np.bool_]:
    """A cropped mask to the low-res frame (side/cell, side/cell): a cell belongs when half of it does."""
    shrink = min(out_hw[0] / mask.shape[0], out_hw[1] / mask.shape[1]) / cell
    cells_wh = (max(1, round(out_hw[1] / cell)), max(1, round(out_hw[0] / cell)))
    low_res_side = side // cell
    small = cv2.resize(
        mask.astype(np.float32),
        cells_wh,
        interpolation=cv2.INTER_AREA if shrink < 1 else cv2.INTER_LINEAR,
    )
    target = np.zeros((low_res_side, low_res_side), bool)
    target[: cells_wh[1], : cells_wh[0]] = small[:low_res_side, :low_res_side] > 0.5
    return target


def _paste(
    picture: NDArray[np.uint8], donor: Sample, side: int, rng: np.random.Generator, cell: int
) -> NDArray[np.bool_] | None:
    """Copies a whole object of another sample into the picture (in place); its target, or None when none fits."""
    candidates = [index for index, kind in enumerate(donor.kinds) if kind == "instance"]
    if not candidates:
        return None
    mask = donor.mask(int(rng.choice(candidates)))
    rows, columns = np.flatnonzero(mask.any(1)), np.flatnonzero(mask.any(0))
    box = np.s_[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
    alpha, pixels = mask[box].astype(np.float32), donor.pixels[box]
    out_h, out_w = picture.shape[:2]
    longest = rng.uniform(0.15, 0.7) * min(out_h, out_w)
    scale = longest / max(alpha.shape)
    if not 0.2 < scale < 2:
        return None
    size = (max(4, round(alpha.shape[1] * scale)), max(4, round(alpha.shape[0] * scale)))
    if size[0] >= out_w or size[1] >= out_h:
        return None
    how = cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR
    alpha, pixels = resized(alpha, size, how), resized(pixels, size, how)
    if rng.random() < 0.5:
        alpha, pixels = alpha[:, ::-1], pixels[:, ::-1]
    y, x = int(rng.integers(out_h - size[1])), int(rng.integers(out_w - size[0]))
    spot = picture[y : y + size[1], x : x + size[0]]
    spot[:] = (pixels * alpha[..., None] + spot * (1 - alpha[..., None])).astype(np.uint8)
    whole = np.zeros((side, side), np.float32)
    whole[y : y + size[1], x : x + size[0]] = alpha
    target = cv2.resize(whole, (side // cell, side // cell), interpolation=cv2.INTER_AREA) > 0.5
    return target if target.sum() >= MIN_CELLS else None


def _recolour(picture: NDArray[np.uint8], rng: np.random.Generator) -> NDArray[np.uint8]:
    if rng.random() < 0.2:
        return picture
    x = picture.astype(np.float32)
    if rng.random() < 0.14:
        x[:] = x.mean(2, keepdims=True)
    if rng.random() < 0.04:  # dark on light, as some microscopes and X-rays have it the other way round
        x = 255 - x
    x = x * rng.uniform(0.85, 1.15, 3).astype(np.float32)
    mean = x.mean()
    x = (x - mean) * np.float32(rng.uniform(0.7, 1.3)) + np.float32(mean + rng.uniform(-25, 25))
    if rng.random() < 0.15:
        x = cv2.GaussianBlur(x, (0, 0), float(rng.uniform(0.4, 1.6)))
    if rng.random() < 0.2:
        x += rng.normal(0, rng.uniform(2, 10), x.shape).astype(np.float32)
    return np.clip(x, 0, 255).astype(np.uint8)
