"""Invitations in the admin. Their links are on the project's page of people."""

from __future__ import annotations

from django.contrib import admin

from annotator.admin.base.read_only import ReadOnlyAdmin
from annotator.models import Invitation


@admin.register(Invitation)
class InvitationAdmin(ReadOnlyAdmin):
    """Deleting a row withdraws the invitation."""

    list_display = ["note_or_dash", "project", "role", "uses_left", "used", "expires_at", "created_by"]
    list_filter = ["role"]
    list_select_related = ["project", "created_by"]
    search_fields = ["note", "project__name", "created_by__username"]

    @admin.display(description="for", ordering="note")
    def note_or_dash(self, invitation: Invitation) -> str:
        return invitation.note or "–"
