"""Imports in the admin."""

from __future__ import annotations

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.html import format_html
from django.utils.safestring import SafeString

from annotator.admin.base.columns import size
from annotator.admin.base.jobs import LeasedJobAdmin
from annotator.datasets import imports
from annotator.models import Import


@admin.register(Import)
class ImportAdmin(LeasedJobAdmin):
    list_display = [
        "id",
        "project",
        "name",
        "format",
        "step",
        "state_column",
        "progress_column",
        "stored_size",
        "created_by",
        "created_at",
        "error",
    ]
    list_filter = ["state", "step", "format", "project", "created_at"]
    list_select_related = ["project", "created_by"]
    search_fields = ["name", "path", "project__name", "created_by__username", "error"]
    date_hierarchy = "created_at"
    actions = ["retry_failed", "cancel"]

    @admin.display(description="progress")
    def progress_column(self, row: Import) -> SafeString:
        percent = round(100 * row.progress)
        return format_html('<progress max="100" value="{}"></progress> {} %', percent, percent)

    @admin.display(description="size", ordering="size_bytes")
    def stored_size(self, row: Import) -> str:
        return size(row.size_bytes)

    @admin.action(description="Cancel selected imports", permissions=["change"])
    def cancel(self, request: HttpRequest, queryset: QuerySet[Import]) -> None:
        running = [row for row in queryset if row.is_pending]
        for row in running:
            imports.cancel_or_delete(row)
        self.message_user(request, f"{len(running)} cancelled.")

    # One that is under way is stopped first; its files go with the row.
    def delete_model(self, request: HttpRequest, row: Import) -> None:
        imports.cancel_or_delete(row)
        imports.cancel_or_delete(row)

    def delete_queryset(self, request: HttpRequest, queryset: QuerySet[Import]) -> None:
        for row in queryset:
            self.delete_model(request, row)
