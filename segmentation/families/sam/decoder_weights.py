"""SAM's prompt encoder and mask decoder as the two-way decoder takes them, whichever package they come from.

MobileSAM, MedSAM, EdgeSAM and HQ-SAM share their names. numpy only: nothing here imports torch.
"""

from collections.abc import Mapping

from numpy.typing import NDArray

from segmentation.families.sam.names import to_meta
from segmentation.families.two_way.weights import DecoderWeights


def from_segment_anything(
    state: Mapping[str, NDArray], grid: int = 64, input_side: int = 1024, norm_epsilon: float = 1e-5
) -> DecoderWeights:
    """From the state of `segment_anything`'s Sam (the image encoder's part is left out)."""
    kept = {name: value for name, value in state.items() if _is_decoder(name)}
    return DecoderWeights(kept, grid, input_side, norm_epsilon)


def from_transformers(
    state: Mapping[str, NDArray], grid: int = 64, input_side: int = 1024, norm_epsilon: float = 1e-5
) -> DecoderWeights:
    """From the state of transformers' SamModel, or of `segmentation.families.sam.network.SamNetwork`."""
    renamed = {to_meta(name): value for name, value in state.items()}
    return from_segment_anything(renamed, grid, input_side, norm_epsilon)


def _is_decoder(name: str) -> bool:
    return name.startswith(("mask_decoder.", "prompt_encoder."))
