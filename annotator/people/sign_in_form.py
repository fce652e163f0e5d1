"""The sign-in form."""

from __future__ import annotations

from django.conf import settings
from django.contrib.auth.forms import AuthenticationForm
from django.core.exceptions import ValidationError

from annotator.people.login_attempts import was_refused


class SignInForm(AuthenticationForm):
    """Django's, with our words; too many failures are answered with how long to wait."""

    error_messages = AuthenticationForm.error_messages | {
        "invalid_login": "User name or password is wrong. Capital and small letters matter in both.",
        "inactive": "This account is switched off. Ask an administrator.",
    }

    def get_invalid_login_error(self) -> ValidationError:
        if not was_refused(self.request):
            return super().get_invalid_login_error()
        minutes = max(1, settings.LOGIN_FAILURES_WINDOW_S // 60)
        return ValidationError(
            f"Too many failed attempts. Wait {minutes} minutes, then try again.", code="blocked"
        )
