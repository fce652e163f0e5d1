"""All masks of an image in their categories' colours, as small as a thumbnail. Needs no model and no picture."""

from __future__ import annotations

import io

import numpy as np
from numpy.typing import NDArray
from PIL import Image as Pillow

from annotator.models import Annotation, Image
from segmentation import rle

FILL_ALPHA = 115  # of 255: the 45 % that the workbench fills masks with
OUTLINE_ALPHA = 255
SAMPLES_PER_PIXEL = 2  # along each side: edges come out smooth


def masks_png(image: Image, side_px: int) -> bytes:
    """The image's masks over nothing, as a transparent PNG with the image's proportions.

    Args:
        side_px: the longer side of the answer; never more than the image's.

    Raises:
        RleError: a stored RLE is damaged.
    """
    scale = min(1.0, side_px / max(image.width, image.height))
    width, height = max(1, round(image.width * scale)), max(1, round(image.height * scale))
    drawn = np.zeros((height, width, 4), np.float32)  # straight alpha, 0 to 255
    annotations = Annotation.objects.live().filter(image=image).select_related("category")
    # Large ones first, so that what lies on them stays visible.
    for annotation in annotations.order_by("-area"):
        cover = sample_mask(annotation.segmentation, (height, width))  # (height, width), 0 to 1
        alpha = np.where(_outline(cover >= 0.5), OUTLINE_ALPHA, cover * FILL_ALPHA)
        color = np.array([*bytes.fromhex(annotation.category.color.removeprefix("#"))], np.float32)
        shown = alpha > 0
        drawn[shown, :3] = color
        drawn[shown, 3] = alpha[shown]
    out = io.BytesIO()
    Pillow.fromarray(drawn.round().astype(np.uint8), "RGBA").save(out, "PNG", compress_level=6)
    return out.getvalue()


def sample_mask(segmentation: dict, hw: tuple[int, int]) -> NDArray[np.float32]:
    """A stored mask shrunk to `hw`: the share of each pixel that it covers, (height, width), 0 to 1.

    Looks up where sample points fall among the runs instead of drawing the mask, so the time does not grow with the
    image: a mask of 100 megapixels takes as long as one of 1.

    Raises:
        RleError: the RLE is damaged.
    """
    mask_height, mask_width = segmentation["size"]
    rows = _sample_places(mask_height, hw[0] * SAMPLES_PER_PIXEL)
    columns = _sample_places(mask_width, hw[1] * SAMPLES_PER_PIXEL)
    ends = np.cumsum(rle.runs(segmentation))  # run k covers the pixels before ends[k], down the columns
    inside = np.zeros((len(columns), len(rows)), bool)  # turned, as the runs are
    if len(ends) > 1:  # one run alone is background
        # Most masks are small: only the columns from the first to the last foreground pixel are looked up.
        first = ends[0] // mask_height
        last = (ends[len(ends) // 2 * 2 - 1] - 1) // mask_height
        shown = slice(*np.searchsorted(columns, [first, last + 1]))
        places = columns[shown, None] * mask_height + rows[None, :]  # (shown columns, rows), ascending
        inside[shown] = np.searchsorted(ends, places, side="right") % 2 == 1  # odd runs are foreground
    samples = inside.T.reshape(hw[0], SAMPLES_PER_PIXEL, hw[1], SAMPLES_PER_PIXEL)
    return samples.mean(axis=(1, 3), dtype=np.float32)


def _sample_places(length: int, count: int) -> NDArray[np.int64]:
    """`count` pixels spread evenly over `length`, at the middles of their shares."""
    return ((np.arange(count) + 0.5) * length / count).astype(np.int64)


def _outline(inside: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Pixels inside with a neighbour outside; the picture's edge counts as inside."""
    padded = np.pad(inside, 1, mode="edge")
    surrounded = padded[:-2, 1:-1] & padded[2:, 1:-1] & padded[1:-1, :-2] & padded[1:-1, 2:]
    return inside & ~surrounded
