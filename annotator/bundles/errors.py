"""What is wrong with a model bundle or its decoder."""

from __future__ import annotations

from annotator.errors import MaskwrightError


class UnknownBundle(MaskwrightError):
    code = "unknown_bundle"


class BundleRefused(MaskwrightError):
    code = "bundle_refused"


class DecoderMissing(MaskwrightError):
    code = "decoder_missing"
    status = 503
