"""Rows that jobs, uploads and the disk write: the admin shows them and offers actions, but no form to change them."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.db.models import Model
from django.http import HttpRequest, HttpResponse


class ReadOnlyAdmin(admin.ModelAdmin):
    """Every field read-only, nothing to add. Actions still need the change permission."""

    list_per_page = 50
    show_full_result_count = False  # counting a large table twice is what makes Django's lists slow

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def get_readonly_fields(self, request: HttpRequest, obj: Model | None = None) -> list[str]:
        own = [field.name for field in self.model._meta.fields]
        return [*own, *[name for name in super().get_readonly_fields(request, obj) if name not in own]]

    def change_view(
        self,
        request: HttpRequest,
        object_id: str,
        form_url: str = "",
        extra_context: dict[str, Any] | None = None,
    ) -> HttpResponse:
        hidden = {"show_save": False, "show_save_and_continue": False, "show_close": True}
        return super().change_view(request, object_id, form_url, (extra_context or {}) | hidden)
