"""Filters of lists that several views share."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import django_filters as filters
from django import forms
from django.core.exceptions import ValidationError
from django.core.validators import MaxValueValidator
from django_filters.fields import IsoDateTimeField
from drf_spectacular.utils import extend_schema_field

from annotator.models.limits import LARGEST_ID


@extend_schema_field({"type": "integer", "minimum": 0, "maximum": LARGEST_ID})
class IdFilter(filters.NumberFilter):
    """A primary key: what no database column could hold is refused in words."""

    field_class = forms.IntegerField

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, min_value=0, **kwargs)

    def get_max_validator(self) -> MaxValueValidator:
        return MaxValueValidator(LARGEST_ID)


class MomentField(IsoDateTimeField):
    """The first and last days of all are no moments in other time zones: they are refused in words."""

    def clean(self, value: Any) -> datetime | None:
        moment = super().clean(value)
        try:
            return moment and moment.astimezone(UTC)
        except OverflowError as error:
            raise ValidationError("This moment is out of range.") from error


class MomentFilter(filters.IsoDateTimeFilter):
    field_class = MomentField
