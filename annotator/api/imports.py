"""Imports of datasets over HTTP: brought, looked at, changed, started, cancelled. For a project's managers."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from django.db.models import QuerySet
from django.http import Http404
from django.http.response import HttpResponseBase
from django.shortcuts import get_object_or_404
from django.urls import reverse
from drf_spectacular.utils import extend_schema
from rest_framework import generics, serializers
from rest_framework.request import Request
from rest_framework.response import Response

from annotator.api.base.errors import ErrorSerializer
from annotator.api.base.files import BYTES, file_response
from annotator.api.base.scope import ProjectScopedView, RowView
from annotator.datasets import imports
from annotator.errors import InvalidValue
from annotator.files import stored
from annotator.models import Import, PartialUpload
from annotator.people.permissions import require_staff, signed_in
from exporters.registry import import_formats


class ChoiceOfYesOrNo(serializers.BooleanField):
    """Left out of a form, it is left alone: a box without a tick would be sent as nothing, too."""

    default_empty_html = serializers.empty


class OptionsSerializer(serializers.Serializer):
    """What can be chosen about an import, at any time before it starts."""

    match = serializers.ChoiceField(
        choices=Import.Match.choices,
        required=False,
        help_text="How an image of the files is found in the project. Equal pixels decide where the files say digests.",
    )
    new_images = ChoiceOfYesOrNo(
        required=False, help_text="Whether pictures come in that the project does not have."
    )
    to_check = ChoiceOfYesOrNo(
        required=False, help_text="Whether the annotations come in as ones that somebody is to check."
    )

    # No list of choices: in the schema, it would bear the name of the list of formats that are written.
    format = serializers.CharField(
        required=False, help_text="A format that can be read. Left out: the one that the files look like."
    )

    def validate_format(self, name: str) -> str:
        if name not in import_formats():
            raise serializers.ValidationError(
                f"There is no format {name!r:.100} that can be read; there are: {', '.join(import_formats())}."
            )
        return name


class ImportStartSerializer(OptionsSerializer):
    """One of `file`, `upload` and `path` brings the dataset."""

    file = serializers.FileField(required=False, help_text="A zip, or one file of a format.")
    upload = serializers.UUIDField(
        required=False, help_text="A large file that was sent in parts (`uploads/`), all of them."
    )
    path = serializers.CharField(
        required=False,
        max_length=4096,
        help_text="A file or folder of the server within IMPORT_ROOTS; for admins.",
    )

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        if len({"file", "upload", "path"} & set(attrs)) != 1:
            raise serializers.ValidationError('Send one of "file", "upload" and "path".')
        return attrs


class ImportChangeSerializer(OptionsSerializer):
    """Another format or way of matching, and whether new images come in, has the files examined once more."""

    mapping = serializers.DictField(
        child=serializers.JSONField(),
        required=False,
        help_text='The file\'s category id -> id of a category of the project, "new" or "skip"; those left out stay.',
    )


class ImageFiguresSerializer(serializers.Serializer):
    new = serializers.IntegerField(help_text="The picture is there and the project does not have it.")
    known = serializers.IntegerField(help_text="The project has it.")
    missing = serializers.IntegerField(help_text="The project does not have it, and there is no picture.")
    not_wanted = serializers.IntegerField(help_text="New, and no new images are to come in.")
    refused = serializers.IntegerField(help_text="See the problems.")


class AnnotationFiguresSerializer(serializers.Serializer):
    new = serializers.IntegerField()
    here = serializers.IntegerField(help_text="The project has them already; they stay as they are.")
    boxes = serializers.IntegerField(help_text="Of the new ones: the file knows only their boxes.")
    unplaced = serializers.IntegerField(help_text="On images that do not come in.")


class FoundCategorySerializer(serializers.Serializer):
    id = serializers.IntegerField(help_text="In the file.")
    name = serializers.CharField()
    supercategory = serializers.CharField(allow_blank=True)
    color = serializers.CharField(allow_blank=True)
    new = serializers.IntegerField(help_text="Annotations that the project does not have.")
    here = serializers.IntegerField(help_text="Annotations that it has.")


class ProblemCountSerializer(serializers.Serializer):
    code = serializers.CharField()
    count = serializers.IntegerField()


class ProblemSerializer(serializers.Serializer):
    place = serializers.CharField(help_text="Where in the files: the file, and the line or the entry.")
    code = serializers.CharField()
    message = serializers.CharField()


class ProblemsSerializer(serializers.Serializer):
    count = serializers.IntegerField()
    codes = ProblemCountSerializer(many=True)
    shown = ProblemSerializer(many=True, help_text="The first ones; `problems_url` has all.")


class FoundSerializer(serializers.Serializer):
    """What the examination found."""

    title = serializers.CharField(help_text="Of the format.")
    images = ImageFiguresSerializer()
    annotations = AnnotationFiguresSerializer()
    categories = FoundCategorySerializer(many=True)
    missing = serializers.ListField(
        child=serializers.CharField(), help_text="Names of the first missing ones."
    )
    problems = ProblemsSerializer()


class RefusedImageSerializer(serializers.Serializer):
    place = serializers.CharField()
    message = serializers.CharField()


class ResultSerializer(serializers.Serializer):
    """What has come in so far."""

    images_new = serializers.IntegerField()
    images_known = serializers.IntegerField(help_text="That got annotations.")
    annotations = serializers.IntegerField()
    here = serializers.IntegerField(help_text="Annotations that the project had already.")
    images_refused = serializers.IntegerField()
    refused = RefusedImageSerializer(many=True, help_text="The first of them.")


class ImportSerializer(serializers.ModelSerializer):
    phase = serializers.ChoiceField(choices=Import.Phase.choices, read_only=True)
    progress = serializers.FloatField(read_only=True, help_text="0 to 1, of the present step.")
    found = FoundSerializer(allow_null=True, read_only=True)
    result = ResultSerializer(allow_null=True, read_only=True)
    problems_url = serializers.SerializerMethodField()

    class Meta:
        model = Import
        fields = [
            "id",
            "name",
            "size_bytes",
            "phase",
            "progress",
            "done",
            "total",
            "error",
            "format",
            "match",
            "new_images",
            "to_check",
            "mapping",
            "found",
            "result",
            "problems_url",
            "created_at",
        ]
        read_only_fields = fields

    def get_problems_url(self, row: Import) -> str | None:
        return reverse("api:import-problems", args=[row.pk]) if row.problems_file else None


class ManagersView(RowView):
    """Reading is for managers, too."""

    lookup_url_kwarg = "import_id"
    queryset = Import.objects.all()

    def right(self) -> str:
        return "manage"


class ImportsView(ProjectScopedView, generics.ListAPIView):
    """A project's imports, the newest first."""

    serializer_class = ImportSerializer
    body_limit = "MAX_REQUEST_BYTES"
    queryset = Import.objects.none()

    def right(self) -> str:
        return "manage"

    def get_queryset(self) -> QuerySet[Import]:
        return Import.objects.filter(project=self.project)

    @extend_schema(
        request={
            "multipart/form-data": ImportStartSerializer,
            "application/json": ImportStartSerializer,
        },
        responses={202: ImportSerializer, 400: ErrorSerializer, 409: ErrorSerializer},
        filters=False,
    )
    def post(self, request: Request, project_id: int) -> Response:
        """Has a dataset examined in the background; nothing comes in before `start/`. Follow it at `imports/{id}/`."""
        form = ImportStartSerializer(data=request.data)
        form.is_valid(raise_exception=True)
        options = dict(form.validated_data)
        file, upload, path = (options.pop(name, None) for name in ("file", "upload", "path"))
        user = signed_in(request.user)
        if path:
            require_staff(user)
            row = imports.begin_with_path(self.project, user, Path(path), **options)
        elif upload:
            own = PartialUpload.objects.filter(user=user, project=self.project)
            row = imports.begin_with_upload(get_object_or_404(own, pk=upload), user, **options)
        else:
            row = imports.begin_with_file(self.project, user, file, **options)
        return Response(self.get_serializer(row).data, status=202)


class ImportView(ManagersView, generics.RetrieveDestroyAPIView):
    """Deleting cancels an import that waits or runs, and keeps what has come in; its row goes when deleted again."""

    serializer_class = ImportSerializer

    @extend_schema(
        request=ImportChangeSerializer,
        responses={200: ImportSerializer, 400: ErrorSerializer, 409: ErrorSerializer},
    )
    def patch(self, request: Request, import_id: int) -> Response:
        """Changes options and the mapping of categories, while no worker is at it."""
        row = self.get_object()
        form = ImportChangeSerializer(data=request.data)
        form.is_valid(raise_exception=True)
        if unknown := set(request.data) - set(form.fields):
            raise InvalidValue.of_field(min(unknown), "An import has no such option.")
        return Response(self.get_serializer(imports.change(row, **form.validated_data)).data)

    def perform_destroy(self, row: Import) -> None:
        imports.cancel_or_delete(row)


class ImportStartView(ManagersView):
    serializer_class = ImportSerializer

    @extend_schema(request=None, responses={202: ImportSerializer, 409: ErrorSerializer})
    def post(self, request: Request, import_id: int) -> Response:
        """Brings in what was examined, in the background. One that was cancelled or failed can be started again."""
        return Response(self.get_serializer(imports.start(self.get_object())).data, status=202)


class ImportProblemsView(ManagersView):
    @extend_schema(responses={(200, "text/csv"): BYTES})
    def get(self, request: Request, import_id: int) -> HttpResponseBase:
        """All problems that the examination found, as a table: place, code, message."""
        row = self.get_object()
        if not row.problems_file:
            raise Http404
        try:
            return file_response(
                request,
                lambda: stored.open_file(row.problems_file),
                etag=f'"{row.problems_file.rpartition("/")[2]}"',
                content_type="text/csv; charset=utf-8",
                immutable=False,
                file_name=f"problems-of-import-{row.pk}.csv",
                as_attachment=True,
            )
        except FileNotFoundError as error:
            raise Http404 from error
