"""A project's images over HTTP: lists, uploads, pictures."""

from __future__ import annotations

import io
from pathlib import PurePosixPath
from typing import cast

import django_filters as filters
from django.db.models import QuerySet
from django.db.models.fields.files import FieldFile
from django.http import Http404
from django.http.response import HttpResponseBase
from django.urls import reverse
from drf_spectacular.utils import OpenApiParameter, extend_schema, extend_schema_field
from rest_framework import generics, serializers
from rest_framework.parsers import MultiPartParser
from rest_framework.request import Request
from rest_framework.response import Response

from annotator.api.base.errors import ErrorSerializer, error_body
from annotator.api.base.files import BYTES, file_response
from annotator.api.base.filters import IdFilter
from annotator.api.base.scope import ProjectScopedView, RowView
from annotator.files import stored
from annotator.media import intake, tiles, trash
from annotator.models import Annotation, EmbeddingJob, Image, Project
from annotator.models.figures import NO_JOB, with_details
from annotator.people.permissions import may, signed_in
from annotator.projects import progress

WEAK_BELOW = 0.7  # predicted IoU; static/js/core/quality.js calls such masks poor
DIGEST = OpenApiParameter(
    "digest", str, description="With the content's digest, the answer may be cached for ever."
)


class TilesSerializer(serializers.Serializer):
    """How a large image is shown: by tiles at `{url}{level}/{column}/{row}/?digest=`, level 0 at full size."""

    url = serializers.CharField()
    side = serializers.IntegerField(help_text="Pixels of a tile; the last level is one tile of any size.")
    levels = serializers.IntegerField(help_text="Each is half as large as the one before.")


class ImageSerializer(serializers.ModelSerializer):
    # Reading needs a queryset `with_details(...)`.

    flagged = serializers.BooleanField(
        source="is_flagged", required=False, help_text="Somebody is asked to look at the image."
    )
    state_by: serializers.SlugRelatedField = serializers.SlugRelatedField(
        slug_field="username", read_only=True, allow_null=True
    )
    flagged_by: serializers.SlugRelatedField = serializers.SlugRelatedField(
        slug_field="username", read_only=True, allow_null=True
    )
    embedding_state = serializers.ChoiceField(
        choices=[*EmbeddingJob.states(), NO_JOB],
        read_only=True,
        help_text='"missing": no model bundle is installed.',
    )
    annotation_count = serializers.IntegerField(read_only=True)
    file_url = serializers.SerializerMethodField()
    thumbnail_url = serializers.SerializerMethodField()
    tiles = serializers.SerializerMethodField(help_text="Of a large image; null: it is shown whole.")

    class Meta:
        model = Image
        fields = [
            "id",
            "project",
            "position",
            "name",
            "width",
            "height",
            "state",
            "state_by",
            "state_at",
            "skip_reason",
            "skip_note",
            "flagged",
            "flagged_by",
            "flagged_at",
            "flag_note",
            "embedding_state",
            "annotation_count",
            "digest",
            "file_url",
            "thumbnail_url",
            "tiles",
            "created_at",
        ]
        read_only_fields = [name for name in fields if name not in progress.Marks.__annotations__]

    def get_file_url(self, image: Image) -> str:
        # With the digest in it, the address may be cached for ever.
        return f"{reverse('api:image-file', args=[image.pk])}?digest={image.digest}"

    def get_thumbnail_url(self, image: Image) -> str:
        return f"{reverse('api:image-thumbnail', args=[image.pk])}?digest={image.digest}"

    @extend_schema_field(TilesSerializer(allow_null=True))
    def get_tiles(self, image: Image) -> dict | None:
        layout = tiles.layout_of(image)
        if layout is None:
            return None
        first = reverse("api:image-tile", args=[image.pk, 0, 0, 0])
        return {"url": first.removesuffix("0/0/0/"), "side": tiles.SIDE_PX, "levels": layout.levels}


class UploadedImageSerializer(ImageSerializer):
    duplicate = serializers.BooleanField(read_only=True)

    class Meta(ImageSerializer.Meta):
        fields = [*ImageSerializer.Meta.fields, "duplicate"]


class UploadSerializer(serializers.Serializer):
    files = serializers.ListField(
        child=serializers.FileField(), min_length=1, help_text="Images, or zips of images."
    )
    batch = serializers.RegexField(
        r"^[\w-]*$",
        max_length=64,
        required=False,
        allow_blank=True,
        help_text="The same text in several requests: their images are one batch, ordered by name.",
    )


class RefusedFileSerializer(serializers.Serializer):
    name = serializers.CharField()
    code = serializers.CharField(source="error.code")
    message = serializers.CharField(source="error.message")
    image = serializers.IntegerField(
        source="error.image_id",
        required=False,
        help_text='With the code "image_in_trash": the deleted image of the same pixels.',
    )


class UploadReportSerializer(serializers.Serializer):
    results = UploadedImageSerializer(many=True)
    errors = RefusedFileSerializer(many=True)  # type: ignore[assignment]  # DRF keeps declared fields elsewhere


class ImageFilter(filters.FilterSet):
    state = filters.MultipleChoiceFilter(choices=Image.State.choices)
    skip_reason = filters.MultipleChoiceFilter(choices=Image.SkipReason.choices)
    flagged = filters.BooleanFilter("flagged_at", lookup_expr="isnull", exclude=True, label="Flagged images")
    embedding_state = filters.MultipleChoiceFilter(choices=[*EmbeddingJob.STATES, (NO_JOB, NO_JOB)])
    search = filters.CharFilter("name", lookup_expr="icontains")
    id_min = IdFilter("pk", lookup_expr="gte")
    id_max = IdFilter("pk", lookup_expr="lte")
    category = IdFilter(method="having_category", label="Images with an annotation of this category")
    author = filters.CharFilter(method="having_author", label="Images with an annotation by this user")
    masks = filters.ChoiceFilter(
        method="having_masks",
        choices=[("none", "none"), ("weak", "weak"), ("to-check", "to-check")],
        label=f"Images without an annotation, with one whose predicted IoU is below {WEAK_BELOW}, or with an imported "
        "one that is still to be checked",
    )
    ordering = filters.OrderingFilter(
        fields=["id", "position", "name", "created_at", "state", "annotation_count"]
    )

    class Meta:
        model = Image
        fields: list[str] = []

    def having_category(self, queryset: QuerySet[Image], name: str, value: int) -> QuerySet[Image]:
        return queryset.filter(pk__in=Annotation.objects.live().filter(category=value).values("image"))

    def having_masks(self, queryset: QuerySet[Image], name: str, value: str) -> QuerySet[Image]:
        live = Annotation.objects.live()
        if value == "none":
            return queryset.exclude(pk__in=live.values("image"))
        if value == "to-check":
            return queryset.filter(pk__in=live.filter(to_check=True).values("image"))
        return queryset.filter(pk__in=live.filter(predicted_iou__lt=WEAK_BELOW).values("image"))

    def having_author(self, queryset: QuerySet[Image], name: str, value: str) -> QuerySet[Image]:
        having = Annotation.objects.live().filter(author__username=value)
        return queryset.filter(pk__in=having.values("image"))


class ImagesView(ProjectScopedView, generics.ListAPIView):
    """A project's images in their order."""

    serializer_class = ImageSerializer
    filterset_class = ImageFilter
    parser_classes = [MultiPartParser]
    body_limit = "MAX_REQUEST_BYTES"
    queryset = Image.objects.none()

    def get_queryset(self) -> QuerySet[Image]:
        return with_details(Image.objects.filter(project=self.project))

    @extend_schema(
        request={"multipart/form-data": UploadSerializer},
        responses={201: UploadReportSerializer, 400: ErrorSerializer},
        filters=False,
    )
    def post(self, request: Request, project_id: int) -> Response:
        """Uploads images and zips of images. A file that is refused does not stop the others."""
        batch = UploadSerializer().fields["batch"].run_validation(request.POST.get("batch", ""))
        files = request.FILES.getlist("files")
        report = intake.ingest_files(self.project, files, signed_in(request.user), batch=batch)
        body, status = answer_to(report, self.project)
        return Response(body, status=status)


class ImageView(RowView, generics.RetrieveUpdateDestroyAPIView):
    """An image's state and its flag can be changed. Deleting is soft: the project's trash has it then.

    The state `skipped` needs a `skip_reason`, and the reason `other` a `skip_note`; with another
    state both are emptied.
    """

    lookup_url_kwarg = "image_id"
    serializer_class = ImageSerializer
    queryset = Image.objects.none()

    def right(self) -> str:
        return {"PATCH": "annotate", "DELETE": "manage"}.get(self.request.method or "", "read")

    def get_queryset(self) -> QuerySet[Image]:
        return with_details(Image.objects.all())

    def perform_update(self, form: serializers.BaseSerializer) -> None:
        if not form.validated_data:
            return
        image = cast(Image, form.instance)
        marks = marks_of(form.validated_data)
        progress.mark([image.pk], marks, by=signed_in(self.request.user))
        form.instance = self.get_queryset().get(pk=image.pk)

    def perform_destroy(self, image: Image) -> None:
        trash.throw_away([image.pk], by=signed_in(self.request.user))


class ImageFileView(RowView):
    lookup_url_kwarg = "image_id"
    queryset = Image.objects.all()

    @extend_schema(parameters=[DIGEST], responses={(200, "image/*"): BYTES})
    def get(self, request: Request, image_id: int) -> HttpResponseBase:
        """The stored image: upright, 8-bit RGB."""
        image = self.get_object()
        return _stored_file(request, image, image.file, image.content_type)


class ImageThumbnailView(RowView):
    """A small JPEG of the image; of one in the trash, for managers."""

    lookup_url_kwarg = "image_id"
    queryset = Image.with_deleted.all()

    @extend_schema(parameters=[DIGEST], responses={(200, "image/jpeg"): BYTES})
    def get(self, request: Request, image_id: int) -> HttpResponseBase:
        image = self.get_object()
        if image.deleted_at and not may(request.user, "manage", image.project_id):
            raise Http404
        return _stored_file(request, image, image.thumbnail, "image/jpeg")


class ImageTileView(RowView):
    """A square of a large image, at full size or smaller."""

    lookup_url_kwarg = "image_id"
    queryset = Image.objects.all()

    @extend_schema(parameters=[DIGEST], responses={(200, "image/jpeg"): BYTES, 404: ErrorSerializer})
    def get(self, request: Request, image_id: int, level: int, column: int, row: int) -> HttpResponseBase:
        image = self.get_object()
        try:
            content = tiles.read_tile(image, level, column, row)
        except FileNotFoundError as error:
            raise Http404 from error
        return file_response(
            request,
            lambda: io.BytesIO(content),
            etag=f'"{image.digest}-{level}-{column}-{row}"',
            content_type="image/jpeg",
            immutable=request.query_params.get("digest") == image.digest,
        )


def answer_to(report: intake.UploadReport, project: Project) -> tuple[dict, int]:
    """What is said of uploaded files, with the HTTP status."""
    errors = RefusedFileSerializer(report.errors, many=True).data
    if not report.results:
        # A server that could not now, 503 or 507, says so: the files may be sent again.
        status = max(
            [400, *(refused.error.status for refused in report.errors if refused.error.status >= 500)]
        )
        return _nothing_taken(report) | {"errors": errors}, status
    ids = {result.image.pk for result in report.results}
    rows = with_details(Image.objects.filter(project=project)).in_bulk(ids)
    results = [
        ImageSerializer(rows[result.image.pk]).data | {"duplicate": result.duplicate}
        for result in report.results
        if result.image.pk in rows  # else somebody deleted it meanwhile
    ]
    return {"results": results, "errors": errors}, 201


def marks_of(sent: dict) -> progress.Marks:
    """What `progress.mark` is to change, of the data that a serializer has checked."""
    named = {"flagged" if name == "is_flagged" else name: value for name, value in sent.items()}
    return cast(
        progress.Marks, {name: named[name] for name in progress.Marks.__annotations__ if name in named}
    )


def _stored_file(request: Request, image: Image, file: FieldFile, content_type: str) -> HttpResponseBase:
    try:
        return file_response(
            request,
            lambda: stored.open_file(file),
            etag=f'"{PurePosixPath(str(file)).name}"',
            content_type=content_type,
            immutable=request.query_params.get("digest") == image.digest,
            file_name=image.name,
        )
    except FileNotFoundError as error:
        raise Http404 from error


def _nothing_taken(report: intake.UploadReport) -> dict:
    if len(report.errors) == 1:
        error = report.errors[0].error
        return error_body(error.code, error.message, error.fields)
    return error_body("all_uploads_failed", f"None of the {len(report.errors)} files could be taken.")
