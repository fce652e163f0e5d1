"""Model bundles in the admin."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.contrib import admin
from django.db.models import Count, Q, QuerySet
from django.http import HttpRequest
from django.utils.safestring import SafeString

from annotator.admin.base.columns import link_to_list
from annotator.admin.base.read_only import ReadOnlyAdmin
from annotator.bundles import catalogue, decoders
from annotator.bundles.default_change import default_change
from annotator.models import Bundle, EmbeddingJob

if TYPE_CHECKING:
    from typing import TypedDict

    from django_stubs_ext import WithAnnotations

    class ReadyCount(TypedDict):
        ready_count: int


@admin.register(Bundle)
class BundleAdmin(ReadOnlyAdmin):
    """Only looked at: bundles come and change by `manage.py install_bundle`."""

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

    def has_delete_permission(self, request: HttpRequest, obj: Bundle | None = None) -> bool:
        return False  # annotations name its digest

    def get_queryset(self, request: HttpRequest) -> QuerySet[Bundle]:
        ready = Q(embedding_jobs__state=EmbeddingJob.State.READY, embedding_jobs__region="")
        return super().get_queryset(request).annotate(ready_count=Count("embedding_jobs", filter=ready))

    @admin.display(description="input side", ordering="input_side")
    def side(self, bundle: Bundle) -> str:
        return f"{bundle.input_side} px"

    @admin.display(description="digest", ordering="digest")
    def short_digest(self, bundle: Bundle) -> str:
        return bundle.digest[:12]

    @admin.display(boolean=True)
    def decoder(self, bundle: Bundle) -> bool:
        return decoders.is_exported(bundle)

    @admin.display(ordering="ready_count")
    def embeddings(self, bundle: WithAnnotations[Bundle, ReadyCount]) -> SafeString:
        return link_to_list("embeddingjob", bundle.ready_count, bundle__id__exact=bundle.pk)

    @admin.action(description="Make the selected bundle the default", permissions=["change"])
    def make_default(self, request: HttpRequest, queryset: QuerySet[Bundle]) -> None:
        chosen = list(queryset[:2])
        if len(chosen) != 1 or not chosen[0].is_available:
            self.message_user(request, "Choose exactly one available bundle.", "error")
            return
        change = default_change(chosen[0])
        catalogue.set_default(chosen[0])
        self.message_user(request, f"New projects get {chosen[0].name} from now on. {change.text}")
