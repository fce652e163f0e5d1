"""How far a project is, and what the person who asks has made today."""

from __future__ import annotations

from datetime import datetime, timedelta

from django.utils import timezone
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from annotator.api.base.errors import ErrorSerializer
from annotator.api.base.scope import ProjectScopedView
from annotator.models import Project
from annotator.models.figures import with_progress
from annotator.people.permissions import signed_in
from annotator.projects.own_progress import own_progress

LONGEST_SPAN = timedelta(days=31)
SINCE = OpenApiParameter(
    "since",
    datetime,
    description="When the person's day began, as ISO 8601, at most 31 days ago; left out: the server's midnight.",
)


class MineSerializer(serializers.Serializer):
    mask_count = serializers.IntegerField(help_text="Masks made since then, without those deleted again.")
    median_seconds = serializers.FloatField(
        allow_null=True, help_text="From the first prompt to the saved mask."
    )
    median_clicks = serializers.FloatField(allow_null=True)


class ProgressSerializer(serializers.Serializer):
    image_count = serializers.IntegerField()
    done_count = serializers.IntegerField()
    skipped_count = serializers.IntegerField()
    open_count = serializers.IntegerField(help_text="Images that are neither done nor skipped.")
    mine = MineSerializer(help_text="Of the person who asks; nobody is told anybody else's.")


class ProgressView(ProjectScopedView):
    http_method_names = ["get", "head", "options"]

    @extend_schema(parameters=[SINCE], responses={200: ProgressSerializer, 400: ErrorSerializer})
    def get(self, request: Request, project_id: int) -> Response:
        """The project's images by state, and one's own masks, seconds and clicks since the day began."""
        project = with_progress(Project.objects.filter(pk=self.project.pk)).get()
        midnight = timezone.localtime().replace(hour=0, minute=0, second=0, microsecond=0)
        asked = request.query_params.get("since")
        since = max(_moment(asked), midnight - LONGEST_SPAN) if asked else midnight
        mine = own_progress(self.project, signed_in(request.user), since)
        counts = ("image_count", "done_count", "skipped_count", "open_count")
        return Response({name: getattr(project, name) for name in counts} | {"mine": mine})


def _moment(text: str) -> datetime:
    try:
        return serializers.DateTimeField().to_internal_value(text)
    except serializers.ValidationError as error:
        raise serializers.ValidationError({"since": error.detail}) from error
