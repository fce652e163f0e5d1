"""What can go wrong with stored files."""

from __future__ import annotations

from annotator.errors import MaskwrightError
from annotator.site.full_disk import SENTENCE


class StorageFull(MaskwrightError):
    """Of one file of several; where it is all, the API makes this of the error itself."""

    code = "storage_full"
    status = 507

    def __init__(self) -> None:
        super().__init__(SENTENCE)


class FilesGone(MaskwrightError):
    """Files were swept before their row was written: whoever writes it has slept for longer than the sweep waits."""

    code = "files_gone"
    status = 503
