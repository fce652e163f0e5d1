"""SAM 2's decoder as graphs and kernels: what it gives to the two-way decoder, and what it does around it."""

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from segmentation.families.family import DecoderFiles
from segmentation.families.sam2.names import POINT_TABLE, POINT_TABLES, to_meta
from segmentation.families.sam2.stability import with_stable_first
from segmentation.families.two_way.package import decoder_files, open_session
from segmentation.families.two_way.session import FastDecoder
from segmentation.families.two_way.weights import DecoderWeights
from segmentation.prompts import BOX_TOP_LEFT, PADDING

_PREFIX = "sam_"  # of the prompt encoder and the mask decoder in Meta's checkpoints


def decoder_weights(
    state: Mapping[str, NDArray], grid: int, input_side: int, mask_limit: float
) -> DecoderWeights:
    """From the state of `segmentation.families.sam2.network.Sam2Network`, the image encoder's part left out."""
    renamed = {to_meta(name): value for name, value in state.items() if name != POINT_TABLE}
    renamed |= {name: state[POINT_TABLE][[kind]] for kind, name in enumerate(POINT_TABLES)}
    kept = {name.removeprefix(_PREFIX): value for name, value in renamed.items() if name.startswith(_PREFIX)}
    # SAM 1 counts its tokens' MLPs otherwise; the two-way decoder knows its names.
    for layer in (0, 1):
        path = f"mask_decoder.transformer.layers.{layer}.mlp"
        for part in ("weight", "bias"):
            for number in (0, 1):
                kept[f"{path}.lin{number + 1}.{part}"] = kept.pop(f"{path}.layers.{number}.{part}")
    return DecoderWeights(kept, grid, input_side, mask_limit=mask_limit)


def package_files(weights: DecoderWeights) -> DecoderFiles:
    """All that `static/js/decoder/worker/sam2/session.js` runs."""
    return decoder_files(weights)


def package_session(package: DecoderFiles) -> FastDecoder:
    """The package's graphs in Python, with what SAM 2 does around them."""
    return open_session(package, Sam2FastDecoder)


class Sam2FastDecoder(FastDecoder):
    """The graphs, with what SAM 2 does before and after them."""

    def prompt(self, coords: NDArray, labels: NDArray) -> tuple[NDArray, NDArray]:
        """With a padding point behind a box: SAM pads points only, SAM 2 takes a box as two points and pads it too."""
        boxes = int(np.sum(labels == BOX_TOP_LEFT))
        return (
            np.pad(coords, ((0, 0), (0, boxes), (0, 0))),
            np.pad(labels, ((0, 0), (0, boxes)), constant_values=PADDING),
        )

    def finished(self, logits: NDArray, iou_predictions: NDArray) -> tuple[NDArray, NDArray]:
        return with_stable_first(logits, iou_predictions)
