"""Why an export cannot be fetched, a version not used, and an import not changed or started."""

from __future__ import annotations

from annotator.errors import MaskwrightError
from annotator.models import Image


class ExportNotReady(MaskwrightError):
    code = "export_not_ready"
    status = 409


class VersionNotReady(MaskwrightError):
    code = "version_not_ready"
    status = 409


class VersionInUse(MaskwrightError):
    code = "version_in_use"
    status = 409


class PictureMissing(MaskwrightError):
    """The stored file of an image is not there."""

    code = "picture_missing"
    status = 503

    def __init__(self, image: Image) -> None:
        super().__init__(
            f"The picture of the image {image.name} (number {image.pk}) is missing from the server's storage. Restore "
            "it, or delete the image."
        )
        self.image = image


class ExportLinkExpired(MaskwrightError):
    code = "export_link_expired"
    status = 410


class ImportBusy(MaskwrightError):
    """A worker is at it, or it has come in already."""

    code = "import_busy"
    status = 409


class ImportNotExamined(MaskwrightError):
    code = "import_not_examined"
    status = 409


class ImageRefused(MaskwrightError):
    """One image of a dataset cannot come in, and none of its annotations."""

    code = "import_image_refused"

    def __init__(self, reason: str, message: str) -> None:
        super().__init__(message)
        self.reason = reason  # one word, for the table of problems
