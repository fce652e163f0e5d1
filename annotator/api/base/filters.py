"""Filters of lists that several views share."""

from __future__ import annotations

from typing import Any

import django_filters as filters
from django.core.validators import MaxValueValidator

from annotator.api.base.limits import LARGEST_ID


class IdFilter(filters.NumberFilter):
    """A primary key: what no database column could hold is refused in words."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, min_value=0, **kwargs)

    def get_max_validator(self) -> MaxValueValidator:
        return MaxValueValidator(LARGEST_ID)
