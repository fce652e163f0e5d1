"""Domain errors: code, message, HTTP status. One handler turns them into the API's error shape."""

from __future__ import annotations

from typing import Any


class MaskwrightError(Exception):
    """Base of everything the domain refuses.

    Attributes:
        code: stable word a program can test for.
        status: the HTTP status the API answers with.
        fields: field name -> list of sentences, where the fault lies in what was sent.
        extra: further top-level keys of the API's answer (the current row of a conflict).
    """

    code = "error"
    status = 400

    def __init__(
        self, message: str, *, fields: dict[str, list[str]] | None = None, extra: dict[str, Any] | None = None
    ) -> None:
        super().__init__(message)
        self.message = message
        self.fields = fields or {}
        self.extra = extra or {}


class InvalidValue(MaskwrightError):
    code = "invalid"


class NotAllowed(MaskwrightError):
    """The person sees the thing but may not do this with it."""

    code = "not_allowed"
    status = 403


# --- uploads ---
class UploadError(MaskwrightError):
    code = "upload_refused"


class RequestTooLarge(UploadError):
    code = "request_too_large"
    status = 413


class NoFiles(UploadError):
    code = "no_files"


class TooManyFiles(UploadError):
    code = "too_many_files"


class FileTooLarge(UploadError):
    code = "file_too_large"


class EmptyFile(UploadError):
    code = "empty_file"


class NotAnImage(UploadError):
    code = "not_an_image"


class UnsupportedImage(UploadError):
    code = "unsupported_image"


class AnimatedImage(UploadError):
    code = "animated_image"


class DamagedImage(UploadError):
    code = "damaged_image"


class TooManyPixels(UploadError):
    code = "too_many_pixels"


class ZipRefused(UploadError):
    code = "zip_refused"


class AllUploadsFailed(UploadError):
    code = "all_uploads_failed"


# --- bundles and embeddings ---
class NoBundle(MaskwrightError):
    code = "no_bundle"
    status = 503


class UnknownBundle(MaskwrightError):
    code = "unknown_bundle"


class BundleRefused(MaskwrightError):
    code = "bundle_refused"


class DecoderMissing(MaskwrightError):
    code = "decoder_missing"
    status = 503


class BundleMismatch(MaskwrightError):
    code = "bundle_mismatch"
    status = 409


class LeaseLost(MaskwrightError):
    """The job now belongs to another worker, or to none."""

    code = "lease_lost"
    status = 409


class EmbeddingNotFailed(MaskwrightError):
    code = "embedding_not_failed"
    status = 409


# --- annotations ---
class AnnotationError(MaskwrightError):
    code = "annotation_refused"


class InvalidMask(AnnotationError):
    code = "invalid_rle"


class MaskSizeMismatch(AnnotationError):
    code = "mask_size_mismatch"


class EmptyMask(AnnotationError):
    code = "empty_mask"


class UnknownCategory(AnnotationError):
    code = "unknown_category"


class InvalidPrompt(AnnotationError):
    code = "invalid_prompt"


class VersionRequired(AnnotationError):
    code = "version_required"


class VersionConflict(AnnotationError):
    """Somebody else saved in between; `extra["current"]` is filled in by the API from `current`."""

    code = "version_conflict"
    status = 409

    def __init__(self, message: str, current) -> None:
        super().__init__(message)
        self.current = current


class AnnotationDeleted(VersionConflict):
    code = "annotation_deleted"


class IdTaken(AnnotationError):
    """The client's UUID belongs to an annotation elsewhere; says nothing about that one."""

    code = "id_taken"
    status = 409


# --- categories, members, exports ---
class CategoryInUse(MaskwrightError):
    code = "category_in_use"
    status = 409


class LastManager(MaskwrightError):
    code = "last_manager"
    status = 409


class ExportNotReady(MaskwrightError):
    code = "export_not_ready"
    status = 409


class ExportCancelled(MaskwrightError):
    code = "export_cancelled"
    status = 409
