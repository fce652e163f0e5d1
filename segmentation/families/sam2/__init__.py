"""SAM 2, SAM 2.1 and EdgeTAM on single images: their network from the transformers library's parts.

Variants: tiny, small, base_plus, large of SAM 2 and 2.1; edgetam.
Three embedding tensors, at strides 16, 8 and 4; the decoder is the two-way one that answers several times faster.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from segmentation.bundle import Bundle, Manifest
from segmentation.families.family import DecoderFiles, DecoderSession, Family, require_variant, with_weights


def _load(bundle: Bundle) -> Any:
    import torch

    from segmentation.families.sam2.network import VARIANTS, Sam2Network

    variant = require_variant(bundle, VARIANTS)
    # On the meta device nothing is filled with random numbers first: the large one would spend seconds on that.
    with torch.device("meta"):
        model = Sam2Network(VARIANTS[variant])
    return with_weights(model, bundle, assign=True)


def _decoder_files(bundle: Bundle, state: Mapping[str, Any]) -> DecoderFiles:
    from segmentation.families.sam2.fast import decoder_weights, package_files
    from segmentation.families.sam2.network import IMAGE, LOGIT_LIMIT

    manifest = bundle.manifest
    _, grid, _ = manifest.embedding[IMAGE]
    return package_files(decoder_weights(state, grid, manifest.input_side, LOGIT_LIMIT))


def _package_session(package: DecoderFiles) -> DecoderSession:
    from segmentation.families.sam2.fast import package_session

    return package_session(package)


def _convert(source: Path | str, variant: str, *options: Any) -> Manifest:
    from segmentation.families.sam2.published import convert

    return convert(source, variant, *options)


FAMILY = Family(
    "sam2",
    _load,
    decoder_files=_decoder_files,
    package_session=_package_session,
    browser_session="sam2",
    convert=_convert,
)
