"""API tokens in the admin: whose, for what, when used. The token itself is kept nowhere."""

from __future__ import annotations

from django.contrib import admin
from django.db.models import Model
from django.http import HttpRequest

from annotator.admin.base.read_only import ReadOnlyAdmin
from annotator.models import ApiToken


@admin.register(ApiToken)
class ApiTokenAdmin(ReadOnlyAdmin):
    """Deleting a row withdraws the token."""

    list_display = ["name", "user", "created_at", "last_used_at", "expires_at"]
    list_select_related = ["user"]
    search_fields = ["name", "user__username"]

    def get_readonly_fields(self, request: HttpRequest, obj: Model | None = None) -> list[str]:
        return [name for name in super().get_readonly_fields(request, obj) if name != "digest"]

    def get_exclude(self, request: HttpRequest, obj: Model | None = None) -> list[str]:
        return ["digest"]
