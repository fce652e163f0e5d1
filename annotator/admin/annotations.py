"""Annotations in the admin: looked at, deleted softly, restored."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING
from uuid import UUID

from django.contrib import admin
from django.contrib.admin.views.main import ChangeList
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import Http404, HttpRequest, HttpResponse
from django.urls import URLPattern, path, reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString

from annotator.admin.base.columns import figure, link_to, picture, state_badge, swatch
from annotator.admin.base.read_only import ReadOnlyAdmin
from annotator.annotations import saving
from annotator.annotations.pictures import overlay_png
from annotator.errors import MaskwrightError
from annotator.models import Annotation
from annotator.people.permissions import signed_in
from segmentation.rle import RleError

if TYPE_CHECKING:
    from django.contrib.admin.filters import _ListFilterChoices

THUMBNAIL_SIDE_PX = 96
PAGE_SIDE_PX = 1200
OVERLAY_MAX_AGE_S = 3600


class DeletedFilter(admin.SimpleListFilter):
    """The softly deleted ones are a click away, not in between."""

    title = "deleted"
    parameter_name = "deleted"

    def lookups(self, request: HttpRequest, model_admin: admin.ModelAdmin) -> list[tuple[str, str]]:
        return [("yes", "Deleted"), ("all", "All")]

    def choices(self, changelist: ChangeList) -> Iterator[_ListFilterChoices]:
        for value, title in [("", "Not deleted"), *self.lookup_choices]:
            yield {
                "selected": (self.value() or "") == value,
                "query_string": changelist.get_query_string({self.parameter_name: value})
                if value
                else changelist.get_query_string(remove=[self.parameter_name]),
                "display": title,
            }

    def queryset(self, request: HttpRequest, queryset: QuerySet[Annotation]) -> QuerySet[Annotation]:
        if self.value() == "all":
            return queryset
        return queryset.filter(deleted_at__isnull=self.value() != "yes")


@admin.register(Annotation)
class AnnotationAdmin(ReadOnlyAdmin):
    list_display = [
        "thumbnail_column",
        "short_id",
        "category_column",
        "image_column",
        "project",
        "author",
        "area",
        "predicted_iou_column",
        "stability_column",
        "updated_at",
        "status",
    ]
    list_display_links = ["thumbnail_column", "short_id"]
    list_filter = [
        DeletedFilter,
        "image__project",
        ("category", admin.RelatedOnlyFieldListFilter),
        ("author", admin.RelatedOnlyFieldListFilter),
        "created_at",
    ]
    list_select_related = ["image__project", "category", "author"]
    list_per_page = 25  # each row draws a picture
    search_fields = ["=id", "image__name", "category__name", "author__username", "bundle_digest"]
    date_hierarchy = "created_at"
    fields = [
        "overlay",
        "id",
        "image",
        "category",
        "name",
        "is_locked",
        "area",
        "bbox_xywh",
        "predicted_iou",
        "stability_score",
        "prompt",
        "clicks",
        "time_spent_s",
        "author",
        "version",
        "bundle_digest",
        "created_at",
        "updated_at",
        "deleted_at",
        "segmentation",
    ]
    readonly_fields = ["overlay"]
    actions = ["restore"]

    def get_urls(self) -> list[URLPattern]:
        own = path(
            "<uuid:annotation_id>/overlay.png",
            self.admin_site.admin_view(self.overlay_view),
            name="annotator_annotation_overlay",
        )
        return [own, *super().get_urls()]

    def overlay_view(self, request: HttpRequest, annotation_id: UUID) -> HttpResponse:
        """The mask drawn over its image; `?thumbnail=1` a small one of the mask's surroundings."""
        annotation = Annotation.objects.select_related("image", "category").filter(pk=annotation_id).first()
        if annotation is None:
            raise Http404("no such annotation")
        if not self.has_view_permission(request, annotation):
            raise PermissionDenied
        small = "thumbnail" in request.GET
        try:
            content = overlay_png(annotation, THUMBNAIL_SIDE_PX if small else PAGE_SIDE_PX, crop=small)
        except (RleError, MaskwrightError, FileNotFoundError) as error:
            raise Http404(f"the picture cannot be drawn: {error}") from error
        response = HttpResponse(content, content_type="image/png")
        # The address carries the version, so it may be kept; only by this browser, since it is somebody's image.
        response["Cache-Control"] = f"private, max-age={OVERLAY_MAX_AGE_S}"
        return response

    def overlay_address(self, annotation: Annotation) -> str:
        address = reverse("admin:annotator_annotation_overlay", args=[annotation.pk])
        return f"{address}?v={annotation.version}"

    @admin.display(description="")
    def thumbnail_column(self, annotation: Annotation) -> SafeString:
        return picture(f"{self.overlay_address(annotation)}&thumbnail=1", annotation.category.name)

    @admin.display(description="mask")
    def overlay(self, annotation: Annotation) -> SafeString:
        return format_html(
            '<img class="admin-overlay" src="{}" alt="{} on {}">',
            self.overlay_address(annotation),
            annotation.category.name,
            annotation.image.name,
        )

    @admin.display(description="id", ordering="id")
    def short_id(self, annotation: Annotation) -> str:
        return str(annotation.pk)[:8]

    @admin.display(description="category", ordering="category__name")
    def category_column(self, annotation: Annotation) -> SafeString:
        return swatch(annotation.category.color, annotation.category.name)

    @admin.display(description="image", ordering="image__name")
    def image_column(self, annotation: Annotation) -> SafeString:
        return link_to(annotation.image)

    @admin.display(ordering="image__project__name")
    def project(self, annotation: Annotation) -> SafeString:
        return link_to(annotation.image.project)

    @admin.display(description="IoU", ordering="predicted_iou")
    def predicted_iou_column(self, annotation: Annotation) -> str:
        return figure(annotation.predicted_iou)

    @admin.display(description="stability", ordering="stability_score")
    def stability_column(self, annotation: Annotation) -> str:
        return figure(annotation.stability_score)

    @admin.display(ordering="deleted_at")
    def status(self, annotation: Annotation) -> SafeString:
        return state_badge("deleted" if annotation.deleted_at else "live")

    @admin.action(description="Restore selected deleted annotations", permissions=["change"])
    def restore(self, request: HttpRequest, queryset: QuerySet[Annotation]) -> None:
        deleted = list(queryset.filter(deleted_at__isnull=False))
        for annotation in deleted:
            saving.restore(annotation, by=signed_in(request.user))
        self.message_user(request, f"{len(deleted)} restored.")

    # Softly, as everywhere: what was deleted by mistake here can be restored here.
    def delete_model(self, request: HttpRequest, annotation: Annotation) -> None:
        saving.delete(annotation, by=signed_in(request.user))

    def delete_queryset(self, request: HttpRequest, queryset: QuerySet[Annotation]) -> None:
        for annotation in queryset:
            saving.delete(annotation, by=signed_in(request.user))
