"""Headers every response carries."""

from __future__ import annotations

from collections.abc import Callable

from django.http import HttpRequest, HttpResponse

# Together they make every page cross-origin isolated, which the browser asks for before it gives threads to WASM.
ISOLATION_HEADERS = {
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Embedder-Policy": "require-corp",
    "Cross-Origin-Resource-Policy": "same-origin",
}
# Images drawn from the canvas and thumbnails made in the page are blob: and data: URLs; onnxruntime compiles WASM and
# starts its threads from blob: URLs. Styles are set on elements by script (CSSOM), but Django's admin has inline ones.
CONTENT_SECURITY_POLICY = (
    "default-src 'self'; script-src 'self' 'wasm-unsafe-eval'{scripts}; worker-src 'self' blob:; "
    "connect-src 'self' blob: data:; "
    "img-src 'self' blob: data:; style-src 'self' 'unsafe-inline'; font-src 'self' data:; object-src 'none'; "
    "base-uri 'self'; form-action 'self'; frame-ancestors 'none'"
)
# Swagger UI's start-up script is inline in drf-spectacular's template.
PATHS_WITH_INLINE_SCRIPT = ("/api/docs/",)


class IsolationHeadersMiddleware:
    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        response = self.get_response(request)
        for name, value in ISOLATION_HEADERS.items():
            response.headers[name] = value
        scripts = " 'unsafe-inline'" if request.path.startswith(PATHS_WITH_INLINE_SCRIPT) else ""
        response.headers.setdefault(
            "Content-Security-Policy", CONTENT_SECURITY_POLICY.format(scripts=scripts)
        )
        return response
