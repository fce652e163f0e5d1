"""Jobs of any kind: what their lists have in common. A kind without an admin class of its own gets this one."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils import timezone
from django.utils.safestring import SafeString

from annotator.admin.base.columns import state_badge
from annotator.admin.base.read_only import ReadOnlyAdmin
from annotator.jobs import queue
from annotator.models import LeasedJob

SHORT_ERROR_CHARACTERS = 80


class LeasedJobAdmin(ReadOnlyAdmin):
    list_display = ["__str__", "state_column", "attempts", "short_error", "worker", "lease", "finished_at"]
    list_filter = ["state", "finished_at"]
    search_fields = ["worker", "error"]
    actions = ["retry_failed"]

    def get_fields(self, request: HttpRequest, obj: LeasedJob | None = None) -> list[Any]:
        """What the job is about comes first, the columns of every job last."""
        of_every_job = {field.name for field in LeasedJob._meta.get_fields()}
        names: list[Any] = list(super().get_fields(request, obj))
        return sorted(names, key=lambda name: name in of_every_job)

    @admin.display(description="state", ordering="state")
    def state_column(self, job: LeasedJob) -> SafeString:
        return state_badge(job.state)

    @admin.display(description="error")
    def short_error(self, job: LeasedJob) -> str:
        error = job.error
        return error if len(error) <= SHORT_ERROR_CHARACTERS else f"{error[:SHORT_ERROR_CHARACTERS]}…"

    @admin.display(ordering="lease_expires_at")
    def lease(self, job: LeasedJob) -> str:
        if not job.lease_expires_at:
            return "–"
        left_s = (job.lease_expires_at - timezone.now()).total_seconds()
        return f"{left_s:.0f} s left" if left_s > 0 else "ran out"

    @admin.action(description="Retry selected failed jobs", permissions=["change"])
    def retry_failed(self, request: HttpRequest, queryset: QuerySet[LeasedJob]) -> None:
        count = self.put_back(self.same_rows(queryset))
        self.message_user(request, f"{count} failed {self.opts.verbose_name_plural} wait for a worker again.")

    def put_back(self, jobs: QuerySet) -> int:
        """Puts failed jobs back into the queue; how many."""
        return queue.retry_failed(jobs)

    def same_rows(self, queryset: QuerySet) -> QuerySet:
        """Without the list's joins and order, which an UPDATE cannot have."""
        return self.model.objects.filter(pk__in=list(queryset.values_list("pk", flat=True)))
