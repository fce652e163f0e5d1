"""Projects over HTTP."""

from __future__ import annotations

from typing import cast

import django_filters as filters
from django.db.models import QuerySet
from rest_framework import generics, serializers

from annotator.api.base.names import NameField
from annotator.api.base.scope import RowView, ScopedView
from annotator.models import Bundle, Project, Role
from annotator.models.figures import with_progress
from annotator.people.permissions import signed_in
from annotator.projects import projects


class ProjectSerializer(serializers.ModelSerializer):
    # Reading needs a queryset `with_progress(Project.objects.with_role(user))`.

    name = NameField(max_length=200)
    role = serializers.ChoiceField(choices=Role.choices, read_only=True)
    bundle = serializers.SlugRelatedField(
        slug_field="name", queryset=Bundle.objects.available(), required=False, allow_null=True
    )
    image_count = serializers.IntegerField(read_only=True)
    done_count = serializers.IntegerField(read_only=True)
    in_progress_count = serializers.IntegerField(read_only=True)
    skipped_count = serializers.IntegerField(read_only=True)
    open_count = serializers.IntegerField(
        read_only=True, help_text="Images that are neither done nor skipped."
    )
    flagged_count = serializers.IntegerField(read_only=True)
    annotation_count = serializers.IntegerField(read_only=True)

    class Meta:
        model = Project
        fields = [
            "id",
            "name",
            "description",
            "role",
            "bundle",
            "overlap",
            "image_count",
            "done_count",
            "in_progress_count",
            "skipped_count",
            "open_count",
            "flagged_count",
            "annotation_count",
            "created_at",
        ]


class ProjectFilter(filters.FilterSet):
    search = filters.CharFilter("name", lookup_expr="icontains")
    ordering = filters.OrderingFilter(fields=["name", "created_at", "id"])

    class Meta:
        model = Project
        fields: list[str] = []


class ProjectsView(ScopedView, generics.ListCreateAPIView):
    """The projects one is a member of; all of them for staff. Who makes a project is its manager."""

    serializer_class = ProjectSerializer
    filterset_class = ProjectFilter
    queryset = Project.objects.none()

    def get_queryset(self) -> QuerySet[Project]:
        user = self.request.user
        return with_progress(Project.objects.visible_to(user).with_role(user)).select_related("bundle")

    def perform_create(self, form: serializers.BaseSerializer) -> None:
        project = projects.create_project(signed_in(self.request.user), **form.validated_data)
        form.instance = self.get_queryset().get(pk=project.pk)


class ProjectView(RowView, generics.RetrieveUpdateDestroyAPIView):
    """Deleting takes images, annotations and exports along, for good."""

    lookup_url_kwarg = "project_id"
    serializer_class = ProjectSerializer
    queryset = Project.objects.none()

    def get_queryset(self) -> QuerySet[Project]:
        return with_progress(Project.objects.with_role(self.request.user)).select_related("bundle")

    def perform_update(self, form: serializers.BaseSerializer) -> None:
        projects.update_project(cast(Project, form.instance), **form.validated_data)

    def perform_destroy(self, project: Project) -> None:
        projects.delete_project(project)
