"""Exports over HTTP: started, followed, fetched."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import PurePosixPath
from typing import Any

import django_filters as filters
from django.db.models import QuerySet
from django.http import Http404
from django.http.response import HttpResponseBase
from django.urls import reverse
from drf_spectacular.extensions import OpenApiSerializerExtension
from drf_spectacular.openapi import AutoSchema
from drf_spectacular.utils import Direction, extend_schema
from rest_framework import generics, serializers
from rest_framework.request import Request
from rest_framework.response import Response

from annotator.api.base.errors import ErrorSerializer
from annotator.api.base.files import BYTES, file_response
from annotator.api.base.scope import ProjectScopedView, RowView
from annotator.datasets import exports, formats
from annotator.datasets.errors import ExportNotReady
from annotator.files import stored
from annotator.models import DatasetVersion, Export, Image
from annotator.people.permissions import signed_in
from exporters.options import ChoiceOption, Option
from exporters.registry import export_formats, find_format


class ExportStartSerializer(serializers.Serializer):
    """What every export has; the format's own options stand beside it, see `export_start_serializer`."""

    formats: Iterable[str] = ()

    states = serializers.ListField(
        child=serializers.ChoiceField(choices=Image.State.choices),
        required=False,
        help_text="Only images in these states; all when left out.",
    )

    version = serializers.PrimaryKeyRelatedField(
        queryset=DatasetVersion.objects.all(),
        required=False,
        help_text="The version to export, whole; the project as it is now when left out.",
    )

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        """Options of another format are a mistake, not something to leave out without a word."""
        known = ", ".join(self.fields)
        unknown = [] if type(self) is ExportStartSerializer else set(self.initial_data) - set(self.fields)
        if unknown:
            raise serializers.ValidationError(
                {name: [f"This format has no such option; it has {known}."] for name in sorted(unknown)}
            )
        return attrs

    def get_fields(self) -> dict[str, serializers.Field]:
        return {
            "format": serializers.ChoiceField(choices=list(self.formats or export_formats()))
        } | super().get_fields()


def export_start_serializer(format: str) -> type[ExportStartSerializer]:
    """The body that starts an export in one format, its options as fields."""
    row = find_format(format)
    fields: dict[str, object] = {option.name: _option_field(option) for option in row.options}
    fields["formats"] = [format]
    # The class's name and docstring are what the API's schema says about it.
    fields["__doc__"] = " ".join([f"{row.title}.", *row.losses])
    return type(f"{format.title()}ExportStartSerializer", (ExportStartSerializer,), fields)


def _option_field(option: Option) -> serializers.Field:
    words = f"{option.title}. {option.help}".rstrip()
    if isinstance(option, ChoiceOption):
        return serializers.ChoiceField(choices=option.pairs, default=option.default, help_text=words)
    return serializers.BooleanField(default=option.default, help_text=words)


class ExportStartSchema(OpenApiSerializerExtension):
    """In the schema, the body is that of one of the formats."""

    target_class = ExportStartSerializer

    def map_serializer(self, auto_schema: AutoSchema, direction: Direction) -> dict[str, object]:
        bodies = {
            name: auto_schema.resolve_serializer(export_start_serializer(name), direction).ref
            for name in export_formats()
        }
        mapping = {name: body["$ref"] for name, body in bodies.items()}
        return {
            "oneOf": list(bodies.values()),
            "discriminator": {"propertyName": "format", "mapping": mapping},
        }


class ExportSerializer(serializers.ModelSerializer):
    progress = serializers.FloatField(read_only=True)
    file_url = serializers.SerializerMethodField()

    class Meta:
        model = Export
        fields = [
            "id",
            "version",
            "format",
            "options",
            "state",
            "progress",
            "done",
            "total",
            "error",
            "size_bytes",
            "file_url",
            "file_name",
            "created_at",
        ]
        read_only_fields = fields

    def get_file_url(self, export: Export) -> str | None:
        if export.state != Export.State.READY:
            return None
        return reverse("api:export-file", args=[export.pk])


class ExportFilter(filters.FilterSet):
    state = filters.MultipleChoiceFilter(choices=Export.State.choices)

    class Meta:
        model = Export
        fields: list[str] = []


class ExportsView(ProjectScopedView, generics.ListAPIView):
    """A project's exports, the newest first."""

    serializer_class = ExportSerializer
    filterset_class = ExportFilter
    queryset = Export.objects.none()

    def get_queryset(self) -> QuerySet[Export]:
        return Export.objects.filter(project=self.project)

    @extend_schema(request=ExportStartSerializer, responses={202: ExportSerializer}, filters=False)
    def post(self, request: Request, project_id: int) -> Response:
        """Starts an export in the background; follow it under `/api/exports/{id}/`."""
        form = ExportStartSerializer(data=request.data)
        form.is_valid(raise_exception=True)
        form = export_start_serializer(form.validated_data["format"])(data=request.data)
        form.is_valid(raise_exception=True)
        version = form.validated_data.get("version")
        if version is not None and version.project_id != self.project.pk:
            raise serializers.ValidationError({"version": ["This project has no such version."]})
        export = exports.start(self.project, signed_in(request.user), **form.validated_data)
        return Response(self.get_serializer(export).data, status=202)


class ExportView(RowView, generics.RetrieveDestroyAPIView):
    """Deleting cancels an export that waits or runs; its row stays until it is deleted once more."""

    lookup_url_kwarg = "export_id"
    serializer_class = ExportSerializer
    queryset = Export.objects.all()

    def perform_destroy(self, export: Export) -> None:
        exports.cancel_or_delete(export)


class ExportFileView(RowView):
    lookup_url_kwarg = "export_id"
    queryset = Export.objects.all()

    @extend_schema(responses={(200, "application/octet-stream"): BYTES, 409: ErrorSerializer})
    def get(self, request: Request, export_id: int) -> HttpResponseBase:
        """The finished file."""
        export = self.get_object()
        if export.state != Export.State.READY:
            raise ExportNotReady(f"The export is {export.state}; there is no file to download.")
        try:
            return file_response(
                request,
                lambda: stored.open_file(export.file),
                etag=f'"{PurePosixPath(str(export.file)).name}"',
                content_type=formats.media_type(export),
                immutable=False,
                file_name=export.file_name,
                as_attachment=True,
            )
        except FileNotFoundError as error:
            raise Http404 from error
