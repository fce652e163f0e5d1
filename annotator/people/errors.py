"""Why a member stays, or keeps the role."""

from __future__ import annotations

from annotator.errors import MaskwrightError


class LastManager(MaskwrightError):
    code = "last_manager"
    status = 409
