"""Which rows a request about many of them means: those with these ids, or all that fit some filters."""

from __future__ import annotations

from typing import Any, ClassVar

import django_filters as filters
from django.db.models import Model, QuerySet
from django.http import QueryDict
from rest_framework import serializers

from annotator.errors import InvalidValue
from annotator.models.limits import LARGEST_ID
from annotator.projects.errors import FoundChanged

MOST_IDS = 10_000


class WhichSerializer(serializers.Serializer):
    """One of the two: `ids`, or `filters` as the list takes them ({} means all)."""

    filterset: ClassVar[type[filters.FilterSet]]

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
        unknown = set(attrs.get("filters", {})) - set(self.filterset.base_filters)
        if unknown:
            raise serializers.ValidationError(
                {"filters": [f"Unknown filters: {', '.join(sorted(unknown))}."]}
            )
        return attrs

    def chosen(self, rows: QuerySet[Any, Any]) -> list[int]:
        """Primary keys of those of `rows` that are meant, read once: what comes or goes afterwards is not among them.

        Raises:
            InvalidValue: a filter makes no sense.
            FoundChanged: the filters find another number than was expected.
        """
        which = self.validated_data
        if "ids" in which:
            return _keys(rows.filter(pk__in=which["ids"]))
        query = QueryDict(mutable=True)
        query.update(which["filters"])
        found = self.filterset(query, queryset=rows)
        if found.form.errors:
            raise InvalidValue("The filters make no sense.", fields=dict(found.form.errors))
        keys = _keys(found.qs)
        expected = which.get("expected", len(keys))
        if len(keys) != expected:
            raise FoundChanged(
                f"The filters find {len(keys)} image{'' if len(keys) == 1 else 's'} by now, not {expected}. Nothing "
                "was done: look at the list again."
            )
        return keys


def _keys(rows: QuerySet[Model, Model]) -> list[int]:
    return list(rows.order_by().values_list("pk", flat=True))
