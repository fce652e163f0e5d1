"""Stored files as answers: conditional, cacheable, streamed."""

from __future__ import annotations

from collections.abc import Callable
from typing import BinaryIO

from django.http import FileResponse, HttpRequest
from django.http.response import HttpResponseBase
from django.utils.cache import get_conditional_response
from drf_spectacular.types import OpenApiTypes

BYTES = OpenApiTypes.BINARY  # a file, in the schema
IMMUTABLE = "private, max-age=31536000, immutable"
REVALIDATE = "private, no-cache"


def file_response(
    request: HttpRequest,
    open_file: Callable[[], BinaryIO],
    *,
    etag: str,
    content_type: str,
    immutable: bool,
    file_name: str = "",
    as_attachment: bool = False,
) -> HttpResponseBase:
    """Streams a file, or answers 304 where the browser has it.

    Args:
        open_file: opens it for reading; called only when the bytes are wanted. Raises FileNotFoundError.
        etag: quoted.
        immutable: the address names the content's digest, so it may be kept without asking again.
    """
    response: HttpResponseBase | None = get_conditional_response(request, etag=etag)
    if response is None:
        response = FileResponse(
            open_file(), content_type=content_type, filename=file_name, as_attachment=as_attachment
        )
        response["ETag"] = etag
    response["Cache-Control"] = IMMUTABLE if immutable else REVALIDATE
    return response
