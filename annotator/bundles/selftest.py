"""Whether an installed bundle works on this machine: files, image encoder, decoder."""

from __future__ import annotations

import time
from dataclasses import dataclass

from annotator.bundles import decoders
from annotator.bundles.encoders import forget_choices, open_encoder
from annotator.bundles.errors import BundleRefused
from annotator.bundles.folders import folder_of
from annotator.errors import MaskwrightError
from annotator.models import Bundle
from segmentation.bundle import load_manifest
from segmentation.decoder.parity import compare_file, sample_image
from segmentation.errors import SegmentationError


@dataclass(frozen=True)
class SelfTest:
    """
    device                  that the image encoder ran on, and the precision where it is not the usual one
    precision_reason        why it ran in that precision; "" where nothing was chosen
    encode_s                seconds for one image, after the encoder was loaded
    max_logit_difference    between the exported decoder and the network, relative to the logits' range
    """

    device: str
    precision_reason: str
    encode_s: float
    max_logit_difference: float


def self_test(bundle: Bundle) -> SelfTest:
    """Reads the bundle's files, embeds a picture, and compares the exported decoder with the network. The precision is
    chosen anew: the machine may have been busy when it was.

    Raises:
        BundleRefused: something of it does not work; the sentence says what.
    """
    try:
        folder = folder_of(bundle)
        digest = load_manifest(folder).digest
        if digest != bundle.digest:
            raise BundleRefused(f"The files of {bundle.name} have changed: their digest is {digest[:12]}.")
        forget_choices(bundle)
        encoder = open_encoder(bundle)  # torch comes in here
        started_s = time.perf_counter()
        encoder.encode(sample_image())
        encode_s = time.perf_counter() - started_s
        difference = compare_file(folder, decoders.local_decoder(bundle))
        difference.require_tolerable(f"The decoder of {bundle.name}")
    except FileNotFoundError as error:
        raise BundleRefused(f"A file of {bundle.name} is missing: {error.filename or error}.") from error
    except (SegmentationError, MaskwrightError) as error:
        raise BundleRefused(f"{bundle.name} does not work here: {error}") from error
    return SelfTest(
        device=encoder.place,
        precision_reason=encoder.choice.reason if encoder.choice else "",
        encode_s=encode_s,
        max_logit_difference=difference.max_relative_logit_difference,
    )
