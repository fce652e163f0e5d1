"""Segment Anything: its network from the transformers library's parts, and a decoder that answers several times faster.

Variants: vit_b, vit_l, vit_h, and `tiny` for tests. One embedding tensor.
"""

from collections.abc import Mapping
from typing import Any

from segmentation.bundle import Bundle
from segmentation.families.family import DecoderFiles, Family, require_variant, with_weights


def _load(bundle: Bundle) -> Any:
    import torch

    from segmentation.families.sam.network import VARIANTS, SamNetwork

    variant = require_variant(bundle, VARIANTS)
    # On the meta device nothing is filled with random numbers first: ViT-H would spend seconds on that.
    with torch.device("meta"):
        model = SamNetwork(VARIANTS[variant])
    return with_weights(model, bundle, assign=True)


def _decoder_files(bundle: Bundle, state: Mapping[str, Any]) -> DecoderFiles:
    from segmentation.families.sam.fast.package import decoder_files
    from segmentation.families.sam.fast.weights import from_transformers

    manifest = bundle.manifest
    ((_, grid, _),) = manifest.embedding.values()
    return decoder_files(from_transformers(state, grid=grid, input_side=manifest.input_side))


FAMILY = Family("sam", _load, decoder_files=_decoder_files, browser_session="sam")
