"""Images in the admin."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest
from django.urls import reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString

from annotator.admin.base.columns import link_to_list, picture, size, state_badge
from annotator.admin.base.deleting import DeletesWhatBelongsToIt
from annotator.admin.base.read_only import ReadOnlyAdmin
from annotator.embeddings import queue as embedding_queue
from annotator.embeddings.errors import NoBundle
from annotator.embeddings.which_bundle import bundle_of
from annotator.media import removal
from annotator.models import EmbeddingJob, Image
from annotator.models.figures import with_details

if TYPE_CHECKING:
    from annotator.models.figures import ImageWithDetails


@admin.register(Image)
class ImageAdmin(DeletesWhatBelongsToIt, ReadOnlyAdmin):
    list_display = [
        "thumbnail_column",
        "name",
        "project",
        "pixels",
        "stored_size",
        "state_column",
        "flagged",
        "embedding",
        "annotations",
        "uploaded_by",
        "created_at",
    ]
    list_display_links = ["thumbnail_column", "name"]
    ordering = ["pk"]  # across projects, positions say nothing
    list_filter = [
        "state",
        "skip_reason",
        ("flagged_at", admin.EmptyFieldListFilter),
        "project",
        "content_type",
        "created_at",
    ]
    list_select_related = ["project", "uploaded_by"]
    search_fields = ["name", "digest", "project__name", "uploaded_by__username"]
    date_hierarchy = "created_at"
    fields = [
        "large_picture",
        "name",
        "project",
        "state",
        "state_by",
        "state_at",
        "skip_reason",
        "skip_note",
        "flagged_by",
        "flagged_at",
        "flag_note",
        "width",
        "height",
        "digest",
        "content_type",
        "size_bytes",
        "file",
        "uploaded_by",
        "created_at",
        "updated_at",
    ]
    readonly_fields = ["large_picture"]
    actions = ["move_to_front"]

    def get_queryset(self, request: HttpRequest) -> QuerySet[Image]:
        return with_details(super().get_queryset(request))

    @admin.display(description="")
    def thumbnail_column(self, image: Image) -> SafeString:
        return picture(reverse("api:image-thumbnail", args=[image.pk]), image.name)

    @admin.display(description="picture")
    def large_picture(self, image: Image) -> SafeString:
        return format_html(
            '<a href="{}"><img class="admin-overlay" src="{}" alt="{}"></a>',
            reverse("annotate", args=[image.pk]),
            reverse("api:image-file", args=[image.pk]),
            image.name,
        )

    @admin.display(ordering="width")
    def pixels(self, image: Image) -> str:
        return f"{image.width} × {image.height}"

    @admin.display(description="size", ordering="size_bytes")
    def stored_size(self, image: Image) -> str:
        return size(image.size_bytes)

    @admin.display(description="state", ordering="state")
    def state_column(self, image: Image) -> SafeString:
        return state_badge(image.state)

    @admin.display(ordering="flagged_at", boolean=True)
    def flagged(self, image: Image) -> bool:
        return image.is_flagged

    @admin.display(ordering="embedding_state")
    def embedding(self, image: ImageWithDetails) -> SafeString:
        return state_badge(image.embedding_state)

    @admin.display(ordering="annotation_count")
    def annotations(self, image: ImageWithDetails) -> SafeString:
        return link_to_list("annotation", image.annotation_count, image__id__exact=image.pk)

    @admin.action(description="Make embeddings of selected images next", permissions=["change"])
    def move_to_front(self, request: HttpRequest, queryset: QuerySet[Image]) -> None:
        count = 0
        for image in queryset.select_related("project__bundle"):
            try:
                embedding_queue.ensure_job(image, bundle_of(image.project), EmbeddingJob.Priority.OPENED)
            except NoBundle as error:
                self.message_user(request, error.message, messages.ERROR)
                return
            count += 1
        embedding_queue.wake()
        self.message_user(request, f"{count} images come first now.")

    # The rows' files go too; Django's own deletion would leave them on disk.
    def delete_model(self, request: HttpRequest, image: Image) -> None:
        removal.delete_images([image])

    def delete_queryset(self, request: HttpRequest, queryset: QuerySet[Image]) -> None:
        removal.delete_images(queryset)
