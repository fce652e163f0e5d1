"""What is wrong with a model bundle or its decoder."""

from __future__ import annotations

from annotator.errors import MaskwrightError


class UnknownBundle(MaskwrightError):
    code = "unknown_bundle"


class BundleInUse(MaskwrightError):
    code = "bundle_in_use"
    status = 409


class BundleBusy(MaskwrightError):
    code = "bundle_busy"
    status = 409


class BundleRefused(MaskwrightError):
    code = "bundle_refused"


class WeightsUnavailable(MaskwrightError):
    code = "weights_unavailable"


class FetchFailed(WeightsUnavailable):
    """The connection was lost, or no server answered; what has come stays."""

    code = "fetch_failed"


class LicenceNotAccepted(MaskwrightError):
    code = "licence_not_accepted"


class DecoderMissing(MaskwrightError):
    code = "decoder_missing"
    status = 503
