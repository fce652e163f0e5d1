"""Large files in parts, by the tus protocol 1.0.0 (https://tus.io/protocols/resumable-upload): its core and the
extensions creation, termination and expiration. One step more than tus has: `finish/` takes the file in and says what
became of it, as an upload in one request does.
"""

from __future__ import annotations

import base64
import binascii
from typing import Any

from django.conf import settings
from django.http import HttpRequest
from django.urls import reverse
from django.utils.http import http_date
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.parsers import BaseParser
from rest_framework.request import Request
from rest_framework.response import Response

from annotator.api.base.errors import ErrorSerializer
from annotator.api.base.scope import ProjectScopedView, RowView, ScopedView
from annotator.api.images import UploadReportSerializer, UploadSerializer, answer_to
from annotator.errors import InvalidValue
from annotator.media import intake, partial_uploads
from annotator.media.errors import PartTooLong, TusVersion, UploadHandedOver, WrongOffset
from annotator.models import PartialUpload
from annotator.models.visibility import VisibleQuerySet
from annotator.people.permissions import signed_in
from annotator.site.environment import MEBIBYTE

VERSION = "1.0.0"
MOST_BYTES_PER_PART = 16 * MEBIBYTE  # held in memory
RESUMABLE = OpenApiParameter("Tus-Resumable", str, OpenApiParameter.HEADER, required=True, enum=[VERSION])
OFFSET = OpenApiParameter("Upload-Offset", int, OpenApiParameter.HEADER, required=True)
LENGTH = OpenApiParameter("Upload-Length", int, OpenApiParameter.HEADER, required=True)
METADATA = OpenApiParameter(
    "Upload-Metadata",
    str,
    OpenApiParameter.HEADER,
    description="`filename` and, if wanted, `batch`: key and value in base64, pairs apart by commas. `purpose` is "
    "`import` for a dataset: it is handed to `projects/{id}/imports/` instead of being finished.",
)


class PartParser(BaseParser):
    """The bytes of a part, as they are. Raises PartTooLong."""

    media_type = "application/offset+octet-stream"

    def parse(self, stream: Any, media_type: str | None = None, parser_context: Any = None) -> Any:
        content = stream.read(MOST_BYTES_PER_PART + 1)
        if len(content) > MOST_BYTES_PER_PART:
            raise PartTooLong(f"Send at most {MOST_BYTES_PER_PART // MEBIBYTE} MiB at once.")
        return content


class TusView(ScopedView):
    """Every answer names the protocol's version; a request of another version is refused."""

    needs_version = True

    def right(self) -> str:
        return "manage"

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        super().initial(request, *args, **kwargs)
        is_asking = request.method == "OPTIONS"
        if self.needs_version and not is_asking and request.headers.get("Tus-Resumable") != VERSION:
            raise TusVersion(f"Send the header Tus-Resumable: {VERSION}.")

    def finalize_response(self, request: Request, response: Response, *args: Any, **kwargs: Any) -> Response:
        answer = super().finalize_response(request, response, *args, **kwargs)
        answer.headers.setdefault("Tus-Resumable", VERSION)
        answer.headers.setdefault("Tus-Version", VERSION)
        answer.headers["Cache-Control"] = "no-store"
        return answer


class PartialUploadsView(TusView, ProjectScopedView):
    """Uploads of large files, in parts."""

    http_method_names = ["post", "options"]

    @extend_schema(
        request=None,
        parameters=[RESUMABLE, LENGTH, METADATA],
        responses={201: None, 400: ErrorSerializer},
    )
    def post(self, request: Request, project_id: int) -> Response:
        """Begins an upload; the header Location says where its parts go."""
        metadata = _metadata(request.headers.get("Upload-Metadata", ""))
        batch = UploadSerializer().fields["batch"].run_validation(metadata.get("batch", ""))
        upload = partial_uploads.begin(
            self.project,
            signed_in(request.user),
            name=metadata.get("filename", ""),
            size_bytes=_count(request, "Upload-Length"),
            batch=batch,
            is_dataset=metadata.get("purpose") == "import",
        )
        address = reverse("api:partial-upload", args=[upload.pk])
        return Response(status=201, headers=_state(upload) | {"Location": address})


class OwnUploadView(TusView, RowView):
    """For the person who began the upload."""

    lookup_url_kwarg = "upload_id"
    queryset = PartialUpload.objects.none()

    def get_queryset(self) -> VisibleQuerySet:
        return PartialUpload.objects.filter(user=signed_in(self.request.user)).select_related("project")


class PartialUploadView(OwnUploadView):
    """One upload, for the person who began it."""

    http_method_names = ["head", "patch", "delete", "options"]
    parser_classes = [PartParser]
    body_limit = "MAX_REQUEST_BYTES"  # beyond MOST_BYTES_PER_PART it is refused below, in its own words

    @extend_schema(parameters=[RESUMABLE], responses={200: None})
    def head(self, request: Request, upload_id: str) -> Response:
        """How much has arrived, in the header Upload-Offset."""
        upload = self.get_object()
        return Response(headers=_state(upload) | {"Upload-Length": str(upload.size_bytes)})

    @extend_schema(
        request={"application/offset+octet-stream": OpenApiTypes.BINARY},
        parameters=[RESUMABLE, OFFSET],
        responses={204: None, 409: ErrorSerializer, 413: ErrorSerializer},
    )
    def patch(self, request: Request, upload_id: str) -> Response:
        """Adds a part at the offset that the file has so far."""
        upload = self.get_object()
        offset = _count(request, "Upload-Offset")
        announced = int(request.META.get("CONTENT_LENGTH") or 0)
        if announced > MOST_BYTES_PER_PART:
            raise PartTooLong(f"Send at most {MOST_BYTES_PER_PART // MEBIBYTE} MiB at once.")
        content = request.data if isinstance(request.data, bytes) else b""
        if announced and announced != len(content):
            raise WrongOffset("The connection broke off; send this part again.")
        return Response(status=204, headers=_state(partial_uploads.append(upload, offset, content)))

    @extend_schema(parameters=[RESUMABLE], responses={204: None})
    def delete(self, request: Request, upload_id: str) -> Response:
        """Gives the upload up."""
        partial_uploads.give_up([self.get_object()])
        return Response(status=204)

    def options(self, request: HttpRequest, *args: Any, **kwargs: Any) -> Response:
        """What this server can do of the protocol."""
        return Response(
            status=204,
            headers={
                "Tus-Extension": "creation,termination,expiration",
                "Tus-Max-Size": str(max(settings.MAX_ZIP_BYTES, settings.MAX_IMAGE_BYTES)),
            },
        )


class PartialUploadFinishView(OwnUploadView):
    """Takes a file in, all parts of which have arrived."""

    http_method_names = ["post", "options"]
    needs_version = False

    @extend_schema(
        request=None,
        responses={
            201: UploadReportSerializer,
            400: ErrorSerializer,
            409: ErrorSerializer,
            410: ErrorSerializer,
            503: ErrorSerializer,
            507: ErrorSerializer,
        },
    )
    def post(self, request: Request, upload_id: str) -> Response:
        """Takes the file in and says what became of it; asked again, the answer is the same."""
        upload = self.get_object()
        if upload.report is not None and "body" not in upload.report:
            raise UploadHandedOver("The file was handed over to an import; follow that one.")
        if upload.report is not None:
            partial_uploads.require_images(upload)
            return Response(upload.report["body"], status=upload.report["status"])
        with partial_uploads.taking_in(upload):
            with partial_uploads.whole_file(upload) as file:
                report = intake.ingest_files(
                    upload.project, [file], signed_in(request.user), batch=upload.batch
                )
            for refused in report.errors:
                if refused.error.status >= 500:
                    # No fault of the file's: its parts stay, and this can be asked for again.
                    raise refused.error
            body, status = answer_to(report, upload.project)
            partial_uploads.note_report(upload, {"body": body, "status": status})
        return Response(body, status=status)


def _state(upload: PartialUpload) -> dict[str, str]:
    return {
        "Upload-Offset": str(upload.offset_bytes),
        "Upload-Expires": http_date(upload.expires_at.timestamp()),
    }


def _count(request: Request, header: str) -> int:
    text = request.headers.get(header, "")
    if not (text.isascii() and text.isdecimal() and len(text) < 16):
        raise InvalidValue(f"The header {header} is a number of bytes.")
    return int(text)


def _metadata(header: str) -> dict[str, str]:
    """The pairs of an Upload-Metadata header. Raises InvalidValue."""
    pairs: dict[str, str] = {}
    for pair in filter(None, (text.strip() for text in header.split(","))):
        key, _, value = pair.partition(" ")
        try:
            pairs[key] = base64.b64decode(value, validate=True).decode()
        except (binascii.Error, UnicodeDecodeError) as error:
            raise InvalidValue("The header Upload-Metadata has keys, each with a value in base64.") from error
    return pairs
