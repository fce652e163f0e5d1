"""How large a request's body may be: little everywhere, more where a view says so.

Nothing that anybody sends without signing in is then worth a file on the server's disk: views that take more ask who
sends before they read. The announced size is what is checked: neither Django nor gunicorn reads beyond it. A body
that does not announce its size is refused, since Django would take it for an empty one.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django.conf import settings
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import render

from annotator.api.base.errors import error_body
from annotator.site.environment import MEBIBYTE

USUAL_LIMIT = "MAX_FORM_BYTES"


class BodyLimitMiddleware:
    """Refuses by size, once the view is known and before anything reads the body.

    A view class that takes more than MAX_FORM_BYTES names the setting of its limit as `body_limit`.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        return self.get_response(request)

    def process_view(
        self, request: HttpRequest, view: Callable, args: tuple, kwargs: dict[str, Any]
    ) -> HttpResponse | None:
        if "HTTP_TRANSFER_ENCODING" in request.META:
            message = "Send the request with its length in the header Content-Length, not in chunks."
            return _refusal(request, 411, "length_required", message)
        most_bytes = getattr(settings, getattr(getattr(view, "cls", None), "body_limit", USUAL_LIMIT))
        if _announced_bytes(request) <= most_bytes:
            return None
        size = f"{most_bytes // MEBIBYTE} MiB" if most_bytes >= MEBIBYTE else f"{most_bytes} bytes"
        return _refusal(
            request, 413, "request_too_large", f"The request is larger than {size}; send less at once."
        )


def _announced_bytes(request: HttpRequest) -> int:
    try:
        return int(request.META.get("CONTENT_LENGTH") or 0)
    except ValueError:
        return 0  # as Django reads it


def _refusal(request: HttpRequest, status: int, code: str, message: str) -> HttpResponse:
    if request.path.startswith("/api/"):
        return JsonResponse(error_body(code, message), status=status)
    return render(request, "413.html", {"message": message}, status=status)
