"""Many images at once: those with these ids, or all that fit some filters; marked, or put into the trash."""

from __future__ import annotations

from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from annotator.api.base.errors import ErrorSerializer
from annotator.api.base.scope import ProjectScopedView
from annotator.api.base.which import WhichSerializer
from annotator.api.images import ImageFilter, marks_of
from annotator.media import trash
from annotator.models import Image
from annotator.models.figures import with_details
from annotator.people.permissions import signed_in
from annotator.projects import progress


class WhichImagesSerializer(WhichSerializer):
    filterset = ImageFilter


class MarkSerializer(WhichImagesSerializer):
    """Which images, and `state`, `flagged` or both; the rest as for one image."""

    state = serializers.ChoiceField(choices=Image.State.choices, required=False)
    skip_reason = serializers.ChoiceField(
        choices=Image.SkipReason.choices, required=False, help_text='With the state "skipped".'
    )
    skip_note = serializers.CharField(max_length=200, required=False, allow_blank=True)
    flagged = serializers.BooleanField(required=False)
    flag_note = serializers.CharField(max_length=500, required=False, allow_blank=True)


class CountSerializer(serializers.Serializer):
    count = serializers.IntegerField(help_text="How many images it was done to.")


ANSWERS = {200: CountSerializer, 400: ErrorSerializer, 409: ErrorSerializer}


class ThrownAwaySerializer(CountSerializer):
    deleted_at = serializers.DateTimeField(
        help_text="What all of them carry: the trash's filter finds them by it."
    )


class BulkView(ProjectScopedView):
    http_method_names = ["post", "options"]

    def chosen(self, form: WhichImagesSerializer) -> list[int]:
        """Ids of the project's images that are meant; other projects' are left out."""
        form.is_valid(raise_exception=True)
        return form.chosen(with_details(Image.objects.filter(project=self.project)))


class ImagesMarkView(BulkView):
    """Marks images not started, in progress, done or skipped, and sets or removes their flags."""

    write_right = "annotate"

    @extend_schema(request=MarkSerializer, responses=ANSWERS)
    def post(self, request: Request, project_id: int) -> Response:
        form = MarkSerializer(data=request.data)
        ids = self.chosen(form)
        marks, user = marks_of(form.validated_data), signed_in(request.user)
        return Response({"count": progress.mark(ids, marks, by=user)})


class ImagesDeleteView(BulkView):
    """Deletes images softly, all of them or, where something fails, none; the trash has them then."""

    @extend_schema(request=WhichImagesSerializer, responses={**ANSWERS, 200: ThrownAwaySerializer})
    def post(self, request: Request, project_id: int) -> Response:
        form = WhichImagesSerializer(data=request.data)
        count, deleted_at = trash.throw_away(self.chosen(form), by=signed_in(request.user))
        return Response(ThrownAwaySerializer({"count": count, "deleted_at": deleted_at}).data)
