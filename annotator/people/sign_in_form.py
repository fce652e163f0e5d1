"""The sign-in form."""

from __future__ import annotations

from django.conf import settings
from django.contrib.auth.forms import AuthenticationForm
from django.core.exceptions import ValidationError

from annotator.people.login_attempts import is_blocked


class SignInForm(AuthenticationForm):
    """Django's, with our words; too many failures are answered with how long to wait."""

    error_messages = AuthenticationForm.error_messages | {
        "invalid_login": "User name or password is wrong. Capital and small letters matter in both.",
        "inactive": "This account is switched off. Ask an administrator.",
    }

    def clean(self) -> dict:
        username = self.cleaned_data.get("username")
        if username and is_blocked(self.request, username):
            minutes = max(1, settings.LOGIN_FAILURES_WINDOW_S // 60)
            raise ValidationError(
                f"Too many failed attempts. Wait {minutes} minutes, then try again.", code="blocked"
            )
        return super().clean()
