"""What stands before every view: headers that isolate the pages in the browser, and addresses that are refused."""

from __future__ import annotations

from collections.abc import Callable

from django.http import HttpRequest, HttpResponse, HttpResponseBadRequest, JsonResponse, StreamingHttpResponse

# Together they make every page cross-origin isolated, which the browser asks for before it gives threads to WASM.
ISOLATION_HEADERS = {
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Embedder-Policy": "require-corp",
    "Cross-Origin-Resource-Policy": "same-origin",
}
# In the shape of Django 6's SECURE_CSP, which can take it over.
CONTENT_SECURITY_POLICY = {
    "default-src": ["'self'"],
    "script-src": ["'self'", "'wasm-unsafe-eval'"],
    "worker-src": ["'self'", "blob:"],  # onnxruntime compiles WASM and starts its threads from blob: URLs
    "connect-src": ["'self'", "blob:", "data:"],
    "img-src": ["'self'", "blob:", "data:"],  # from the canvas, and thumbnails made in the page
    # Django's admin has inline ones; ours are set by script (CSSOM).
    "style-src": ["'self'", "'unsafe-inline'"],
    "font-src": ["'self'", "data:"],
    "object-src": ["'none'"],
    "base-uri": ["'self'"],
    "form-action": ["'self'"],
    "frame-ancestors": ["'none'"],
}
# Swagger UI's start-up script is inline in drf-spectacular's template.
PATHS_WITH_INLINE_SCRIPT = ("/api/docs/",)


class SecurityHeadersMiddleware:
    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        response = self.get_response(request)
        for name, value in ISOLATION_HEADERS.items():
            response.headers[name] = value
        response.headers.setdefault("Content-Security-Policy", _policy(request.path))
        return response


class HeadMiddleware:
    """Answers HEAD with the headers that GET has and without a body, as RFC 9110, section 9.3.2, wants it: web servers
    drop such a body, and gunicorn writes a warning for each."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        response = self.get_response(request)
        if request.method == "HEAD":
            if isinstance(response, StreamingHttpResponse):
                response.streaming_content = iter(())  # its file is closed with the response
            else:
                response.headers.setdefault("Content-Length", str(len(response.content)))
                response.content = b""
        return response


class NoNulMiddleware:
    """Refuses addresses with a NUL character: no text of ours has one, and PostgreSQL takes none."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        query = request.META.get("QUERY_STRING", "")
        if "\0" not in request.path_info and "%00" not in query and "\0" not in query:
            return self.get_response(request)
        message = "The address has a NUL character."
        if request.path_info.startswith("/api/"):
            error = {"code": "bad_request", "message": message, "fields": {}}
            return JsonResponse({"error": error}, status=400)
        return HttpResponseBadRequest(message, content_type="text/plain")


def _policy(path: str) -> str:
    policy = CONTENT_SECURITY_POLICY
    if path.startswith(PATHS_WITH_INLINE_SCRIPT):
        policy = policy | {"script-src": [*policy["script-src"], "'unsafe-inline'"]}
    return "; ".join(f"{directive} {' '.join(sources)}" for directive, sources in policy.items())
