"""Why somebody may not do something, or a member stays."""

from __future__ import annotations

from annotator.errors import MaskwrightError


class LastManager(MaskwrightError):
    code = "last_manager"
    status = 409


class NotAllowed(MaskwrightError):
    """The person sees the thing but may not do this with it."""

    code = "not_allowed"
    status = 403
