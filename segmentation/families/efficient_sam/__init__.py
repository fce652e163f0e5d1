"""EfficientSAM: a plain light image encoder, a prompt encoder of its own, a decoder near SAM's.

Variants: ti, s. One embedding tensor; the browser runs one graph. Mask inputs are taken and have no effect.
"""

from pathlib import Path
from typing import Any

from segmentation.bundle import Bundle, Manifest
from segmentation.families.family import Family, require_variant, with_weights


def _load(bundle: Bundle) -> Any:
    import torch

    from segmentation.families.efficient_sam.network import VARIANTS, EfficientSamNetwork

    variant = require_variant(bundle, VARIANTS)
    with torch.device("meta"):
        model = EfficientSamNetwork(VARIANTS[variant])
    return with_weights(model, bundle, assign=True)


def _convert(source: Path | str, variant: str, *options: Any) -> Manifest:
    from segmentation.families.efficient_sam.published import convert

    return convert(source, variant, *options)


FAMILY = Family("efficient_sam", _load, convert=_convert)
