"""From the decoder's low-res logits to logits at image size, in numpy alone.

`static/js/core/mask.js` is the same in JavaScript; both are held to `tests/data/mask_cases.json`.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from segmentation.frames import STRETCH, ModelFrame

# Logits where the decoder was not asked. Far below any threshold: what lies outside a region is background.
NOT_ASKED = -1000.0


def postprocess(low_res_logits: NDArray[Any], frame: ModelFrame) -> NDArray[np.float32]:
    """Brings low-res logits to the image's size, as the model's authors do.

    In a padded square in SAM's two steps: bilinear to the square, cut off the padding, bilinear to the image. Source:
    segment-anything, modeling/sam.py, postprocess_masks. From a stretched one in a single step. Source: sam2,
    utils/transforms.py, postprocess_masks. Threshold what comes out, never what goes in.

    Args:
        low_res_logits: (C, h, w), as the decoder gives them; not modified.
        frame: the image's place in the model's square.

    Returns:
        (C, H, W) logits, (H, W) the image's size. Outside the frame's region, where it has one, all are `NOT_ASKED`.

    Raises:
        ValueError: `low_res_logits` is not (C, h, w).
    """
    low_res_logits = np.asarray(low_res_logits, dtype=np.float32)
    if low_res_logits.ndim != 3:
        raise ValueError(f"low_res_logits must be (C, h, w), got {low_res_logits.shape}")
    if frame.fit == STRETCH:
        square = low_res_logits
    else:
        square = _resize_bilinear(low_res_logits, (frame.side, frame.side), crop_hw=frame.input_hw)
    part = _resize_bilinear(square, frame.part_hw, crop_hw=frame.part_hw)
    if frame.region is None:
        return part
    whole = np.full((len(part), *frame.image_hw), NOT_ASKED, np.float32)
    whole[:, *frame.region.slices] = part
    return whole


def stability_score(
    logits: NDArray[Any], mask_threshold: float = 0.0, threshold_offset: float = 1.0
) -> NDArray[np.float32]:
    """How little the mask depends on where the logits are cut: the IoU of the cuts at +offset and at -offset.

    Source: segment-anything, utils/amg.py, calculate_stability_score; the default offset is that of its
    SamAutomaticMaskGenerator. There a mask that is empty even at -offset gives 0/0; here it gives 0.

    Args:
        logits: (C, H, W).

    Returns:
        (C,), each in 0..1.
    """
    logits = np.asarray(logits)
    intersections = np.count_nonzero(logits > mask_threshold + threshold_offset, axis=(-2, -1))
    unions = np.count_nonzero(logits > mask_threshold - threshold_offset, axis=(-2, -1))
    return (intersections / np.maximum(unions, 1)).astype(np.float32)


def _resize_bilinear(
    values: NDArray[np.float32], out_hw: tuple[int, int], crop_hw: tuple[int, int]
) -> NDArray[np.float32]:
    """(C, h, w) to the first `crop_hw` rows and columns of what torch's interpolate to `out_hw` would give
    (mode="bilinear", align_corners=False)."""
    rows_low, rows_high, row_weight = _taps(values.shape[1], out_hw[0], crop_hw[0])
    columns_low, columns_high, column_weight = _taps(values.shape[2], out_hw[1], crop_hw[1])
    # Columns first: (C, h, out_w) is the smaller in-between whenever the image is enlarged.
    wide = (
        values[:, :, columns_low] * (np.float32(1) - column_weight)
        + values[:, :, columns_high] * column_weight
    )
    row_weight = row_weight[:, None]
    return wide[:, rows_low] * (np.float32(1) - row_weight) + wide[:, rows_high] * row_weight


def _taps(
    size_in: int, size_out: int, count: int
) -> tuple[NDArray[np.intp], NDArray[np.intp], NDArray[np.float32]]:
    """For the first `count` output positions: the two input positions and the second one's weight.

    The scale and the position are rounded to float32 like torch's, with one rounding for `x * scale - 0.5` because
    torch is compiled to a fused multiply-add: so the weights are torch's own even far out in a large image. Source:
    aten/src/ATen/native/UpSample.h, area_pixel_compute_source_index.
    """
    scale = np.float64(np.float32(size_in) / np.float32(size_out))
    centre = ((np.arange(count) + 0.5) * scale - 0.5).astype(np.float32)
    centre = np.maximum(centre, np.float32(0))
    low = np.minimum(centre.astype(np.intp), size_in - 1)
    high = np.minimum(low + 1, size_in - 1)
    weight = np.clip(centre - low.astype(np.float32), 0, 1).astype(np.float32)
    return low, high, weight
