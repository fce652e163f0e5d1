"""Segment Anything and all who kept its decoder: the transformers library's parts behind one of several image encoders,
and a decoder that answers several times faster.

A variant is an image encoder and how images are brought to it: vit_b, vit_l, vit_h; medsam; slimsam_50, slimsam_77;
mobile_sam; tiny_sam; edge_sam; repvit_sam; efficientvit_sam_l0 to _xl1; and `tiny` for tests. One embedding tensor.
HQ-SAM, hq_vit_b to hq_vit_h and hq_vit_tiny, has two, and adds to the decoder.
"""

from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import Any

from segmentation.bundle import Bundle, Manifest
from segmentation.families.family import (
    DecoderFiles,
    DecoderSession,
    EncodeImage,
    Family,
    require_variant,
    with_weights,
)


def _load(bundle: Bundle) -> Any:
    import torch

    from segmentation.families.sam.network import VARIANTS, SamNetwork

    variant = require_variant(bundle, VARIANTS)
    # On the meta device nothing is filled with random numbers first: ViT-H would spend seconds on that.
    with torch.device("meta"):
        model = SamNetwork(VARIANTS[variant])
    return with_weights(model, bundle, assign=True)


def _decoder_files(bundle: Bundle, state: Mapping[str, Any]) -> DecoderFiles:
    from segmentation.families.sam.decoder_weights import from_transformers
    from segmentation.families.sam.network import EMBEDDING_NAME, VARIANTS
    from segmentation.families.two_way.package import decoder_files

    manifest = bundle.manifest
    _, grid, _ = manifest.embedding[EMBEDDING_NAME]
    epsilon = VARIANTS[manifest.variant].decoder_epsilon
    return decoder_files(from_transformers(state, grid, manifest.input_side, epsilon))


def _package_session(package: DecoderFiles) -> DecoderSession:
    from segmentation.families.two_way.package import open_session

    return open_session(package)


def _by_openvino(model: Any) -> Callable[[str], EncodeImage] | None:
    from segmentation.families.sam.encoders.vit_openvino import OpenVinoVit
    from segmentation.families.sam.network import VisionEncoder

    encoder = model.vision_encoder
    if not isinstance(encoder, VisionEncoder):
        return None
    return lambda precision: partial(
        model.encode_image_by, OpenVinoVit(encoder, precision, model.shape.high_quality)
    )


def _convert(source: Path | str, variant: str, *options: Any) -> Manifest:
    from segmentation.families.sam.published import convert

    return convert(source, variant, *options)


FAMILY = Family(
    "sam",
    _load,
    decoder_files=_decoder_files,
    package_session=_package_session,
    by_openvino=_by_openvino,
    browser_session="sam",
    convert=_convert,
)
