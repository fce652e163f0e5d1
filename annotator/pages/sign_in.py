"""The sign-in page, and the same as JSON for a page whose person was signed out meanwhile."""

from __future__ import annotations

from typing import Any

from django.contrib.auth.forms import AuthenticationForm
from django.contrib.auth.views import LoginView
from django.http import HttpRequest, HttpResponse, HttpResponseBase, JsonResponse

from annotator.api.base.errors import error_body
from annotator.operations import demo
from annotator.people import login_attempts
from annotator.people.sign_in_form import SignInForm


class SignInView(LoginView):
    template_name = "pages/login.html"
    authentication_form = SignInForm

    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        self.redirect_authenticated_user = not _wants_json(request)
        return super().dispatch(request, *args, **kwargs)

    def form_valid(self, form: AuthenticationForm) -> HttpResponse:
        response: HttpResponse = super().form_valid(form)
        username = form.get_user().get_username()
        if _wants_json(self.request):
            response = JsonResponse({"user": username})
        login_attempts.remember_device(response, username)
        return response

    def form_invalid(self, form: AuthenticationForm) -> HttpResponse:
        if not _wants_json(self.request):
            return super().form_invalid(form)
        fields = {name: [str(sentence) for sentence in errors] for name, errors in form.errors.items()}
        message = next(iter(fields.values()))[0]
        return JsonResponse(error_body("sign_in_refused", message, fields), status=400)

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        return super().get_context_data(**kwargs) | {"has_demo_logins": demo.has_logins()}


def _wants_json(request: HttpRequest) -> bool:
    return request.get_preferred_type(["text/html", "application/json"]) == "application/json"
