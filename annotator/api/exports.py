"""Exports over HTTP: measured, started, followed, fetched."""

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
from rest_framework.permissions import AllowAny
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from annotator.api.base.errors import ErrorSerializer
from annotator.api.base.files import BYTES, file_response
from annotator.api.base.scope import ProjectScopedView, RowView
from annotator.api.export_selection import ExportSelectionSerializer
from annotator.datasets import exports, formats, links
from annotator.datasets.errors import ExportNotReady
from annotator.files import stored
from annotator.models import DatasetVersion, Export, Image, Project
from annotator.people.permissions import signed_in
from exporters.options import ChoiceOption, Option
from exporters.registry import export_formats, find_format

PREVIEW_TIME_LIMIT_S = 5.0


class ExportStartSerializer(serializers.Serializer):
    """What every export has; the format's own options stand beside it, see `export_start_serializer`."""

    formats: Iterable[str] = ()

    states = serializers.ListField(
        child=serializers.ChoiceField(choices=Image.State.choices),
        required=False,
        help_text="Only images in these states; all when left out.",
    )
    selection = ExportSelectionSerializer(required=False)

    version = serializers.PrimaryKeyRelatedField(
        queryset=DatasetVersion.objects.all(),
        required=False,
        help_text="The version to export, whole; of the selection, it takes a split. The project as it is now when "
        "left out.",
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
    report_url = serializers.SerializerMethodField(help_text="What the file does not hold, as JSON.")

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
            "report_url",
            "created_at",
        ]
        read_only_fields = fields

    def get_file_url(self, export: Export) -> str | None:
        if export.state != Export.State.READY:
            return None
        return reverse("api:export-file", args=[export.pk])

    def get_report_url(self, export: Export) -> str | None:
        if export.state != Export.State.READY or export.report is None:
            return None
        return reverse("api:export-report", args=[export.pk])


class MeasuredSerializer(serializers.Serializer):
    """What a format's geometry loses of the masks, measured on them."""

    geometry = serializers.CharField()
    masks = serializers.IntegerField(help_text="So many were looked at.")
    of_masks = serializers.IntegerField(help_text="Of so many.")
    is_complete = serializers.BooleanField()
    findings = serializers.DictField(child=serializers.FloatField())
    sentences = serializers.ListField(child=serializers.CharField())


class ExportReportSerializer(serializers.Serializer):
    """What a file holds and what it does not. A zip has the same as `export_report.json`."""

    project = serializers.CharField()
    format = serializers.CharField()
    title = serializers.CharField()
    options = serializers.DictField()
    states = serializers.ListField(child=serializers.CharField())
    selection = serializers.DictField(required=False)
    version = serializers.CharField(required=False)
    selected = serializers.CharField(help_text="States and selection in words.")
    images = serializers.IntegerField()
    annotations = serializers.IntegerField()
    categories = serializers.ListField(child=serializers.DictField())
    splits = serializers.DictField(child=serializers.IntegerField(), help_text="Images in each part.")
    losses = serializers.ListField(child=serializers.CharField(), help_text="What the format can never hold.")
    notes = serializers.ListField(child=serializers.CharField(), help_text="What lies beside it in a zip.")
    measured = MeasuredSerializer()


class ExportLinkSerializer(serializers.Serializer):
    url = serializers.URLField(help_text="Needs no sign-in.")
    expires_at = serializers.DateTimeField()


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
        choices = _choices(request, self.project)
        export = exports.start(self.project, signed_in(request.user), **choices)
        return Response(self.get_serializer(export).data, status=202)


class ExportsPreviewView(ProjectScopedView):
    """What an export would hold and what it would lose."""

    @extend_schema(request=ExportStartSerializer, responses=ExportReportSerializer)
    def post(self, request: Request, project_id: int) -> Response:
        """Makes nothing. Takes some seconds at most: of many masks, the first are measured."""
        plan = exports.plan(self.project, **_choices(request, self.project))
        return Response(plan.report(time_limit_s=PREVIEW_TIME_LIMIT_S))


def _choices(request: Request, project: Project) -> dict[str, Any]:
    """The checked body that describes an export of the project."""
    form = ExportStartSerializer(data=request.data)
    form.is_valid(raise_exception=True)
    form = export_start_serializer(form.validated_data["format"])(data=request.data)
    form.is_valid(raise_exception=True)
    version = form.validated_data.get("version")
    if version is not None and version.project_id != project.pk:
        raise serializers.ValidationError({"version": ["This project has no such version."]})
    return form.validated_data


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
        """The finished file. A part of it by `Range`, so that a download that broke off goes on."""
        return _file_of(request, _ready(self.get_object()))


class ExportReportView(RowView):
    lookup_url_kwarg = "export_id"
    queryset = Export.objects.all()

    @extend_schema(responses={200: ExportReportSerializer, 409: ErrorSerializer})
    def get(self, request: Request, export_id: int) -> Response:
        """What the finished file holds and what it does not; 404 for a file of a version that made no reports."""
        export = _ready(self.get_object())
        if export.report is None:
            raise Http404
        return Response(export.report)


class ExportLinkView(RowView):
    lookup_url_kwarg = "export_id"
    queryset = Export.objects.all()

    @extend_schema(request=None, responses={201: ExportLinkSerializer, 409: ErrorSerializer})
    def post(self, request: Request, export_id: int) -> Response:
        """Makes a link with which anybody may download the file for EXPORT_LINK_HOURS."""
        token, expires_at = links.make(_ready(self.get_object()))
        url = request.build_absolute_uri(reverse("api:export-by-link", args=[token]))
        body = ExportLinkSerializer({"url": url, "expires_at": expires_at})
        return Response(body.data, status=201)


class ExportByLinkView(APIView):
    authentication_classes = []
    permission_classes = [AllowAny]
    http_method_names = ["get", "head", "options"]

    @extend_schema(
        auth=[],
        responses={(200, "application/octet-stream"): BYTES, 404: ErrorSerializer, 410: ErrorSerializer},
    )
    def get(self, request: Request, token: str) -> HttpResponseBase:
        """The file that a link leads to."""
        export = links.find(token)
        if export is None:
            raise Http404
        return _file_of(request, export)


def _ready(export: Export) -> Export:
    if export.state != Export.State.READY:
        raise ExportNotReady(f"The export is {export.state}; there is no file to download.")
    return export


def _file_of(request: Request, export: Export) -> HttpResponseBase:
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
