"""A project's trash over HTTP: softly deleted images and annotations, for its managers.

An annotation is restored by `annotations/{id}/restore/`, as from its image.
"""

from __future__ import annotations

from typing import Any

import django_filters as filters
from django.db.models import QuerySet
from drf_spectacular.utils import extend_schema
from rest_framework import generics, serializers
from rest_framework.request import Request
from rest_framework.response import Response

from annotator.api.annotations import AnnotationSerializer
from annotator.api.base.errors import ErrorSerializer
from annotator.api.base.filters import IdFilter, MomentFilter
from annotator.api.base.scope import ProjectScopedView
from annotator.api.base.which import WhichSerializer
from annotator.api.image_bulk import CountSerializer
from annotator.media import trash
from annotator.models import Annotation, Image


class TrashedImageSerializer(serializers.ModelSerializer):
    deleted_by: serializers.SlugRelatedField = serializers.SlugRelatedField(
        slug_field="username", read_only=True
    )
    days_left = serializers.SerializerMethodField(help_text="Days until it is removed for good, rounded up.")

    class Meta:
        model = Image
        fields = ["id", "name", "width", "height", "digest", "deleted_at", "deleted_by", "days_left"]
        read_only_fields = fields

    def get_days_left(self, image: Image) -> int:
        return trash.days_left(image)


class TrashedImageFilter(filters.FilterSet):
    search = filters.CharFilter("name", lookup_expr="icontains")
    deleted_at = MomentFilter(label="Deleted together at this moment, as the deletion answered")
    deleted_before = MomentFilter("deleted_at", lookup_expr="lte")

    class Meta:
        model = Image
        fields: list[str] = []


class WhichTrashSerializer(WhichSerializer):
    filterset = TrashedImageFilter


class TrashView(ProjectScopedView):
    """Reading it, too, is for managers."""

    def right(self) -> str:
        return "manage"

    def trashed_images(self) -> QuerySet[Image]:
        return Image.with_deleted.filter(project=self.project).in_trash()

    def chosen(self, sent: Any) -> list[int]:
        """Ids of the images that a request means; other projects' are left out."""
        form = WhichTrashSerializer(data=sent)
        form.is_valid(raise_exception=True)
        return form.chosen(self.trashed_images())


class TrashedImagesView(TrashView, generics.ListAPIView):
    """Softly deleted images, the latest first."""

    serializer_class = TrashedImageSerializer
    filterset_class = TrashedImageFilter
    queryset = Image.objects.none()

    def get_queryset(self) -> QuerySet[Image]:
        return self.trashed_images().select_related("deleted_by")


class TrashedImagesRestoreView(TrashView):
    """Brings images back, with their masks and marks."""

    http_method_names = ["post", "options"]

    @extend_schema(request=WhichTrashSerializer, responses={200: CountSerializer, 400: ErrorSerializer})
    def post(self, request: Request, project_id: int) -> Response:
        return Response({"count": trash.restore(self.project, self.chosen(request.data))})


class TrashedImagesRemoveView(TrashView):
    """Deletes images of the trash with their annotations and files, for good."""

    http_method_names = ["post", "options"]

    @extend_schema(request=WhichTrashSerializer, responses={200: CountSerializer, 400: ErrorSerializer})
    def post(self, request: Request, project_id: int) -> Response:
        return Response({"count": trash.remove(self.project, self.chosen(request.data))})


class TrashedAnnotationFilter(filters.FilterSet):
    category = IdFilter("category_id")
    image = IdFilter("image_id")

    class Meta:
        model = Annotation
        fields: list[str] = []


class TrashedAnnotationsView(TrashView, generics.ListAPIView):
    """Softly deleted annotations on the project's images, the latest first."""

    serializer_class = AnnotationSerializer
    filterset_class = TrashedAnnotationFilter
    queryset = Annotation.objects.none()

    def get_queryset(self) -> QuerySet[Annotation]:
        rows = Annotation.objects.filter(image__project=self.project).on_live_images().in_trash()
        return rows.select_related("author", "updated_by")
