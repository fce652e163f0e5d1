"""Categories in the admin."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.safestring import SafeString

from annotator.admin.base.columns import link_to_list, swatch
from annotator.errors import MaskwrightError
from annotator.models import Category
from annotator.models.figures import with_annotation_count
from annotator.projects import categories

if TYPE_CHECKING:
    from annotator.models.figures import CategoryWithCount


class CategoryInline(admin.TabularInline):
    model = Category
    fields = ["position", "name", "supercategory", "color", "coco_id"]
    extra = 0
    # Deleting asks whether annotations have it: on the category's own page, where there is an answer to give.
    can_delete = False
    show_change_link = True


@admin.register(Category)
class CategoryAdmin(admin.ModelAdmin):
    list_display = ["name", "project", "color_column", "supercategory", "coco_id", "position", "annotations"]
    list_filter = ["project"]
    list_select_related = ["project"]
    search_fields = ["name", "supercategory", "project__name"]
    readonly_fields = ["color_column"]

    def get_queryset(self, request: HttpRequest) -> QuerySet[Category]:
        return with_annotation_count(super().get_queryset(request))

    def get_readonly_fields(self, request: HttpRequest, obj: Category | None = None) -> list[str]:
        # An annotation's category and image belong to one project; moving a category would part them.
        return [*super().get_readonly_fields(request, obj), *(["project"] if obj else [])]

    @admin.display(description="color", ordering="color")
    def color_column(self, category: Category) -> str:
        return swatch(category.color, category.color) if category.color else "–"

    @admin.display(ordering="annotation_count")
    def annotations(self, category: CategoryWithCount) -> SafeString:
        return link_to_list("annotation", category.annotation_count, category__id__exact=category.pk)

    def has_delete_permission(self, request: HttpRequest, obj: Category | None = None) -> bool:
        in_use = obj is not None and obj.annotations.live().exists()
        return not in_use and super().has_delete_permission(request, obj)

    def delete_model(self, request: HttpRequest, category: Category) -> None:
        categories.delete_category(category)

    def delete_queryset(self, request: HttpRequest, queryset: QuerySet[Category]) -> None:
        for category in queryset:
            try:
                categories.delete_category(category)
            except MaskwrightError as error:
                self.message_user(request, error.message, messages.ERROR)
