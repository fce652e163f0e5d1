"""The sign-in page."""

from __future__ import annotations

from typing import Any

from django.contrib.auth.views import LoginView

from annotator.operations import demo
from annotator.people.sign_in_form import SignInForm


class SignInView(LoginView):
    template_name = "pages/login.html"
    authentication_form = SignInForm
    redirect_authenticated_user = True

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        return super().get_context_data(**kwargs) | {"has_demo_logins": demo.has_logins()}
