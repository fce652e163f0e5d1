"""What machines ask of a server: /healthz, /readyz and /metrics.

They are answered before anything else: load balancers ask by an address that is none of ALLOWED_HOSTS, and without TLS.
"""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable

from django.conf import settings
from django.db import DatabaseError
from django.http import HttpRequest, HttpResponse, JsonResponse

from annotator.operations import health, metrics


class ProbesMiddleware:
    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        answer = PROBES.get(request.path_info)
        if answer is None:
            return self.get_response(request)
        if request.method not in ("GET", "HEAD"):
            return HttpResponse(status=405, headers={"Allow": "GET, HEAD"})
        response = answer(request)
        response.headers["Cache-Control"] = "no-store"
        return response


class CountingMiddleware:
    """Counts requests and their seconds."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        started_s = time.perf_counter()
        response = self.get_response(request)
        found = request.resolver_match
        view = (found and found.view_name) or metrics.NO_VIEW
        method = request.method if request.method in KNOWN_METHODS else "other"
        metrics.REQUESTS.labels(view, method, response.status_code).inc()
        metrics.REQUEST_SECONDS.labels(view).observe(time.perf_counter() - started_s)
        return response


KNOWN_METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS")


def _healthz(request: HttpRequest) -> HttpResponse:
    """The process answers; nothing else is looked at, so that no orchestrator kills it for a database that is away."""
    return HttpResponse("ok\n", content_type="text/plain")


def _readyz(request: HttpRequest) -> HttpResponse:
    """200, or 503 with the part that does not work."""
    parts = health.readiness()
    is_ready = all(state == health.OK for state in parts.values())
    return JsonResponse(parts, status=200 if is_ready else 503)


def _metrics(request: HttpRequest) -> HttpResponse:
    """For whoever sends METRICS_TOKEN; without one there is no such page."""
    wanted = settings.METRICS_TOKEN
    if not wanted:
        return HttpResponse("Set METRICS_TOKEN to have metrics.\n", status=404, content_type="text/plain")
    given = request.headers.get("Authorization", "").removeprefix("Bearer ")
    if not secrets.compare_digest(given.encode(), wanted.encode()):
        return HttpResponse(
            "Send METRICS_TOKEN: Authorization: Bearer ...\n",
            status=401,
            content_type="text/plain",
            headers={"WWW-Authenticate": "Bearer"},
        )
    try:
        return HttpResponse(metrics.text(), content_type="text/plain; version=0.0.4; charset=utf-8")
    except DatabaseError:
        return HttpResponse("The database is away.\n", status=503, content_type="text/plain")


PROBES: dict[str, Callable[[HttpRequest], HttpResponse]] = {
    "/healthz": _healthz,
    "/readyz": _readyz,
    "/metrics": _metrics,
}
