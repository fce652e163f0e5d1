"""Passwords changed, forgotten and set anew: Django's views, in our pages."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.contrib import messages
from django.contrib.auth import views
from django.contrib.auth.forms import PasswordChangeForm, SetPasswordForm
from django.contrib.auth.password_validation import password_validators_help_texts
from django.db import transaction
from django.http import HttpResponse
from django.urls import reverse_lazy

from annotator.people.passwords import ChangeForm, ForgottenForm, NewPasswordForm


class PasswordChangeView(views.PasswordChangeView):
    template_name = "pages/password_change.html"
    form_class = ChangeForm
    success_url = reverse_lazy("profile")

    def get_form_kwargs(self) -> dict[str, Any]:
        return super().get_form_kwargs() | {"request": self.request}

    def form_valid(self, form: PasswordChangeForm) -> HttpResponse:
        # The tokens end with the password, or neither does.
        with transaction.atomic():
            response = super().form_valid(form)
        messages.success(self.request, "Your password is changed. API tokens made before it no longer work.")
        return response

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        return super().get_context_data(**kwargs) | {"rules": password_validators_help_texts()}


class PasswordForgottenView(views.PasswordResetView):
    template_name = "pages/password_forgotten.html"
    form_class = ForgottenForm
    success_url = reverse_lazy("password-sent")
    subject_template_name = "mail/password_subject.txt"
    email_template_name = "mail/password.txt"
    extra_email_context = {"hours": settings.PASSWORD_RESET_TIMEOUT // 3600}

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        return super().get_context_data(**kwargs) | {"sends_mail": bool(settings.EMAIL_URL)}


class PasswordSentView(views.PasswordResetDoneView):
    template_name = "pages/password_sent.html"
    extra_context = {"sends_mail": bool(settings.EMAIL_URL), "hours": settings.PASSWORD_RESET_TIMEOUT // 3600}


class PasswordNewView(views.PasswordResetConfirmView):
    """Where the link of an e-mail, or of an administrator, leads."""

    template_name = "pages/password_new.html"
    form_class = NewPasswordForm
    success_url = reverse_lazy("login")

    def form_valid(self, form: SetPasswordForm) -> HttpResponse:
        with transaction.atomic():
            response = super().form_valid(form)
        messages.success(self.request, "Your new password is set. Sign in with it.")
        return response

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        return super().get_context_data(**kwargs) | {"rules": password_validators_help_texts()}

    def render_to_response(self, context: dict[str, Any], **kwargs: Any) -> HttpResponse:
        return super().render_to_response(context, status=200 if self.validlink else 410, **kwargs)
