"""Lists come in pages."""

from __future__ import annotations

from typing import Any

from rest_framework import pagination
from rest_framework.exceptions import ValidationError
from rest_framework.request import Request


class PageNumberPagination(pagination.PageNumberPagination):
    """`{count, next, previous, results}`, with `?page=` and `?page_size=` (at most 500 rows)."""

    page_size = 100
    page_size_query_param = "page_size"
    max_page_size = 500

    def get_page_size(self, request: Request) -> int | None:
        """What is no number is refused in words: DRF would give another number of rows than was asked for."""
        wanted = request.query_params.get(self.page_size_query_param)
        if wanted is not None and not (wanted.isascii() and wanted.isdecimal() and int(wanted[:20]) > 0):
            raise ValidationError({self.page_size_query_param: ["This is no number of rows: 1, 2, ..."]})
        return super().get_page_size(request)

    def get_schema_operation_parameters(self, view: Any) -> list[dict[str, Any]]:
        parameters = super().get_schema_operation_parameters(view)
        for parameter in parameters:
            parameter["schema"]["minimum"] = 1
        return parameters
