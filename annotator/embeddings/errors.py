"""Why an embedding cannot be had."""

from __future__ import annotations

from annotator.errors import MaskwrightError


class NoBundle(MaskwrightError):
    code = "no_bundle"
    status = 503


class BundleMismatch(MaskwrightError):
    code = "bundle_mismatch"
    status = 409


class InvalidRegion(MaskwrightError):
    code = "invalid_region"
    status = 400


class EmbeddingNotFailed(MaskwrightError):
    code = "embedding_not_failed"
    status = 409
