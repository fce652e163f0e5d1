"""Why an upload, or one file of it, was not taken; and what is wrong with a stored picture."""

from __future__ import annotations

from annotator.errors import MaskwrightError


class UploadError(MaskwrightError):
    code = "upload_refused"


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


class PicturesBusy(UploadError):
    """Other pictures are being decoded, and memory is bounded."""

    code = "pictures_busy"
    status = 503


class DamagedImage(UploadError):
    code = "damaged_image"


class TooManyPixels(UploadError):
    code = "too_many_pixels"


class NoSuchTile(MaskwrightError):
    code = "no_such_tile"
    status = 404


class ImageInTrash(UploadError):
    """`image_id` is the one of the same pixels that was deleted."""

    code = "image_in_trash"

    def __init__(self, message: str, image_id: int) -> None:
        super().__init__(message, extra={"image": image_id})
        self.image_id = image_id


class WrongOffset(UploadError):
    code = "wrong_offset"
    status = 409


class UploadBusy(UploadError):
    """Another request is taking the file in; this one asks again."""

    code = "upload_busy"
    status = 503


class TooManyUploads(UploadError):
    code = "too_many_uploads"
    status = 409


class PartTooLong(UploadError):
    code = "part_too_long"
    status = 413


class UploadIncomplete(UploadError):
    code = "upload_incomplete"
    status = 409


class UploadedImagesGone(UploadError):
    """Images that the upload had brought were deleted for good since; the file can be sent anew."""

    code = "uploaded_images_gone"
    status = 410


class UploadHandedOver(UploadError):
    """An import has the file now."""

    code = "upload_handed_over"
    status = 409


class TusVersion(UploadError):
    code = "tus_version"
    status = 412


class ZipRefused(UploadError):
    code = "zip_refused"
