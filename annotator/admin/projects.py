from __future__ import annotations

from django.contrib import admin, messages
from django.db.models import Count, Q

from annotator.admin.columns import link_to_list, swatch
from annotator.admin.deleting import DeletesWhatBelongsToIt
from annotator.errors import MaskwrightError
from annotator.models import Category, Membership, Project
from annotator.models.figures import with_progress
from annotator.projects import categories, projects


class CategoryInline(admin.TabularInline):
    model = Category
    fields = ["position", "name", "supercategory", "color", "coco_id"]
    extra = 0
    # Deleting asks whether annotations have it: on the category's own page, where there is an answer to give.
    can_delete = False
    show_change_link = True


class MembershipInline(admin.TabularInline):
    model = Membership
    fields = ["user", "role", "created_at"]
    readonly_fields = ["created_at"]
    autocomplete_fields = ["user"]
    extra = 0


@admin.register(Project)
class ProjectAdmin(DeletesWhatBelongsToIt):
    list_display = [
        "name",
        "bundle",
        "images",
        "done",
        "in_progress",
        "annotations",
        "created_by",
        "created_at",
    ]
    list_filter = ["bundle", "created_at"]
    list_select_related = ["bundle", "created_by"]
    search_fields = ["name", "description"]
    date_hierarchy = "created_at"
    fields = ["name", "description", "bundle", "created_by", "created_at", "updated_at"]
    readonly_fields = ["created_by", "created_at", "updated_at"]
    inlines = [MembershipInline, CategoryInline]

    def get_queryset(self, request):
        return with_progress(super().get_queryset(request))

    @admin.display(ordering="image_count")
    def images(self, project: Project):
        return link_to_list("image", project.image_count, project__id__exact=project.pk)

    @admin.display(ordering="done_count")
    def done(self, project: Project):
        return link_to_list("image", project.done_count, project__id__exact=project.pk, state__exact="done")

    @admin.display(ordering="in_progress_count")
    def in_progress(self, project: Project):
        return link_to_list(
            "image", project.in_progress_count, project__id__exact=project.pk, state__exact="in_progress"
        )

    @admin.display(ordering="annotation_count")
    def annotations(self, project: Project):
        return link_to_list("annotation", project.annotation_count, image__project__id__exact=project.pk)

    def save_model(self, request, project: Project, form, change: bool) -> None:
        if not change:
            project.created_by = request.user
            super().save_model(request, project, form, change)
            return
        super().save_model(request, project, form, change)
        if "bundle" in form.changed_data and project.bundle:
            projects.update_project(project, bundle=project.bundle)  # queues the embeddings it needs

    def delete_model(self, request, project: Project) -> None:
        projects.delete_project(project)

    def delete_queryset(self, request, queryset) -> None:
        for project in queryset:
            projects.delete_project(project)


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


@admin.register(Membership)
class MembershipAdmin(admin.ModelAdmin):
    list_display = ["user", "project", "role", "created_at"]
    list_filter = ["role", "project"]
    list_select_related = ["user", "project"]
    search_fields = ["user__username", "project__name"]
    autocomplete_fields = ["user", "project"]
