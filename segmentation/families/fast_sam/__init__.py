"""FastSAM: a detector that segments everything in an image once; a prompt then chooses among what it found.

Variants: s, x. The network is an ONNX file as Ultralytics' exporter writes it, run by onnxruntime on the CPU. Two
embedding tensors: what was found, and the masks' prototypes. The browser runs one graph, which holds no weights. Mask
inputs are taken and have no effect.
"""

from pathlib import Path
from typing import Any

from segmentation.bundle import Bundle, Manifest
from segmentation.families.family import Family, WeightsInvalid, require_variant


def _load(bundle: Bundle) -> Any:
    from segmentation.families.fast_sam.network import VARIANTS, FastSamNetwork
    from segmentation.families.fast_sam.onnx_file import FileUnfit, from_weights

    shape = VARIANTS[require_variant(bundle, VARIANTS)]
    try:
        return FastSamNetwork(from_weights(bundle.verified_weights()), shape)
    except FileUnfit as error:
        raise WeightsInvalid(
            f"the weights of bundle {bundle.manifest.name} are not FastSAM's: {error}"
        ) from error


def _convert(source: Path | str, variant: str, *options: Any) -> Manifest:
    from segmentation.families.fast_sam.published import convert

    return convert(source, variant, *options)


# A prompt is points or a box: where it is a mask input alone, the padding point stands for "nothing was asked".
FAMILY = Family("fast_sam", _load, needs_a_point=True, convert=_convert, from_onnx=True)
