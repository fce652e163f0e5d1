"""A picture with one mask drawn over it, made on the server from what is stored. Needs no model."""

from __future__ import annotations

import io

import numpy as np
from PIL import Image as Pillow

from annotator.media.pixels import read_pixels
from annotator.models import Annotation
from segmentation import rle

FILL = 0.45  # share of the category's colour inside the mask
LARGEST_SIDE_PX = 1600
CONTEXT = 0.25  # of the box's longer side, shown around a cropped mask


def overlay_png(annotation: Annotation, side_px: int, crop: bool) -> bytes:
    """The annotation's image with its mask, box and prompt points' colour, as PNG.

    Args:
        side_px: the longer side of the answer, at most `LARGEST_SIDE_PX` and never larger than the original.
        crop: only the mask and a little around it.

    Raises:
        RleError: the stored RLE is damaged.
        DamagedImage, FileNotFoundError: the stored image is.
    """
    pixels = read_pixels(annotation.image)  # (H, W, 3) uint8
    mask = rle.decode(annotation.segmentation)  # (H, W) bool
    if crop:
        top, bottom, left, right = _window(annotation.bbox_xywh, mask.shape)
        pixels, mask = pixels[top:bottom, left:right], mask[top:bottom, left:right]
    size = _fitted(mask.shape, min(side_px, LARGEST_SIDE_PX))
    picture = np.asarray(Pillow.fromarray(pixels).resize(size, Pillow.Resampling.BOX)).astype(np.float32)
    # Shrunk as grey values, so that the mask's edge stays smooth.
    cover = Pillow.fromarray(mask.astype(np.uint8) * 255).resize(size, Pillow.Resampling.BOX)
    amount = np.asarray(cover).astype(np.float32)[..., None] / 255  # (h, w, 1)
    color = np.array(_rgb(annotation.category.color), np.float32)
    drawn = picture * (1 - FILL * amount) + color * (FILL * amount)
    inside = amount[..., 0] >= 0.5
    drawn[_outline(inside)] = color
    out = io.BytesIO()
    Pillow.fromarray(drawn.round().astype(np.uint8)).save(out, "PNG", compress_level=3)
    return out.getvalue()


def _window(bbox_xywh: list[float], hw: tuple[int, int]) -> tuple[int, int, int, int]:
    x, y, width, height = bbox_xywh
    margin = max(8.0, CONTEXT * max(width, height))
    return (
        max(0, int(y - margin)),
        min(hw[0], int(y + height + margin) + 1),
        max(0, int(x - margin)),
        min(hw[1], int(x + width + margin) + 1),
    )


def _fitted(hw: tuple[int, int], side_px: int) -> tuple[int, int]:
    """(width, height) for Pillow."""
    scale = min(1.0, side_px / max(hw))
    return max(1, round(hw[1] * scale)), max(1, round(hw[0] * scale))


def _outline(inside: np.ndarray) -> np.ndarray:
    """Pixels inside with a neighbour outside, (h, w) bool; the picture's edge counts as outside."""
    padded = np.pad(inside, 1)
    surrounded = padded[:-2, 1:-1] & padded[2:, 1:-1] & padded[1:-1, :-2] & padded[1:-1, 2:]
    return inside & ~surrounded


def _rgb(color: str) -> tuple[int, int, int]:
    return tuple(bytes.fromhex(color.removeprefix("#")))
