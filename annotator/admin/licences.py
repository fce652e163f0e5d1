"""Accepted licences in the admin: who accepted which, and when."""

from __future__ import annotations

from django.contrib import admin

from annotator.admin.base.read_only import ReadOnlyAdmin
from annotator.models import AcceptedLicence


@admin.register(AcceptedLicence)
class AcceptedLicenceAdmin(ReadOnlyAdmin):
    list_display = ["name", "licence", "accepted_by", "accepted_at"]
    list_select_related = ["accepted_by"]
    search_fields = ["name", "licence", "accepted_by__username"]
