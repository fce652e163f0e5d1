"""Exports in the admin."""

from __future__ import annotations

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.urls import reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString

from annotator.admin.base.columns import size
from annotator.admin.base.jobs import LeasedJobAdmin
from annotator.datasets import exports, formats
from annotator.models import Export


@admin.register(Export)
class ExportAdmin(LeasedJobAdmin):
    list_display = [
        "id",
        "project",
        "format",
        "choices",
        "state_column",
        "progress_column",
        "stored_size",
        "download",
        "created_by",
        "created_at",
        "error",
    ]
    list_filter = ["state", "format", "project", "created_at"]
    list_select_related = ["project", "created_by"]
    search_fields = ["project__name", "created_by__username", "error"]
    date_hierarchy = "created_at"
    actions = ["retry_failed", "cancel"]

    @admin.display(description="options")
    def choices(self, export: Export) -> str:
        return f"{formats.title(export)}, {formats.selected(export)}"

    @admin.display(description="progress")
    def progress_column(self, export: Export) -> SafeString:
        percent = round(100 * export.progress)
        return format_html('<progress max="100" value="{}"></progress> {} %', percent, percent)

    @admin.display(description="size", ordering="size_bytes")
    def stored_size(self, export: Export) -> str:
        return size(export.size_bytes)

    @admin.display(description="file")
    def download(self, export: Export) -> str:
        if export.state != Export.State.READY:
            return "–"
        return format_html('<a href="{}">Download</a>', reverse("api:export-file", args=[export.pk]))

    @admin.action(description="Cancel selected exports", permissions=["change"])
    def cancel(self, request: HttpRequest, queryset: QuerySet[Export]) -> None:
        running = list(queryset.filter(state__in=[Export.State.QUEUED, Export.State.RUNNING]))
        for export in running:
            exports.cancel_or_delete(export)
        self.message_user(request, f"{len(running)} cancelled.")

    # One that is under way is stopped first, so that its worker does not leave a file without a row.
    def delete_model(self, request: HttpRequest, export: Export) -> None:
        exports.cancel_or_delete(export)
        if Export.objects.filter(pk=export.pk).exists():
            exports.cancel_or_delete(export)

    def delete_queryset(self, request: HttpRequest, queryset: QuerySet[Export]) -> None:
        for export in queryset:
            self.delete_model(request, export)
