"""FastSAM (Zhao et al. 2023, arXiv 2306.12156), put together: the ONNX file, what it found, and what prompts choose."""

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from segmentation.bundle import DEFAULT_OUTPUTS
from segmentation.families.fast_sam import onnx_file
from segmentation.families.fast_sam.decoder import PromptDecoder
from segmentation.families.fast_sam.instances import COEFFICIENTS, ROWS, SLOTS, find_instances
from segmentation.frames import PAD

FAMILY_NAME = "fast_sam"
PROTOTYPES, INSTANCES = "prototypes", "instances"
LICENCE = "AGPL-3.0"
# The network takes 0..1, padded with this grey. Padding is 0 once an image is normalised, so the grey is the mean here,
# and is added again before the network.
GREY = 114.0
WHITE = 255.0
MASK_THRESHOLD = 0.0
STRIDES = (8, 16, 32)  # of the places at which the network looks for instances
PROTOTYPE_STRIDE = 4


@dataclass(frozen=True, kw_only=True)
class FastSamShape:
    """What distinguishes the published networks from each other (and from the tests' small one).

    title       for people
    stem        channels of the first convolution, by which a file is known
    input_side  pixels
    """

    title: str
    stem: int
    input_side: int = 1024

    @property
    def low_res_side(self) -> int:
        return self.input_side // PROTOTYPE_STRIDE

    @property
    def outputs(self) -> tuple[tuple[int, ...], tuple[int, ...]]:
        """Shapes of what the ONNX file gives: predictions and prototypes."""
        places = sum((self.input_side // stride) ** 2 for stride in STRIDES)
        return (1, ROWS, places), (1, COEFFICIENTS, self.low_res_side, self.low_res_side)


# YOLOv8's widths for s and x. Source: Ultralytics, cfg/models/v8/yolov8-seg.yaml.
VARIANTS = {
    "s": FastSamShape(title="FastSAM-s", stem=32),
    "x": FastSamShape(title="FastSAM-x", stem=80),
}


class FastSamNetwork(nn.Module):
    """`encode_image` and `decode` as `segmentation.families`.

    Args:
        content: the ONNX file.

    Raises:
        onnx_file.FileUnfit: it is not this network's.
    """

    def __init__(self, content: bytes, shape: FastSamShape) -> None:
        super().__init__()
        onnx_file.check(content, shape.input_side, shape.outputs)
        self.shape = shape
        self._session = onnx_file.open_session(content, torch.get_num_threads())
        self.decoder = PromptDecoder(shape.input_side, shape.low_res_side)

    def encode_image(self, pixels: Tensor) -> dict[str, Tensor]:
        predictions, prototypes = self.run(pixels)
        slots = find_instances(predictions[0], prototypes[0], self.shape.input_side)
        return {
            PROTOTYPES: torch.from_numpy(prototypes).to(pixels.device),
            INSTANCES: torch.from_numpy(slots)[None, :, None].to(pixels.device),
        }

    def run(self, pixels: Tensor) -> Any:
        """(1, 3, side, side), normalised, to the file's two outputs as float32 arrays, on the CPU."""
        picture = (pixels.float().cpu() + GREY / WHITE).numpy()
        return self._session.run(None, {self._session.get_inputs()[0].name: picture})

    def decode(
        self,
        embedding: dict[str, Tensor],
        point_coords: Tensor,
        point_labels: Tensor,
        mask_input: Tensor,
        has_mask_input: Tensor,
    ) -> tuple[Tensor, Tensor]:
        # There is nothing that could take a mask. Nothing of it counts, but the graph keeps the inputs that every
        # decoder has.
        nothing = 0 * (has_mask_input + mask_input[:, 0, 0, 0])
        logits, predictions = self.decoder(
            embedding[PROTOTYPES][0], embedding[INSTANCES][0, :, 0], point_coords[0], point_labels[0]
        )
        return logits[None], (predictions + nothing)[None]


def manifest_fields(name: str, variant: str, title: str, licence: str) -> dict:
    """The fields of a FastSAM bundle's manifest, for `segmentation.bundle.write_manifest`."""
    shape = VARIANTS[variant]
    side = shape.low_res_side
    return {
        "name": name,
        "family": FAMILY_NAME,
        "variant": variant,
        "title": title,
        "licence": licence,
        "input_side": shape.input_side,
        "fit": PAD,
        "takes_mask": False,
        "pixel_mean": [GREY] * 3,
        "pixel_std": [WHITE] * 3,
        "mask_threshold": MASK_THRESHOLD,
        "low_res_side": side,
        # One channel for each quantity: an int8 embedding has a scale for each.
        "embedding": {PROTOTYPES: [COEFFICIENTS, side, side], INSTANCES: [ROWS, 1, SLOTS]},
        "outputs": DEFAULT_OUTPUTS.as_dict(),
    }
