"""Failed attempts to sign in, in the admin."""

from __future__ import annotations

from django.contrib import admin

from annotator.admin.base.read_only import ReadOnlyAdmin
from annotator.models import LoginFailures


@admin.register(LoginFailures)
class LoginFailuresAdmin(ReadOnlyAdmin):
    """Deleting a row lets that person try again at once. "*" counts any name, or any address."""

    list_display = ["username", "address", "count", "forgotten_at"]
    search_fields = ["username", "address"]
