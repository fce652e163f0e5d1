"""Passwords: asked for once more, changed, forgotten."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

from django import forms
from django.conf import settings
from django.contrib.auth.forms import PasswordChangeForm, PasswordResetForm, SetPasswordForm
from django.contrib.auth.tokens import default_token_generator
from django.core.exceptions import ValidationError
from django.db.models import Q
from django.http import HttpRequest
from django.urls import reverse
from django.utils import timezone
from django.utils.encoding import force_bytes
from django.utils.http import urlsafe_base64_encode

from annotator.models import User
from annotator.people import login_attempts
from annotator.people.errors import NotAllowed, WrongPassword

MAIL_EVERY_S = 300  # of one account; whoever types somebody's address again and again fills no mailbox
NOT_THE_SAME = {"password_mismatch": "The two passwords are not the same."}


def check_own(request: HttpRequest, user: User, password: str, field: str = "password") -> None:
    """Asks for the password once more, before something that takes the account over. Guesses count as failed sign-ins.

    Raises:
        WrongPassword: it is another one, or there were too many guesses; said of `field`.
    """
    username = user.get_username()
    if not login_attempts.begin(request, username):
        minutes = max(1, settings.LOGIN_FAILURES_WINDOW_S // 60)
        raise WrongPassword.of_field(
            field, f"Too many wrong passwords. Wait {minutes} minutes, then try again."
        )
    if not user.check_password(password):
        raise WrongPassword.of_field(field, "This is not your present password.")
    login_attempts.give_back(request, username)


def link_path(user: User, maker: User | None = None) -> str:
    """The path of a page where whoever has it sets the user's password: once, and until the user signs in or
    PASSWORD_LINK_HOURS are over.

    Args:
        maker: the administrator who asks for it; None: whoever is at the command line, who may do everything.

    Raises:
        NotAllowed: the account is switched off, or is a superuser's and the maker is none.
    """
    if not user.is_active:
        raise NotAllowed(f"{user.get_username()} is switched off. Activate the account first.")
    if user.is_superuser and maker and not maker.is_superuser:
        raise NotAllowed("Only a superuser makes a link for a superuser's password.")
    uid = urlsafe_base64_encode(force_bytes(user.pk))
    return reverse("password-new", args=[uid, default_token_generator.make_token(user)])


class NewPasswordForm(SetPasswordForm):
    """Django's, with our words."""

    error_messages = {**SetPasswordForm.error_messages, **NOT_THE_SAME}


class ChangeForm(PasswordChangeForm):
    """Django's; guesses at the old password are slowed down."""

    error_messages = {**PasswordChangeForm.error_messages, **NOT_THE_SAME}

    def __init__(self, user: User, request: HttpRequest, *args: Any, **kwargs: Any) -> None:
        self.request = request
        super().__init__(user, *args, **kwargs)

    def clean_old_password(self) -> str:
        password = self.cleaned_data["old_password"]
        try:
            check_own(self.request, self.user, password)
        except WrongPassword as error:
            raise ValidationError(error.message) from error
        return password


class ForgottenForm(PasswordResetForm):
    """Django's; an account gets one e-mail in MAIL_EVERY_S, and the page says the same whoever exists."""

    email = forms.EmailField(max_length=254)

    def get_users(self, email: str) -> Iterator[User]:
        now = timezone.now()
        is_due = Q(password_mail_at=None) | Q(password_mail_at__lte=now - timedelta(seconds=MAIL_EVERY_S))
        for user in super().get_users(email):
            if User.objects.filter(is_due, pk=user.pk).update(password_mail_at=now):
                yield user
