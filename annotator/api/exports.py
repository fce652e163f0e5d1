from __future__ import annotations

from django.core.files.storage import default_storage
from django.http import Http404, HttpResponse
from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from annotator.api.files import file_response
from annotator.api.filters import ExportFilter
from annotator.api.scope import ScopedView
from annotator.api.serializers import BYTES, ErrorSerializer, ExportSerializer, ExportStartSerializer
from annotator.datasets import exports
from annotator.errors import ExportNotReady
from annotator.models import Export


class ExportsView(ScopedView):
    serializer_class = ExportSerializer
    filterset_class = ExportFilter
    queryset = Export.objects.none()

    @extend_schema(responses=ExportSerializer(many=True))
    def get(self, request: Request, project_id: int) -> Response:
        return self.list_rows(Export.objects.filter(project=self.find_project(project_id)))

    @extend_schema(request=ExportStartSerializer, responses={202: ExportSerializer}, filters=False)
    def post(self, request: Request, project_id: int) -> Response:
        """Starts an export in the background; follow it under `/api/exports/{id}/`."""
        project = self.find_project(project_id)
        form = ExportStartSerializer(data=request.data)
        form.is_valid(raise_exception=True)
        export = exports.start(project, request.user, **form.validated_data)
        return Response(self.get_serializer(export).data, status=202)


class ExportView(ScopedView):
    serializer_class = ExportSerializer
    queryset = Export.objects.none()

    def get(self, request: Request, export_id: int) -> Response:
        return Response(self.get_serializer(self.find(Export.objects.all(), pk=export_id)).data)

    @extend_schema(responses={204: None})
    def delete(self, request: Request, export_id: int) -> Response:
        """Cancels an export that waits or runs; deletes one that is over."""
        exports.cancel_or_delete(self.find(Export.objects.all(), pk=export_id))
        return Response(status=204)


class ExportFileView(ScopedView):
    queryset = Export.objects.none()

    @extend_schema(responses={(200, "application/octet-stream"): BYTES, 409: ErrorSerializer})
    def get(self, request: Request, export_id: int) -> HttpResponse:
        """The finished file."""
        export = self.find(Export.objects.all(), pk=export_id)
        if export.state != Export.State.READY:
            raise ExportNotReady(f"The export is {export.state}; there is no file to download.")
        try:
            return file_response(
                request,
                lambda: default_storage.open(export.file.name, "rb"),
                etag=f'"{export.file.name.rpartition("/")[2]}"',
                content_type="application/zip" if export.file.name.endswith(".zip") else "application/json",
                immutable=False,
                file_name=export.file_name,
                as_attachment=True,
            )
        except FileNotFoundError as error:
            raise Http404 from error
