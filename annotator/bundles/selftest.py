"""Whether an installed bundle works on this machine: files, image encoder, decoder."""

from __future__ import annotations

import gc
import time
from dataclasses import dataclass

from annotator.bundles import decoders
from annotator.bundles.encoders import forget_choices, open_encoder
from annotator.bundles.errors import BundleRefused
from annotator.bundles.folders import folder_of
from annotator.errors import MaskwrightError
from annotator.models import Bundle
from segmentation.bundle import load_manifest
from segmentation.decoder.parity import compare_files, sample_image
from segmentation.errors import SegmentationError


@dataclass(frozen=True)
class SelfTest:
    """
    device                  that the image encoder ran on, and the precision where it is not the usual one
    precision_reason        why it ran in that precision; "" where nothing was chosen
    encode_s                seconds for one image, after the encoder was loaded
    max_logit_difference    between the exported decoder and the network, relative to the logits' range
    max_package_logit_difference    the same of the decoder package's graphs; None where there are none
    has_kernels             whether the package holds kernels, which run in browsers only and are not compared here
    """

    device: str
    precision_reason: str
    encode_s: float
    max_logit_difference: float
    max_package_logit_difference: float | None
    has_kernels: bool

    @property
    def about_package(self) -> str:
        """What of the decoder package was compared, as the end of a sentence about the decoder; "": there is none."""
        words = []
        if self.max_package_logit_difference is not None:
            words.append(f"its package's graphs by {self.max_package_logit_difference:.0e}")
        if self.has_kernels:
            words.append("its package's kernels, which run in browsers only, were not compared")
        return "; ".join(words)


def self_test(bundle: Bundle) -> SelfTest:
    """Reads the bundle's files, embeds a picture, and compares the exported decoder and its package's graphs with the
    network. The precision is chosen anew: the machine may have been busy when it was.

    Raises:
        BundleRefused: something of it does not work; the sentence says what.
    """
    try:
        folder = folder_of(bundle)
        digest = load_manifest(folder).digest
        if digest != bundle.digest:
            raise BundleRefused(f"The files of {bundle.name} have changed: their digest is {digest[:12]}.")
        forget_choices(bundle)
        device, reason, encode_s = _encoded(bundle)
        gc.collect()  # a large network fits into memory once, perhaps not twice
        found = compare_files(folder, decoders.local_decoder(bundle), decoders.local_package(bundle))
        found.decoder.require_tolerable(f"The decoder of {bundle.name}")
        if found.package:
            found.package.require_tolerable(f"The decoder package of {bundle.name}")
    except FileNotFoundError as error:
        raise BundleRefused(f"A file of {bundle.name} is missing: {error.filename or error}.") from error
    except (SegmentationError, MaskwrightError) as error:
        raise BundleRefused(f"{bundle.name} does not work here: {error}") from error
    return SelfTest(
        device=device,
        precision_reason=reason,
        encode_s=encode_s,
        max_logit_difference=found.decoder.max_relative_logit_difference,
        max_package_logit_difference=found.package.max_relative_logit_difference if found.package else None,
        has_kernels=found.has_kernels,
    )


def _encoded(bundle: Bundle) -> tuple[str, str, float]:
    """Where a picture was embedded, why in that way, and in how many seconds; the network is gone afterwards."""
    encoder = open_encoder(bundle)  # torch comes in here
    started_s = time.perf_counter()
    encoder.encode(sample_image())
    encode_s = time.perf_counter() - started_s
    return encoder.place, encoder.choice.reason if encoder.choice else "", encode_s
