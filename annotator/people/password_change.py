"""What a new password ends, whichever way it was set: page, link, admin panel or command line."""

from __future__ import annotations

from typing import Any

from annotator.models import User
from annotator.people import tokens


class WithdrawsTokens:
    """A row of AUTH_PASSWORD_VALIDATORS, because Django tells those of every new password that is saved, and of nothing
    else: a hash that is only made anew in a newer way is not one."""

    def validate(self, password: str, user: Any = None) -> None:
        """Every password will do for this."""

    def password_changed(self, password: str, user: Any = None) -> None:
        if isinstance(user, User):
            tokens.withdraw_all(user)

    def get_help_text(self) -> str:
        return "A new password withdraws all API tokens of the account and signs it out everywhere else."
