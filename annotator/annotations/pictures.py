"""Pictures of masks, drawn on the server from what is stored: no model is needed.

A mask is its category's colour, see-through inside and full along its outline, as in the workbench.
"""

from __future__ import annotations

import hashlib
import io
from typing import Any

import numpy as np
from django.db.models import OuterRef, QuerySet, Subquery, Sum
from numpy.typing import NDArray
from PIL import Image as Pillow

from annotator.media import turns
from annotator.media.pixels import read_pixels
from annotator.models import Annotation, Image, Project
from segmentation import rle

FILL_ALPHA = 115  # of 255: the 45 % that the workbench fills masks with
OUTLINE_ALPHA = 255
SAMPLES_PER_PIXEL = 2  # along each side: edges come out smooth
SURROUNDINGS = 0.25  # of the longer side of the mask's box, shown around a cropped mask
MIN_SURROUNDINGS_PX = 8


def masks_png(image: Image, side_px: int) -> bytes:
    """The image's masks over nothing, as a transparent PNG with the image's proportions.

    Args:
        side_px: the longer side of the answer; never more than the image's.

    Raises:
        RleError: a stored RLE is damaged.
    """
    hw = _fitted(image.hw, side_px)
    layer = np.zeros((*hw, 4), np.float32)
    annotations = Annotation.objects.live().filter(image=image).select_related("category")
    # Large ones first, so that what lies on them stays visible.
    for annotation in annotations.order_by("-area"):
        part = _part_of(annotation.bbox_xywh, image.hw, hw)
        top, left, bottom, right = part
        cover = sample_mask(annotation.segmentation, hw, part=part)
        # Only where the mask can be: with a hundred masks an image, all of the picture for each would take seconds.
        _draw(layer[top:bottom, left:right], cover, annotation.category.color)
    return _png(_to_picture(layer), compress_level=6)


def overlay_png(annotation: Annotation, side_px: int, crop: bool) -> bytes:
    """The annotation's image with the mask drawn over it, as PNG.

    Args:
        side_px: the longer side of the answer; never more than the image's, or the crop's.
        crop: only the mask and a little around it.

    Raises:
        RleError: the stored RLE is damaged.
        DamagedImage, FileNotFoundError: the stored image is.
        PicturesBusy: it would have waited too long for its turn.
    """
    image = annotation.image
    with turns.turn(image.width * image.height):
        return _overlay_png(annotation, read_pixels(image), side_px, crop)


def _overlay_png(annotation: Annotation, pixels: NDArray[np.uint8], side_px: int, crop: bool) -> bytes:
    window = _surroundings(annotation.bbox_xywh, pixels.shape[:2]) if crop else (0, 0, *pixels.shape[:2])
    top, left, bottom, right = window
    height, width = _fitted((bottom - top, right - left), side_px)
    layer = np.zeros((height, width, 4), np.float32)
    cover = sample_mask(annotation.segmentation, (height, width), window)
    _draw(layer, cover, annotation.category.color)
    shown = Pillow.fromarray(pixels[top:bottom, left:right]).resize((width, height), Pillow.Resampling.BOX)
    drawn = Pillow.alpha_composite(shown.convert("RGBA"), _to_picture(layer))
    return _png(drawn.convert("RGB"), compress_level=3)


def with_masks_version(images: QuerySet[Image]) -> QuerySet[Image]:
    """Adds masks_version, which changes whenever one of the image's annotations does."""
    # Every change of an annotation counts its version up, deleting too: another sum, another picture.
    changes = Annotation.objects.filter(image=OuterRef("pk")).order_by().values("image")
    return images.annotate(masks_version=Subquery(changes.annotate(sum=Sum("version")).values("sum")))


def colors_version(project: Project) -> str:
    """Changes whenever a category's colour does."""
    colors = project.categories.order_by("pk").values_list("pk", "color")
    return hashlib.sha256(",".join(f"{pk}{color}" for pk, color in colors).encode()).hexdigest()[:8]


def sample_mask(
    segmentation: dict[str, Any],
    hw: tuple[int, int],
    window: tuple[int, int, int, int] | None = None,
    part: tuple[int, int, int, int] | None = None,
) -> NDArray[np.float32]:
    """A stored mask shrunk to `hw`: the share of each pixel that it covers, (height, width), 0 to 1.

    Looks up where sample points fall among the runs instead of drawing the mask, so the time does not grow with the
    image: a mask of 100 megapixels takes as long as one of 1.

    Args:
        window: (top, left, bottom, right) in image pixels: only this part of the mask; None: all of it.
        part: (top, left, bottom, right) in pixels of the answer: only this part of it is made; None: all of it.

    Raises:
        RleError: the RLE is damaged.
    """
    first_row, first_column, end_row, end_column = part or (0, 0, *hw)
    mask_height, mask_width = segmentation["size"]
    top, left, bottom, right = window or (0, 0, mask_height, mask_width)
    rows = _sample_places(top, bottom, hw[0], first_row, end_row)
    columns = _sample_places(left, right, hw[1], first_column, end_column)
    ends = np.cumsum(rle.runs(segmentation))  # run k covers the pixels before ends[k], down the columns
    inside = np.zeros((len(columns), len(rows)), bool)  # turned, as the runs are
    if len(ends) > 1:  # one run alone is background
        # Most masks are small: only the columns from the first to the last foreground pixel are looked up.
        first = ends[0] // mask_height
        last = (ends[len(ends) // 2 * 2 - 1] - 1) // mask_height
        shown = slice(*np.searchsorted(columns, [first, last + 1]))
        places = columns[shown, None] * mask_height + rows[None, :]  # (shown columns, rows), ascending
        inside[shown] = np.searchsorted(ends, places, side="right") % 2 == 1  # odd runs are foreground
    height, width = end_row - first_row, end_column - first_column
    samples = inside.T.reshape(height, SAMPLES_PER_PIXEL, width, SAMPLES_PER_PIXEL)
    return samples.mean(axis=(1, 3), dtype=np.float32)


def _sample_places(start: int, end: int, pixels: int, first: int, last: int) -> NDArray[np.int64]:
    """Sample points spread evenly from `start` to `end`, at the middles of their shares, SAMPLES_PER_PIXEL for each of
    `pixels`; those of the pixels from `first` to before `last`."""
    numbers = np.arange(first * SAMPLES_PER_PIXEL, last * SAMPLES_PER_PIXEL)
    return (start + (numbers + 0.5) * (end - start) / (pixels * SAMPLES_PER_PIXEL)).astype(np.int64)


def _draw(layer: NDArray[np.float32], cover: NDArray[np.float32], color: str) -> None:
    """Draws one mask into a layer, over the masks in it.

    Args:
        layer: (height, width, 4) straight alpha, 0 to 255; changed.
        cover: (height, width), 0 to 1.
        color: "#rrggbb".
    """
    alpha = np.where(_outline(cover >= 0.5), OUTLINE_ALPHA, cover * FILL_ALPHA)
    shown = alpha > 0
    layer[shown, :3] = np.array([*bytes.fromhex(color.removeprefix("#"))], np.float32)
    layer[shown, 3] = alpha[shown]


def _outline(inside: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Pixels inside with a neighbour outside; what lies beyond the picture's edge counts as inside."""
    padded = np.pad(inside, 1, mode="edge")
    surrounded = padded[:-2, 1:-1] & padded[2:, 1:-1] & padded[1:-1, :-2] & padded[1:-1, 2:]
    return inside & ~surrounded


def _part_of(
    bbox_xywh: list[float], image_hw: tuple[int, int], hw: tuple[int, int]
) -> tuple[int, int, int, int]:
    """(top, left, bottom, right) of a mask's box in a picture of `hw`, with a pixel around it that the mask does not
    reach: its outline ends there."""
    x, y, width, height = bbox_xywh
    down, across = hw[0] / image_hw[0], hw[1] / image_hw[1]
    return (
        max(0, int(y * down) - 1),
        max(0, int(x * across) - 1),
        min(hw[0], int((y + height) * down) + 2),
        min(hw[1], int((x + width) * across) + 2),
    )


def _surroundings(bbox_xywh: list[float], hw: tuple[int, int]) -> tuple[int, int, int, int]:
    """(top, left, bottom, right): a mask's box with a margin, inside the image."""
    x, y, width, height = bbox_xywh
    margin = max(MIN_SURROUNDINGS_PX, SURROUNDINGS * max(width, height))
    return (
        max(0, int(y - margin)),
        max(0, int(x - margin)),
        min(hw[0], int(y + height + margin) + 1),
        min(hw[1], int(x + width + margin) + 1),
    )


def _fitted(hw: tuple[int, int], side_px: int) -> tuple[int, int]:
    """`hw` shrunk, never enlarged, so that its longer side has `side_px` pixels at most."""
    scale = min(1.0, side_px / max(hw))
    return max(1, round(hw[0] * scale)), max(1, round(hw[1] * scale))


def _to_picture(layer: NDArray[np.float32]) -> Pillow.Image:
    return Pillow.fromarray(layer.round().astype(np.uint8), "RGBA")


def _png(picture: Pillow.Image, compress_level: int) -> bytes:
    out = io.BytesIO()
    picture.save(out, "PNG", compress_level=compress_level)
    return out.getvalue()
