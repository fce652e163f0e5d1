"""Versions of datasets in the admin."""

from __future__ import annotations

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest

from annotator.admin.base.columns import size
from annotator.admin.base.jobs import LeasedJobAdmin
from annotator.datasets import versions
from annotator.models import DatasetVersion


@admin.register(DatasetVersion)
class DatasetVersionAdmin(LeasedJobAdmin):
    list_display = [
        "id", "project", "name", "state_column", "image_count", "annotation_count", "stored_size", "digest",
        "created_by", "created_at", "error",
    ]  # fmt: skip
    list_filter = ["state", "project", "created_at"]
    list_select_related = ["project", "created_by"]
    search_fields = ["name", "digest", "project__name", "created_by__username", "error"]
    date_hierarchy = "created_at"
    actions = ["retry_failed"]

    @admin.display(description="size", ordering="size_bytes")
    def stored_size(self, version: DatasetVersion) -> str:
        return size(version.size_bytes)

    def delete_model(self, request: HttpRequest, version: DatasetVersion) -> None:
        versions.cancel_or_delete(version)

    def delete_queryset(self, request: HttpRequest, queryset: QuerySet[DatasetVersion]) -> None:
        for version in queryset:
            versions.cancel_or_delete(version)
