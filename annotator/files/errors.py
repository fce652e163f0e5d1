"""What can go wrong with stored files."""

from __future__ import annotations

from annotator.errors import MaskwrightError


class FilesGone(MaskwrightError):
    """Files were swept before their row was written: whoever writes it has slept for longer than the sweep waits."""

    code = "files_gone"
    status = 503
