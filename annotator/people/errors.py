"""Why somebody may not do something, or a member stays."""

from __future__ import annotations

from annotator.errors import InvalidValue, MaskwrightError


class LastManager(MaskwrightError):
    code = "last_manager"
    status = 409


class NotAllowed(MaskwrightError):
    """The person sees the thing but may not do this with it."""

    code = "not_allowed"
    status = 403


class TooManyTokens(MaskwrightError):
    code = "too_many_tokens"
    status = 409


class InvitationOver(MaskwrightError):
    """The link has expired, was used up, or its maker may not invite any more."""

    code = "invitation_over"
    status = 410


class WrongPassword(InvalidValue):
    """The person's own password, asked for before something that takes an account over, is another one."""

    code = "wrong_password"
