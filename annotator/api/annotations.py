from __future__ import annotations

from uuid import UUID

from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from annotator.annotations import saving
from annotator.api.filters import AnnotationFilter
from annotator.api.scope import ScopedView
from annotator.api.serializers import (
    LARGEST_INTEGER,
    AnnotationCreateSerializer,
    AnnotationPatchSerializer,
    AnnotationSerializer,
    ErrorSerializer,
)
from annotator.models import Annotation, Image


class AnnotationsView(ScopedView):
    write_right = "annotate"
    serializer_class = AnnotationSerializer
    filterset_class = AnnotationFilter
    queryset = Annotation.objects.none()

    @extend_schema(responses=AnnotationSerializer(many=True))
    def get(self, request: Request, image_id: int) -> Response:
        image = self.find(Image.objects.all(), pk=image_id)
        rows = Annotation.objects.live().filter(image=image).select_related("author")
        return self.list_rows(rows)

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
        image = self.find(Image.objects.all(), pk=image_id)
        form = AnnotationCreateSerializer(data=request.data)
        form.is_valid(raise_exception=True)
        annotation, created = saving.create(image, author=request.user, **form.validated_data)
        return Response(self.get_serializer(annotation).data, status=201 if created else 200)


class AnnotationView(ScopedView):
    write_right = "annotate"
    serializer_class = AnnotationSerializer
    queryset = Annotation.objects.none()

    def get(self, request: Request, annotation_id: UUID) -> Response:
        return Response(self.get_serializer(self.row(annotation_id, Annotation.objects.live())).data)

    @extend_schema(
        request=AnnotationPatchSerializer,
        responses={200: AnnotationSerializer, 400: ErrorSerializer, 409: ErrorSerializer},
    )
    def patch(self, request: Request, annotation_id: UUID) -> Response:
        """Changes fields, if nobody has written since `version`; 409 with the current row otherwise."""
        annotation = self.row(annotation_id)
        form = AnnotationPatchSerializer(data=request.data)
        form.is_valid(raise_exception=True)
        changes = dict(form.validated_data)
        version = changes.pop("version", None)
        return Response(self.get_serializer(saving.update(annotation, version=version, **changes)).data)

    @extend_schema(
        parameters=[OpenApiParameter("version", int, description="Delete only this version; 409 otherwise.")],
        responses={204: None, 409: ErrorSerializer},
    )
    def delete(self, request: Request, annotation_id: UUID) -> Response:
        """Deletes softly: `restore/` brings it back."""
        annotation = self.row(annotation_id)
        version = None
        if "version" in request.query_params:
            version = serializers.IntegerField(min_value=1, max_value=LARGEST_INTEGER).run_validation(
                request.query_params["version"]
            )
        saving.delete(annotation, version=version)
        return Response(status=204)

    def row(self, annotation_id: UUID, queryset=None) -> Annotation:
        rows = Annotation.objects.all() if queryset is None else queryset
        return self.find(
            rows.select_related("author", "image"),
            project_of=lambda annotation: annotation.image.project_id,
            pk=annotation_id,
        )


class AnnotationRestoreView(AnnotationView):
    http_method_names = ["post", "options"]

    @extend_schema(request=None, responses=AnnotationSerializer)
    def post(self, request: Request, annotation_id: UUID) -> Response:
        """Brings a deleted annotation back."""
        return Response(self.get_serializer(saving.restore(self.row(annotation_id))).data)
