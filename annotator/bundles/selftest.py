"""Whether an installed bundle works on this machine: files, image encoder, decoder."""

from __future__ import annotations

import time
from dataclasses import dataclass

from django.conf import settings

from annotator.bundles import decoders
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
    device                  that the image encoder ran on
    encode_s                seconds for one image, after the encoder was loaded
    max_logit_difference    between the exported decoder and the network, relative to the logits' range
    """

    device: str
    encode_s: float
    max_logit_difference: float


def self_test(bundle: Bundle) -> SelfTest:
    """Reads the bundle's files, embeds a picture, and compares the exported decoder with the network.

    Raises:
        BundleRefused: something of it does not work; the sentence says what.
    """
    from segmentation.encoder import ImageEncoder  # torch comes in here

    try:
        folder = folder_of(bundle)
        digest = load_manifest(folder).digest
        if digest != bundle.digest:
            raise BundleRefused(f"The files of {bundle.name} have changed: their digest is {digest[:12]}.")
        encoder = ImageEncoder(folder, device=settings.DEVICE)
        started_s = time.perf_counter()
        encoder.encode(sample_image())
        encode_s = time.perf_counter() - started_s
        difference = compare_file(folder, decoders.local_decoder(bundle))
        difference.require_tolerable(f"The decoder of {bundle.name}")
    except FileNotFoundError as error:
        raise BundleRefused(f"A file of {bundle.name} is missing: {error.filename or error}.") from error
    except (SegmentationError, MaskwrightError) as error:
        raise BundleRefused(f"{bundle.name} does not work here: {error}") from error
    return SelfTest(str(encoder.device), encode_s, difference.max_relative_logit_difference)
