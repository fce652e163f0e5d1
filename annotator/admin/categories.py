"""Categories in the admin."""

from __future__ import annotations

from django.contrib import admin, messages
from django.db.models import Count, Q

from annotator.admin.base.columns import link_to_list, swatch
from annotator.errors import MaskwrightError
from annotator.models import Category
from annotator.projects import categories


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

    def get_queryset(self, request):
        live = Q(annotations__deleted_at__isnull=True)
        return super().get_queryset(request).annotate(live_count=Count("annotations", filter=live))

    def get_readonly_fields(self, request, obj=None):
        # An annotation's category and image belong to one project; moving a category would part them.
        return [*super().get_readonly_fields(request, obj), *(["project"] if obj else [])]

    @admin.display(description="color", ordering="color")
    def color_column(self, category: Category):
        return swatch(category.color, category.color) if category.color else "–"

    @admin.display(ordering="live_count")
    def annotations(self, category: Category):
        return link_to_list("annotation", category.live_count, category__id__exact=category.pk)

    def has_delete_permission(self, request, obj=None) -> bool:
        in_use = obj is not None and obj.annotations.live().exists()
        return not in_use and super().has_delete_permission(request, obj)

    def delete_model(self, request, category: Category) -> None:
        categories.delete_category(category)

    def delete_queryset(self, request, queryset) -> None:
        for category in queryset:
            try:
                categories.delete_category(category)
            except MaskwrightError as error:
                self.message_user(request, error.message, messages.ERROR)
