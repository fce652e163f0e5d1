"""SAM 2, SAM 2.1 and EdgeTAM on single images: their network from the transformers library's parts.

Variants: tiny, small, base_plus, large of SAM 2 and 2.1; edgetam.
Three embedding tensors, at strides 16, 8 and 4; the browser runs one graph.
"""

from pathlib import Path
from typing import Any

from segmentation.bundle import Bundle, Manifest
from segmentation.families.family import Family, require_variant, with_weights


def _load(bundle: Bundle) -> Any:
    import torch

    from segmentation.families.sam2.network import VARIANTS, Sam2Network

    variant = require_variant(bundle, VARIANTS)
    # On the meta device nothing is filled with random numbers first: the large one would spend seconds on that.
    with torch.device("meta"):
        model = Sam2Network(VARIANTS[variant])
    return with_weights(model, bundle, assign=True)


def _convert(source: Path | str, variant: str, *options: Any) -> Manifest:
    from segmentation.families.sam2.published import convert

    return convert(source, variant, *options)


FAMILY = Family("sam2", _load, convert=_convert)
