"""Stored files as answers: conditional, cacheable, streamed, and in parts where a download goes on."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import BinaryIO

from django.http import FileResponse, HttpRequest, HttpResponse, StreamingHttpResponse
from django.http.response import HttpResponseBase
from django.utils.cache import get_conditional_response
from drf_spectacular.types import OpenApiTypes

BYTES = OpenApiTypes.BINARY  # a file, in the schema
IMMUTABLE = "private, max-age=31536000, immutable"
REVALIDATE = "private, no-cache"
BLOCK_BYTES = 256 * 1024
# One range; several at once may be answered by the whole file, and nobody asks for them.
ONE_RANGE = re.compile(r"bytes=\s*([0-9]{0,18})-([0-9]{0,18})\s*")


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
    """Streams a file or the part of it that is asked for, or answers 304 where the browser has it.

    Source of Range and If-Range: RFC 9110, sections 13.1.5 and 14.

    Args:
        open_file: opens it for reading; called only when the bytes are wanted. Raises FileNotFoundError.
        etag: quoted, and strong: another one for other bytes.
        immutable: the address names the content's digest, so it may be kept without asking again.
    """
    response: HttpResponseBase | None = get_conditional_response(request, etag=etag)
    if response is None:
        file = open_file()
        # It makes the headers, and has the file's length among them.
        whole = FileResponse(file, content_type=content_type, filename=file_name, as_attachment=as_attachment)
        response = _part(request, whole, file, etag) or whole
        response["Accept-Ranges"] = "bytes"
        response["ETag"] = etag
    response["Cache-Control"] = IMMUTABLE if immutable else REVALIDATE
    return response


def _part(request: HttpRequest, whole: FileResponse, file: BinaryIO, etag: str) -> HttpResponseBase | None:
    """206 or 416; None where the whole file is the answer."""
    wanted = ONE_RANGE.fullmatch(request.headers.get("Range", ""))
    # With If-Range, a part is of use only to who has the beginning of these very bytes.
    is_other_file = request.headers.get("If-Range", etag) != etag
    if request.method != "GET" or wanted is None or not any(wanted.groups()) or is_other_file:
        return None
    if "Content-Length" not in whole:  # a storage that does not know it
        return None
    length = int(whole["Content-Length"])
    first, last = _places(wanted[1], wanted[2], length)
    if wanted[1] and wanted[2] and int(wanted[1]) > int(wanted[2]):
        return None  # no range at all: such a header is not there
    if first >= length or last < first:
        whole.close()
        return HttpResponse(status=416, headers={"Content-Range": f"bytes */{length}"})
    file.seek(first)
    response = StreamingHttpResponse(
        _Bytes(file, last - first + 1), status=206, content_type=whole["Content-Type"]
    )
    response["Content-Length"] = str(last - first + 1)
    response["Content-Range"] = f"bytes {first}-{last}/{length}"
    if "Content-Disposition" in whole:
        response["Content-Disposition"] = whole["Content-Disposition"]
    return response


def _places(first: str, last: str, length: int) -> tuple[int, int]:
    """The first and the last byte of a range; "-500" means the last 500."""
    if not first:
        return max(0, length - int(last)), length - 1 if int(last) else -1
    return int(first), min(int(last), length - 1) if last else length - 1


class _Bytes:
    """So many bytes of a file from where it stands, in blocks; `close` closes the file, whatever was read."""

    def __init__(self, file: BinaryIO, left: int) -> None:
        self._file, self._left = file, left

    def __iter__(self) -> Iterator[bytes]:
        while self._left > 0 and (block := self._file.read(min(BLOCK_BYTES, self._left))):
            self._left -= len(block)
            yield block

    def close(self) -> None:
        self._file.close()
