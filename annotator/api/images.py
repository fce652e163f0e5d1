from __future__ import annotations

from django.conf import settings
from django.core.files.storage import default_storage
from django.http import Http404, HttpResponse
from drf_spectacular.utils import OpenApiParameter, OpenApiResponse, extend_schema
from rest_framework.parsers import MultiPartParser
from rest_framework.request import Request
from rest_framework.response import Response

from annotator.api.error_response import error_body
from annotator.api.files import file_response
from annotator.api.filters import ImageFilter
from annotator.api.scope import ScopedView
from annotator.api.serializers import (
    BYTES,
    EmbeddingStateSerializer,
    ErrorSerializer,
    ImageSerializer,
    RefusedFileSerializer,
    UploadReportSerializer,
    UploadSerializer,
)
from annotator.embeddings import queue as embedding_queue
from annotator.embeddings import store as embedding_store
from annotator.embeddings.errors import BundleMismatch
from annotator.embeddings.which_bundle import bundle_of
from annotator.media import intake, removal
from annotator.media.errors import RequestTooLarge
from annotator.models import EmbeddingJob, Image
from annotator.models.figures import with_details
from annotator.projects import progress

DIGEST = OpenApiParameter(
    "digest", str, description="With the content's digest, the answer may be cached for ever."
)


class ImagesView(ScopedView):
    serializer_class = ImageSerializer
    filterset_class = ImageFilter
    parser_classes = [MultiPartParser]
    queryset = Image.objects.none()

    @extend_schema(responses=ImageSerializer(many=True))
    def get(self, request: Request, project_id: int) -> Response:
        project = self.find_project(project_id)
        return self.list_rows(with_details(Image.objects.filter(project=project)))

    @extend_schema(
        request={"multipart/form-data": UploadSerializer},
        responses={201: UploadReportSerializer, 400: ErrorSerializer},
        filters=False,
    )
    def post(self, request: Request, project_id: int) -> Response:
        """Uploads images and zips of images. A file that is refused does not stop the others."""
        project = self.find_project(project_id)
        _refuse_large_request(request)
        report = intake.ingest_files(project, request.FILES.getlist("files"), request.user)
        errors = RefusedFileSerializer(report.errors, many=True).data
        if not report.results:
            if len(report.errors) == 1:
                first = report.errors[0].error
                body = error_body(first.code, first.message, first.fields)
            else:
                message = f"None of the {len(report.errors)} files could be taken."
                body = error_body("all_uploads_failed", message)
            return Response(body | {"errors": errors}, status=400)
        rows = _rows_by_id([result.image.pk for result in report.results])
        results = [
            ImageSerializer(rows[result.image.pk]).data | {"duplicate": result.duplicate}
            for result in report.results
        ]
        return Response({"results": results, "errors": errors}, status=201)


class ImageView(ScopedView):
    serializer_class = ImageSerializer
    queryset = Image.objects.none()

    def right(self) -> str:
        return {"PATCH": "annotate", "DELETE": "manage"}.get(self.request.method, "read")

    def get(self, request: Request, image_id: int) -> Response:
        return Response(self.get_serializer(self.row(image_id)).data)

    def patch(self, request: Request, image_id: int) -> Response:
        """Sets the image's state."""
        image = self.row(image_id)
        form = self.get_serializer(image, data=request.data, partial=True)
        form.is_valid(raise_exception=True)
        if "state" in form.validated_data:
            progress.set_image_state(image, form.validated_data["state"])
        return Response(self.get_serializer(self.row(image_id)).data)

    @extend_schema(responses={204: None})
    def delete(self, request: Request, image_id: int) -> Response:
        """Deletes the image with its annotations and files, for good."""
        removal.delete_images([self.row(image_id)])
        return Response(status=204)

    def row(self, image_id: int) -> Image:
        return self.find(with_details(Image.objects.all()), pk=image_id)


class ImageFileView(ScopedView):
    queryset = Image.objects.none()

    @extend_schema(parameters=[DIGEST], responses={(200, "image/*"): BYTES})
    def get(self, request: Request, image_id: int) -> HttpResponse:
        """The stored image: upright, 8-bit RGB."""
        image = self.find(Image.objects.all(), pk=image_id)
        return _stored_file(request, image, image.file.name, image.content_type)


class ImageThumbnailView(ScopedView):
    queryset = Image.objects.none()

    @extend_schema(parameters=[DIGEST], responses={(200, "image/jpeg"): BYTES})
    def get(self, request: Request, image_id: int) -> HttpResponse:
        image = self.find(Image.objects.all(), pk=image_id)
        return _stored_file(request, image, image.thumbnail.name, "image/jpeg")


class EmbeddingView(ScopedView):
    write_right = "annotate"
    queryset = EmbeddingJob.objects.none()

    @extend_schema(
        parameters=[
            OpenApiParameter(
                "digest",
                str,
                description="Digest of the bundle the embedding is wanted for; 409 for another one.",
            )
        ],
        responses={
            (200, "application/octet-stream"): BYTES,
            202: EmbeddingStateSerializer,
            304: OpenApiResponse(description="The browser has it."),
            409: ErrorSerializer,
        },
    )
    def get(self, request: Request, image_id: int) -> HttpResponse:
        """The image embedding, or 202 with its job's state. Asking moves the job to the front of the queue."""
        image = self.find(Image.objects.select_related("project__bundle"), pk=image_id)
        bundle = bundle_of(image.project)
        wanted = request.query_params.get("digest")
        if wanted and wanted != bundle.digest:
            raise BundleMismatch(
                f"The project's bundle is {bundle.name} {bundle.digest}; reload to get its decoder."
            )
        job = embedding_queue.open_image(image)
        if job.state == EmbeddingJob.State.READY:
            try:
                return file_response(
                    request,
                    lambda: embedding_store.open_for_wire(bundle.digest, image.digest),
                    etag=embedding_store.etag(bundle.digest, image.digest),
                    content_type="application/octet-stream",
                    immutable=bool(wanted),
                )
            except FileNotFoundError:
                job = embedding_queue.requeue_lost(job)
        return _job_state(job)

    @extend_schema(request=None, responses={202: EmbeddingStateSerializer, 409: ErrorSerializer})
    def post(self, request: Request, image_id: int) -> HttpResponse:
        """Tries a failed embedding again."""
        image = self.find(Image.objects.select_related("project__bundle"), pk=image_id)
        job = embedding_queue.ensure_job(image, bundle_of(image.project))
        return _job_state(embedding_queue.retry(job))


def _job_state(job: EmbeddingJob) -> Response:
    row = {
        "state": job.state,
        "attempts": job.attempts,
        "error": job.error,
        "position": embedding_queue.position(job),
    }
    return Response(row, status=202, headers={"Cache-Control": "no-store"})


def _stored_file(request: Request, image: Image, name: str, content_type: str) -> HttpResponse:
    try:
        return file_response(
            request,
            lambda: default_storage.open(name, "rb"),
            etag=f'"{name.rpartition("/")[2]}"',
            content_type=content_type,
            immutable=request.query_params.get("digest") == image.digest,
            file_name=image.name,
        )
    except FileNotFoundError as error:
        raise Http404 from error


def _rows_by_id(ids: list[int]) -> dict[int, Image]:
    return with_details(Image.objects.all()).in_bulk(set(ids))


def _refuse_large_request(request: Request) -> None:
    """Before anything of the body is read: what is announced to be too large is not even received."""
    announced = int(request.META.get("CONTENT_LENGTH") or 0)
    if announced > settings.MAX_REQUEST_BYTES:
        raise RequestTooLarge(
            f"The request is larger than {settings.MAX_REQUEST_BYTES // settings.MEBIBYTE} MiB; send fewer files."
        )
