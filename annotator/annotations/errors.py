"""Why an annotation was not saved."""

from __future__ import annotations

from annotator.errors import MaskwrightError
from annotator.models import Annotation


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

    def __init__(self, message: str, current: Annotation) -> None:
        super().__init__(message)
        self.current = current


class AnnotationDeleted(VersionConflict):
    code = "annotation_deleted"


class IdTaken(AnnotationError):
    """The client's UUID belongs to an annotation elsewhere; says nothing about that one."""

    code = "id_taken"
    status = 409
