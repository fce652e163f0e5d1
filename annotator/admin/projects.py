"""Projects in the admin, with their members and categories."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.contrib import admin
from django.db.models import QuerySet
from django.forms import ModelForm
from django.http import HttpRequest
from django.utils.safestring import SafeString

from annotator.admin.base.columns import link_to_list
from annotator.admin.base.deleting import DeletesWhatBelongsToIt
from annotator.admin.categories import CategoryInline
from annotator.admin.memberships import MembershipOfProjectInline
from annotator.models import Project
from annotator.models.figures import with_progress
from annotator.people.permissions import signed_in
from annotator.projects import projects

if TYPE_CHECKING:
    from annotator.models.figures import ProjectWithProgress


@admin.register(Project)
class ProjectAdmin(DeletesWhatBelongsToIt):
    list_display = [
        "name",
        "bundle",
        "images",
        "done",
        "in_progress",
        "skipped",
        "flagged",
        "annotations",
        "created_by",
        "created_at",
    ]
    list_filter = ["bundle", "created_at"]
    list_select_related = ["bundle", "created_by"]
    search_fields = ["name", "description"]
    date_hierarchy = "created_at"
    fields = ["name", "description", "bundle", "overlap", "created_by", "created_at", "updated_at"]
    readonly_fields = ["created_by", "created_at", "updated_at"]
    inlines = [MembershipOfProjectInline, CategoryInline]

    def get_queryset(self, request: HttpRequest) -> QuerySet[Project]:
        return with_progress(super().get_queryset(request))

    @admin.display(ordering="image_count")
    def images(self, project: ProjectWithProgress) -> SafeString:
        return link_to_list("image", project.image_count, project__id__exact=project.pk)

    @admin.display(ordering="done_count")
    def done(self, project: ProjectWithProgress) -> SafeString:
        return link_to_list("image", project.done_count, project__id__exact=project.pk, state__exact="done")

    @admin.display(ordering="in_progress_count")
    def in_progress(self, project: ProjectWithProgress) -> SafeString:
        return link_to_list(
            "image", project.in_progress_count, project__id__exact=project.pk, state__exact="in_progress"
        )

    @admin.display(ordering="skipped_count")
    def skipped(self, project: ProjectWithProgress) -> SafeString:
        return link_to_list(
            "image", project.skipped_count, project__id__exact=project.pk, state__exact="skipped"
        )

    @admin.display(ordering="flagged_count")
    def flagged(self, project: ProjectWithProgress) -> SafeString:
        return link_to_list(
            "image", project.flagged_count, project__id__exact=project.pk, flagged_at__isempty=0
        )

    @admin.display(ordering="annotation_count")
    def annotations(self, project: ProjectWithProgress) -> SafeString:
        return link_to_list("annotation", project.annotation_count, image__project__id__exact=project.pk)

    def save_model(self, request: HttpRequest, project: Project, form: ModelForm, change: bool) -> None:
        if not change:
            project.created_by = signed_in(request.user)
            super().save_model(request, project, form, change)
            return
        super().save_model(request, project, form, change)
        if "bundle" in form.changed_data and project.bundle:
            projects.update_project(project, bundle=project.bundle)  # queues the embeddings it needs

    def delete_model(self, request: HttpRequest, project: Project) -> None:
        projects.delete_project(project)

    def delete_queryset(self, request: HttpRequest, queryset: QuerySet[Project]) -> None:
        for project in queryset:
            projects.delete_project(project)
