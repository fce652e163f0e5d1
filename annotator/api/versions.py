"""Versions of a dataset over HTTP: made, renamed, compared, deleted."""

from __future__ import annotations

from typing import Any

import django_filters as filters
from django.db.models import QuerySet
from django.shortcuts import get_object_or_404
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import generics, serializers
from rest_framework.request import Request
from rest_framework.response import Response

from annotator.api.base.errors import ErrorSerializer
from annotator.api.base.scope import ProjectScopedView, RowView
from annotator.datasets import versions
from annotator.models import DatasetVersion
from annotator.people.permissions import signed_in
from exporters.snapshot import Change, Difference

IMAGES_LISTED = 500


class DatasetVersionSerializer(serializers.ModelSerializer):
    progress = serializers.FloatField(read_only=True)
    created_by: serializers.Field = serializers.SlugRelatedField("username", read_only=True, allow_null=True)

    class Meta:
        model = DatasetVersion
        fields = [
            "id", "name", "note", "state", "progress", "done", "total", "error", "digest", "size_bytes",
            "image_count", "annotation_count", "created_by", "created_at",
        ]  # fmt: skip
        read_only_fields = [name for name in fields if name not in ("name", "note")]
        extra_kwargs = {"name": {"required": False, "allow_blank": True}}
        # The room says which name is taken.
        validators: list[Any] = []


class ChangeSerializer(serializers.Serializer):
    """How many annotations came, changed and went."""

    added = serializers.IntegerField()
    changed = serializers.IntegerField()
    removed = serializers.IntegerField()


class CategoryChangeSerializer(ChangeSerializer):
    name = serializers.CharField()


class ImageChangeSerializer(ChangeSerializer):
    id = serializers.IntegerField()
    file_name = serializers.CharField()
    what = serializers.ChoiceField(choices=["added", "changed", "removed"])


class DifferenceSerializer(serializers.Serializer):
    images_added = serializers.IntegerField()
    images_changed = serializers.IntegerField(help_text="Images that both have, with other annotations.")
    images_removed = serializers.IntegerField()
    annotations = ChangeSerializer()
    categories = CategoryChangeSerializer(many=True)
    categories_added = serializers.ListField(child=serializers.CharField())
    categories_removed = serializers.ListField(child=serializers.CharField())
    images = ImageChangeSerializer(many=True, help_text=f"The first {IMAGES_LISTED} of them.")


class DatasetVersionFilter(filters.FilterSet):
    state = filters.MultipleChoiceFilter(choices=DatasetVersion.State.choices)

    class Meta:
        model = DatasetVersion
        fields: list[str] = []


class DatasetVersionsView(ProjectScopedView, generics.ListAPIView):
    """A project's versions, the newest first."""

    serializer_class = DatasetVersionSerializer
    filterset_class = DatasetVersionFilter
    queryset = DatasetVersion.objects.none()

    def get_queryset(self) -> QuerySet[DatasetVersion]:
        return DatasetVersion.objects.filter(project=self.project).select_related("created_by")

    @extend_schema(responses={202: DatasetVersionSerializer}, filters=False)
    def post(self, request: Request, project_id: int) -> Response:
        """Names the project's state; it is written in the background. Without a name it gets the next number."""
        form = self.get_serializer(data=request.data)
        form.is_valid(raise_exception=True)
        version = versions.create(self.project, signed_in(request.user), **form.validated_data)
        return Response(self.get_serializer(version).data, status=202)


class DatasetVersionView(RowView, generics.RetrieveUpdateDestroyAPIView):
    """Its name and note can be changed; what is in it never changes."""

    lookup_url_kwarg = "version_id"
    serializer_class = DatasetVersionSerializer
    queryset = DatasetVersion.objects.select_related("created_by", "project")

    def perform_update(self, serializer: Any) -> None:
        serializer.instance = versions.rename(serializer.instance, **serializer.validated_data)

    @extend_schema(responses={204: None, 409: ErrorSerializer})
    def delete(self, request: Request, version_id: int) -> Response:
        """Deletes the version with its file, or gives it up while it is made."""
        versions.cancel_or_delete(self.get_object())
        return Response(status=204)


class DatasetVersionDifferenceView(RowView):
    lookup_url_kwarg = "version_id"
    queryset = DatasetVersion.objects.select_related("project")

    @extend_schema(
        parameters=[
            OpenApiParameter(
                "to", int, description="The later version; the project as it is now when left out."
            )
        ],
        responses={200: DifferenceSerializer, 400: ErrorSerializer, 409: ErrorSerializer},
    )
    def get(self, request: Request, version_id: int) -> Response:
        """What changed from this version to another one, or until now."""
        before = self.get_object()
        after = None
        if "to" in request.query_params:
            wanted = serializers.IntegerField().run_validation(request.query_params["to"])
            after = get_object_or_404(DatasetVersion.objects.filter(project=before.project), pk=wanted)
        return Response(DifferenceSerializer(described(versions.difference(before, after))).data)


def described(found: Difference) -> dict[str, Any]:
    """A difference as the API and the page show it."""
    total = Change()
    for change in found.categories.values():
        total.added += change.added
        total.changed += change.changed
        total.removed += change.removed
    return {
        "images_added": found.count("added"),
        "images_changed": found.count("changed"),
        "images_removed": found.count("removed"),
        "annotations": total,
        "categories": [
            {"name": name, **vars(change)}
            for name, change in sorted(found.categories.items(), key=lambda item: -item[1].total)
        ],
        "categories_added": found.categories_added,
        "categories_removed": found.categories_removed,
        "images": found.images[:IMAGES_LISTED],
    }
