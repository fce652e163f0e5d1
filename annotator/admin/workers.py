"""Workers in the admin: those that gave a sign of life lately."""

from __future__ import annotations

from django.contrib import admin
from django.utils.timesince import timesince

from annotator.admin.base.read_only import ReadOnlyAdmin
from annotator.models import WorkerHeartbeat


@admin.register(WorkerHeartbeat)
class WorkerHeartbeatAdmin(ReadOnlyAdmin):
    list_display = ["name", "hostname", "pid", "device", "started_at", "seen"]
    search_fields = ["name", "hostname"]

    @admin.display(description="last seen", ordering="last_seen")
    def seen(self, heartbeat: WorkerHeartbeat) -> str:
        return f"{timesince(heartbeat.last_seen)} ago"
