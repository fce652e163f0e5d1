"""Many images at once: those with these ids, or all that fit some filters; marked, or put into the trash."""

from __future__ import annotations

from django.db.models import QuerySet
from django.http import QueryDict
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from annotator.api.base.errors import ErrorSerializer
from annotator.api.base.limits import LARGEST_ID
from annotator.api.base.scope import ProjectScopedView
from annotator.api.images import ImageFilter, marks_of
from annotator.errors import InvalidValue
from annotator.media import trash
from annotator.models import Image
from annotator.models.figures import with_details
from annotator.people.permissions import signed_in
from annotator.projects import progress
from annotator.projects.errors import FoundChanged

MOST_IDS = 10_000


class WhichImagesSerializer(serializers.Serializer):
    """One of the two: `ids`, or `filters` as the list of images takes them ({} means all)."""

    ids = serializers.ListField(
        child=serializers.IntegerField(min_value=1, max_value=LARGEST_ID), max_length=MOST_IDS, required=False
    )
    filters = serializers.DictField(child=serializers.CharField(max_length=255), required=False)
    expected = serializers.IntegerField(
        min_value=0,
        required=False,
        help_text="How many images fit the filters as far as the person knows; otherwise nothing is done.",
    )

    def validate(self, attrs: dict) -> dict:
        if ("ids" in attrs) == ("filters" in attrs):
            raise serializers.ValidationError('Send either "ids" or "filters".')
        unknown = set(attrs.get("filters", {})) - set(ImageFilter.base_filters)
        if unknown:
            raise serializers.ValidationError(
                {"filters": [f"Unknown filters: {', '.join(sorted(unknown))}."]}
            )
        return attrs


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

    def images(self, which: dict) -> QuerySet[Image]:
        """Those of the project; ids of other projects' images are left out. Raises InvalidValue for a filter."""
        rows = with_details(Image.objects.filter(project=self.project))
        if "ids" in which:
            return rows.filter(pk__in=which["ids"])
        query = QueryDict(mutable=True)
        query.update(which["filters"])
        found = ImageFilter(query, queryset=rows)
        if found.form.errors:
            raise InvalidValue("The filters make no sense.", fields=dict(found.form.errors))
        expected = which.get("expected")
        if expected is not None and (count := found.qs.count()) != expected:
            raise FoundChanged(
                f"The filters find {count} image{'' if count == 1 else 's'} by now, not {expected}. Nothing was "
                "done: look at the list again."
            )
        return found.qs


class ImagesMarkView(BulkView):
    """Marks images not started, in progress, done or skipped, and sets or removes their flags."""

    write_right = "annotate"

    @extend_schema(request=MarkSerializer, responses=ANSWERS)
    def post(self, request: Request, project_id: int) -> Response:
        form = MarkSerializer(data=request.data)
        form.is_valid(raise_exception=True)
        images = self.images(form.validated_data)
        marks, user = marks_of(form.validated_data), signed_in(request.user)
        return Response({"count": progress.mark(images, marks, by=user)})


class ImagesDeleteView(BulkView):
    """Deletes images softly, all of them or, where something fails, none; the trash has them then."""

    @extend_schema(request=WhichImagesSerializer, responses={**ANSWERS, 200: ThrownAwaySerializer})
    def post(self, request: Request, project_id: int) -> Response:
        form = WhichImagesSerializer(data=request.data)
        form.is_valid(raise_exception=True)
        count, deleted_at = trash.throw_away(self.images(form.validated_data), by=signed_in(request.user))
        return Response(ThrownAwaySerializer({"count": count, "deleted_at": deleted_at}).data)
