"""How a program says who it is: `Authorization: Token ...`."""

from __future__ import annotations

from rest_framework.authentication import TokenAuthentication
from rest_framework.exceptions import AuthenticationFailed
from rest_framework.request import Request

from annotator.models import ApiToken, User
from annotator.people import tokens
from annotator.people.errors import NotAllowed


class ApiTokenAuthentication(TokenAuthentication):
    """DRF's header with tokens of which only digests are kept. `request.auth` is the token's row."""

    def authenticate_credentials(self, key: str) -> tuple[User, ApiToken]:
        row = tokens.find(key)
        if row is None:
            raise AuthenticationFailed(
                "This API token is not valid: it expired, was withdrawn, ended with a new password, or never was one. "
                "Make one on your profile page."
            )
        tokens.note_use(row)
        return row.user, row


def require_person(request: Request) -> None:
    """For what a token must not do, since it would outlive the token. Raises NotAllowed."""
    if isinstance(request.auth, ApiToken):
        raise NotAllowed("A token cannot do that. Do it on your profile page, or with your password.")
