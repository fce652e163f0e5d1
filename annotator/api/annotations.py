"""Annotations over HTTP. Every write names the version that it changes."""

from __future__ import annotations

import hashlib
from typing import Any
from uuid import UUID

import django_filters as filters
from django.db.models import Count, QuerySet, Sum
from drf_spectacular.utils import OpenApiParameter, extend_schema, extend_schema_field
from rest_framework import generics, serializers
from rest_framework.request import Request
from rest_framework.response import Response

from annotator.annotations import saving
from annotator.annotations.errors import VersionConflict
from annotator.annotations.prompt import PromptSerializer
from annotator.api.base.errors import ErrorSerializer
from annotator.api.base.filters import IdFilter
from annotator.api.base.names import NameField
from annotator.api.base.scope import WRITES, RowView, ScopedView
from annotator.models import Annotation, Image
from annotator.models.annotation import LONGEST_NAME
from annotator.models.limits import LARGEST_ID, LARGEST_INTEGER
from annotator.people.permissions import signed_in

LONGEST_EFFORT_S = 1e7


class RleSerializer(serializers.Serializer):
    size = serializers.ListField(
        child=serializers.IntegerField(min_value=1, max_value=LARGEST_INTEGER), min_length=2, max_length=2
    )
    counts = serializers.CharField()


@extend_schema_field(RleSerializer)
class RleField(serializers.JSONField):
    """Passed on as sent; `annotator.annotations.saving` checks it against the image."""


@extend_schema_field(PromptSerializer)
class PromptField(serializers.JSONField):
    """Passed on as sent; `annotator.annotations.prompt` checks it against the image."""


class OriginSerializer(serializers.Serializer):
    """Where an imported annotation comes from; what the file did not say is left out."""

    import_id = serializers.IntegerField(required=False)
    file = serializers.CharField(required=False)
    author = serializers.CharField(required=False)
    created_at = serializers.CharField(required=False, help_text="When it was made there, in ISO 8601.")
    bundle_digest = serializers.CharField(required=False)
    uuid = serializers.CharField(required=False)


class AnnotationSerializer(serializers.ModelSerializer):
    segmentation = RleField()
    prompt = PromptField(allow_null=True)
    bbox = serializers.ListField(child=serializers.IntegerField(), source="bbox_xywh")
    author = serializers.CharField(source="author.username", default=None, allow_null=True)
    updated_by = serializers.CharField(source="updated_by.username", default=None, allow_null=True)
    origin = OriginSerializer(allow_null=True)

    class Meta:
        model = Annotation
        fields = [
            "id",
            "image",
            "number",
            "category",
            "segmentation",
            "area",
            "bbox",
            "prompt",
            "predicted_iou",
            "stability_score",
            "bundle_digest",
            "name",
            "color",
            "is_locked",
            "rank",
            "to_check",
            "origin",
            "author",
            "time_spent_s",
            "clicks",
            "version",
            "created_at",
            "updated_at",
            "updated_by",
            "deleted_at",
        ]
        read_only_fields = fields


class AnnotationChangeSerializer(serializers.Serializer):
    """What a PATCH may carry. `area` and `bbox` are the server's, whatever is sent."""

    category = serializers.IntegerField(min_value=1, max_value=LARGEST_ID, required=False)
    segmentation = RleField(required=False)
    prompt = PromptField(required=False, allow_null=True)
    predicted_iou = serializers.FloatField(required=False, allow_null=True)
    stability_score = serializers.FloatField(required=False, allow_null=True)
    bundle_digest = serializers.CharField(required=False, allow_blank=True, allow_null=True, max_length=64)
    name = NameField(required=False, allow_blank=True, max_length=LONGEST_NAME)
    color = serializers.RegexField(r"^(#[0-9a-f]{6})?\Z", required=False, allow_blank=True)
    is_locked = serializers.BooleanField(required=False)
    rank = serializers.FloatField(required=False, allow_null=True)
    to_check = serializers.BooleanField(required=False)
    time_spent_s = serializers.FloatField(required=False, min_value=0, max_value=LONGEST_EFFORT_S)
    clicks = serializers.IntegerField(required=False, min_value=0, max_value=LARGEST_INTEGER)


class AnnotationPatchSerializer(AnnotationChangeSerializer):
    version = serializers.IntegerField(min_value=1, max_value=LARGEST_INTEGER, required=False)


class AnnotationCreateSerializer(AnnotationChangeSerializer):
    id = serializers.UUIDField()
    category = serializers.IntegerField(min_value=1, max_value=LARGEST_ID)
    segmentation = RleField()


class AnnotationFilter(filters.FilterSet):
    author = filters.CharFilter("author__username")
    category = IdFilter("category_id")
    deleted = filters.BooleanFilter(method="in_trash", label="The deleted ones instead, the latest first")

    class Meta:
        model = Annotation
        fields: list[str] = []

    def filter_queryset(self, queryset: QuerySet[Annotation]) -> QuerySet[Annotation]:
        found = super().filter_queryset(queryset)
        return found if self.form.cleaned_data.get("deleted") else found.filter(deleted_at__isnull=True)

    def in_trash(self, queryset: QuerySet[Annotation], name: str, value: bool) -> QuerySet[Annotation]:
        return queryset.filter(deleted_at__isnull=False).order_by("-deleted_at") if value else queryset


class SavesAnnotations(ScopedView):
    """The answer to a conflict carries the current row."""

    write_right = "annotate"
    body_limit = "DATA_UPLOAD_MAX_MEMORY_SIZE"
    serializer_class = AnnotationSerializer

    def handle_exception(self, error: Exception) -> Response:
        if isinstance(error, VersionConflict):
            error.extra["current"] = self.get_serializer(error.current).data
        return super().handle_exception(error)


class AnnotationsView(SavesAnnotations, generics.ListAPIView):
    """The annotations of an image; deleted ones are left out, or with `?deleted=true` listed instead."""

    filterset_class = AnnotationFilter
    queryset = Annotation.objects.none()
    image: Image

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        super().initial(request, *args, **kwargs)
        self.image = self.find(Image.objects.all(), pk=kwargs["image_id"])

    def get_queryset(self) -> QuerySet[Annotation]:
        return Annotation.objects.filter(image=self.image).select_related("author", "updated_by")

    def get(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """Workbenches ask again and again: where nothing has changed, the browser has the list already."""
        made = Annotation.objects.filter(image=self.image).aggregate(
            rows=Count("pk"), versions=Sum("version")
        )
        query = hashlib.sha256(request.META["QUERY_STRING"].encode()).hexdigest()[:8]
        headers = {
            # Rows and versions shrink when masks go for good; the image's last number never does.
            "ETag": f'"{made["rows"]}-{made["versions"]}-{self.image.last_number}-{query}"',
            "Cache-Control": "private, no-cache",
        }
        if headers["ETag"] in request.headers.get("If-None-Match", ""):
            return Response(status=304, headers=headers)
        response = super().get(request, *args, **kwargs)
        for name, value in headers.items():
            response.headers[name] = value
        return response

    @extend_schema(
        request=AnnotationCreateSerializer,
        responses={
            201: AnnotationSerializer,
            200: AnnotationSerializer,
            400: ErrorSerializer,
            409: ErrorSerializer,
        },
        filters=False,
    )
    def post(self, request: Request, image_id: int) -> Response:
        """Saves an annotation under the client's id: 201 at first, 200 when the same save is repeated."""
        form = AnnotationCreateSerializer(data=request.data)
        form.is_valid(raise_exception=True)
        annotation, created = saving.create(self.image, author=signed_in(request.user), **form.validated_data)
        return Response(self.get_serializer(annotation).data, status=201 if created else 200)


class AnnotationView(RowView, SavesAnnotations, generics.RetrieveAPIView):
    """One annotation; a deleted one can only be restored."""

    lookup_url_kwarg = "annotation_id"
    queryset = Annotation.objects.none()

    def get_queryset(self) -> QuerySet[Annotation]:
        """A deleted annotation cannot be read; writing to one is answered with a conflict, or restores it."""
        rows = Annotation.objects.all() if self.request.method in WRITES else Annotation.objects.live()
        return rows.on_live_images().select_related("author", "updated_by", "image")

    @extend_schema(
        request=AnnotationPatchSerializer,
        responses={200: AnnotationSerializer, 400: ErrorSerializer, 409: ErrorSerializer},
    )
    def patch(self, request: Request, annotation_id: UUID) -> Response:
        """Changes fields, if nobody has written since `version`; 409 with the current row otherwise."""
        annotation = self.get_object()
        form = AnnotationPatchSerializer(data=request.data)
        form.is_valid(raise_exception=True)
        changes = dict(form.validated_data)
        version = changes.pop("version", None)
        return Response(
            self.get_serializer(
                saving.update(annotation, version=version, by=signed_in(request.user), **changes)
            ).data
        )

    @extend_schema(
        parameters=[
            OpenApiParameter(
                "version",
                {"type": "integer", "minimum": 1, "maximum": LARGEST_INTEGER},
                description="Delete only this version; 409 otherwise.",
            )
        ],
        responses={204: None, 409: ErrorSerializer},
    )
    def delete(self, request: Request, annotation_id: UUID) -> Response:
        """Deletes softly: `restore/` brings it back."""
        annotation = self.get_object()
        version = None
        if "version" in request.query_params:
            version = serializers.IntegerField(min_value=1, max_value=LARGEST_INTEGER).run_validation(
                request.query_params["version"]
            )
        saving.delete(annotation, version=version, by=signed_in(request.user))
        return Response(status=204)


class AnnotationRestoreView(AnnotationView):
    http_method_names = ["post", "options"]

    @extend_schema(request=None, responses=AnnotationSerializer)
    def post(self, request: Request, annotation_id: UUID) -> Response:
        """Brings a deleted annotation back."""
        return Response(
            self.get_serializer(saving.restore(self.get_object(), by=signed_in(request.user))).data
        )
