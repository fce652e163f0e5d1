from __future__ import annotations

from django.contrib import admin
from django.db.models import Count, Q, QuerySet
from django.utils.timesince import timesince

from annotator.admin.columns import link_to, link_to_list, size
from annotator.admin.jobs import LeasedJobAdmin
from annotator.admin.read_only import ReadOnlyAdmin
from annotator.bundles import catalogue, decoders
from annotator.embeddings import queue as embedding_queue
from annotator.models import Bundle, EmbeddingJob, WorkerHeartbeat


@admin.register(Bundle)
class BundleAdmin(ReadOnlyAdmin):
    """Mirrors the manifests on disk: what is to change is changed there, by `manage.py install_bundle`."""

    list_display = [
        "name",
        "family",
        "side",
        "short_digest",
        "decoder",
        "is_default",
        "is_available",
        "embeddings",
    ]
    list_filter = ["family", "is_available", "is_default"]
    search_fields = ["name", "title", "digest"]
    actions = ["make_default"]

    def has_delete_permission(self, request, obj=None) -> bool:
        return False  # annotations name its digest

    def get_queryset(self, request):
        ready = Q(embedding_jobs__state=EmbeddingJob.State.READY)
        return super().get_queryset(request).annotate(ready_count=Count("embedding_jobs", filter=ready))

    @admin.display(description="input side", ordering="input_side")
    def side(self, bundle: Bundle) -> str:
        return f"{bundle.input_side} px"

    @admin.display(description="digest", ordering="digest")
    def short_digest(self, bundle: Bundle) -> str:
        return bundle.digest[:12]

    @admin.display(boolean=True)
    def decoder(self, bundle: Bundle) -> bool:
        return bool(bundle.decoder_sha256) and decoders.decoder_file(bundle).is_file()

    @admin.display(ordering="ready_count")
    def embeddings(self, bundle: Bundle):
        return link_to_list("embeddingjob", bundle.ready_count, bundle__id__exact=bundle.pk)

    @admin.action(description="Make the selected bundle the default", permissions=["change"])
    def make_default(self, request, queryset) -> None:
        chosen = list(queryset[:2])
        if len(chosen) != 1 or not chosen[0].is_available:
            self.message_user(request, "Choose exactly one available bundle.", "error")
            return
        catalogue.set_default(chosen[0])
        self.message_user(request, f"New projects get {chosen[0].name} from now on.")


@admin.register(EmbeddingJob)
class EmbeddingJobAdmin(LeasedJobAdmin):
    list_display = [
        "image_column",
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

    def has_delete_permission(self, request, obj=None) -> bool:
        return False  # it goes with its image; the next look of a worker would make it again

    @admin.display(description="image", ordering="image__name")
    def image_column(self, job: EmbeddingJob) -> str:
        return job.image.name

    @admin.display(ordering="image__project__name")
    def project(self, job: EmbeddingJob):
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
    def move_to_front(self, request, queryset) -> None:
        count = embedding_queue.prioritise(self.same_rows(queryset), EmbeddingJob.Priority.OPENED)
        embedding_queue.wake()
        self.message_user(request, f"{count} waiting jobs come first now.")


@admin.register(WorkerHeartbeat)
class WorkerHeartbeatAdmin(ReadOnlyAdmin):
    list_display = ["name", "hostname", "pid", "device", "started_at", "seen"]
    search_fields = ["name", "hostname"]

    @admin.display(description="last seen", ordering="last_seen")
    def seen(self, heartbeat: WorkerHeartbeat) -> str:
        return f"{timesince(heartbeat.last_seen)} ago"
