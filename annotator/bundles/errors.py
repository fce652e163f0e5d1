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
    """
    Attributes:
        on_page: the sentence for the page of models, which has no options of a command line.
    """

    code = "weights_unavailable"

    def __init__(self, message: str, *, on_page: str = "") -> None:
        super().__init__(message)
        self.on_page = on_page or message


class FetchFailed(WeightsUnavailable):
    """The connection was lost, or no server answered; what has come stays."""

    code = "fetch_failed"


class DownloadBusy(WeightsUnavailable):
    """Another process fetches the same file."""

    code = "download_busy"


class DownloadStopped(WeightsUnavailable):
    """Whoever wanted the file stopped; what has come stays."""

    code = "download_stopped"


class DigestNotAccepted(MaskwrightError):
    """Nobody publishes the digest of a file; the one found has to be accepted by a person.

    Attributes:
        sha256: the one found.
        on_page: the sentence for the page of models, which has no options of a command line.
    """

    code = "digest_not_accepted"

    def __init__(self, message: str, sha256: str, *, on_page: str = "") -> None:
        super().__init__(message)
        self.sha256 = sha256
        self.on_page = on_page or message


class LicenceNotAccepted(MaskwrightError):
    code = "licence_not_accepted"


class DecoderMissing(MaskwrightError):
    code = "decoder_missing"
    status = 503
