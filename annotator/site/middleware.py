"""Headers that every response carries: the browser isolates the pages and runs nobody else's code in them."""

from __future__ import annotations

from collections.abc import Callable

from django.http import HttpRequest, HttpResponse

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


def _policy(path: str) -> str:
    policy = CONTENT_SECURITY_POLICY
    if path.startswith(PATHS_WITH_INLINE_SCRIPT):
        policy = policy | {"script-src": [*policy["script-src"], "'unsafe-inline'"]}
    return "; ".join(f"{directive} {' '.join(sources)}" for directive, sources in policy.items())
