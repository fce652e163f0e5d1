"""Embedding jobs in the admin."""

from __future__ import annotations

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.safestring import SafeString

from annotator.admin.base.columns import link_to, size
from annotator.admin.base.jobs import LeasedJobAdmin
from annotator.embeddings import queue as embedding_queue
from annotator.models import EmbeddingJob


@admin.register(EmbeddingJob)
class EmbeddingJobAdmin(LeasedJobAdmin):
    list_display = [
        "image_column",
        "region",
        "state_column",
        "attempts",
        "short_error",
        "worker",
        "lease",
        "duration",
        "stored_size",
        "priority",
        "queued_at",
        "bundle",
        "project",
    ]
    list_filter = ["state", "priority", "bundle", "image__project", "finished_at"]
    list_select_related = ["image__project", "bundle"]
    search_fields = ["image__name", "worker", "error"]
    date_hierarchy = "queued_at"
    actions = ["retry_failed", "move_to_front"]

    def has_delete_permission(self, request: HttpRequest, obj: EmbeddingJob | None = None) -> bool:
        return False  # it goes with its image; the next look of a worker would make it again

    @admin.display(description="image", ordering="image__name")
    def image_column(self, job: EmbeddingJob) -> str:
        return job.image.name

    @admin.display(ordering="image__project__name")
    def project(self, job: EmbeddingJob) -> SafeString:
        return link_to(job.image.project)

    @admin.display(ordering="duration_ms")
    def duration(self, job: EmbeddingJob) -> str:
        return "–" if job.duration_ms is None else f"{job.duration_ms / 1000:.2f} s"

    @admin.display(description="size", ordering="size_bytes")
    def stored_size(self, job: EmbeddingJob) -> str:
        return size(job.size_bytes)

    def put_back(self, jobs: QuerySet[EmbeddingJob]) -> int:
        return embedding_queue.retry_failed(jobs)

    @admin.action(description="Move selected jobs to the front of the queue", permissions=["change"])
    def move_to_front(self, request: HttpRequest, queryset: QuerySet[EmbeddingJob]) -> None:
        count = embedding_queue.prioritise(self.same_rows(queryset), EmbeddingJob.Priority.OPENED)
        embedding_queue.wake()
        self.message_user(request, f"{count} waiting jobs come first now.")
