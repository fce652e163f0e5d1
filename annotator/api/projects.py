from __future__ import annotations

from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from annotator.api.filters import ProjectFilter
from annotator.api.scope import ScopedView
from annotator.api.serializers import (
    CategorySerializer,
    MemberRoleSerializer,
    MemberSerializer,
    ProjectSerializer,
)
from annotator.models import Category, Membership, Project
from annotator.models.figures import with_annotation_count, with_progress
from annotator.people import members
from annotator.projects import categories, projects


class ProjectsView(ScopedView):
    serializer_class = ProjectSerializer
    filterset_class = ProjectFilter
    queryset = Project.objects.none()

    def rows(self):
        user = self.request.user
        return with_progress(Project.objects.visible_to(user).with_role(user)).select_related("bundle")

    @extend_schema(responses=ProjectSerializer(many=True))
    def get(self, request: Request) -> Response:
        """The projects one is a member of; all of them for staff."""
        return self.list_rows(self.rows())

    @extend_schema(responses={201: ProjectSerializer})
    def post(self, request: Request) -> Response:
        """Makes a project; who makes it is its manager."""
        form = self.get_serializer(data=request.data)
        form.is_valid(raise_exception=True)
        project = projects.create_project(request.user, **form.validated_data)
        return Response(self.get_serializer(self.rows().get(pk=project.pk)).data, status=201)


class ProjectView(ScopedView):
    serializer_class = ProjectSerializer
    queryset = Project.objects.none()

    def row(self, project_id: int) -> Project:
        user = self.request.user
        rows = with_progress(Project.objects.with_role(user)).select_related("bundle")
        return self.find(rows, project_of=lambda project: project.pk, pk=project_id)

    def get(self, request: Request, project_id: int) -> Response:
        return Response(self.get_serializer(self.row(project_id)).data)

    def patch(self, request: Request, project_id: int) -> Response:
        project = self.row(project_id)
        form = self.get_serializer(project, data=request.data, partial=True)
        form.is_valid(raise_exception=True)
        projects.update_project(project, **form.validated_data)
        return Response(self.get_serializer(self.row(project_id)).data)

    @extend_schema(responses={204: None})
    def delete(self, request: Request, project_id: int) -> Response:
        """Deletes the project with its images, annotations and exports, for good."""
        projects.delete_project(self.row(project_id))
        return Response(status=204)


class CategoriesView(ScopedView):
    serializer_class = CategorySerializer
    queryset = Category.objects.none()

    @extend_schema(responses=CategorySerializer(many=True))
    def get(self, request: Request, project_id: int) -> Response:
        project = self.find_project(project_id)
        return self.list_rows(with_annotation_count(Category.objects.filter(project=project)))

    @extend_schema(responses={201: CategorySerializer})
    def post(self, request: Request, project_id: int) -> Response:
        project = self.find_project(project_id)
        form = self.get_serializer(data=request.data)
        form.is_valid(raise_exception=True)
        category = categories.create_category(project, **form.validated_data)
        return Response(self.get_serializer(category).data, status=201)


class CategoryView(ScopedView):
    serializer_class = CategorySerializer
    queryset = Category.objects.none()

    def get(self, request: Request, category_id: int) -> Response:
        return Response(self.get_serializer(self.row(category_id)).data)

    def patch(self, request: Request, category_id: int) -> Response:
        category = self.row(category_id)
        form = self.get_serializer(category, data=request.data, partial=True)
        form.is_valid(raise_exception=True)
        categories.update_category(category, **form.validated_data)
        return Response(self.get_serializer(category).data)

    @extend_schema(responses={204: None})
    def delete(self, request: Request, category_id: int) -> Response:
        """Deletes a category that no annotation has; 409 otherwise."""
        categories.delete_category(self.row(category_id))
        return Response(status=204)

    def row(self, category_id: int) -> Category:
        return self.find(with_annotation_count(Category.objects.all()), pk=category_id)


class MembersView(ScopedView):
    serializer_class = MemberSerializer
    queryset = Membership.objects.none()

    @extend_schema(responses=MemberSerializer(many=True))
    def get(self, request: Request, project_id: int) -> Response:
        project = self.find_project(project_id)
        return self.list_rows(Membership.objects.filter(project=project).select_related("user"))

    @extend_schema(responses={201: MemberSerializer})
    def post(self, request: Request, project_id: int) -> Response:
        """Adds a user by name."""
        project = self.find_project(project_id)
        form = self.get_serializer(data=request.data)
        form.is_valid(raise_exception=True)
        member = members.add_member(
            project, username=form.validated_data["user"]["username"], role=form.validated_data["role"]
        )
        return Response(self.get_serializer(member).data, status=201)


class MemberView(ScopedView):
    serializer_class = MemberSerializer
    queryset = Membership.objects.none()

    def get(self, request: Request, member_id: int) -> Response:
        return Response(self.get_serializer(self.row(member_id)).data)

    @extend_schema(request=MemberRoleSerializer)
    def patch(self, request: Request, member_id: int) -> Response:
        member = self.row(member_id)
        form = MemberRoleSerializer(data=request.data)
        form.is_valid(raise_exception=True)
        return Response(self.get_serializer(members.change_role(member, **form.validated_data)).data)

    @extend_schema(responses={204: None})
    def delete(self, request: Request, member_id: int) -> Response:
        """Takes a member out of the project; their annotations stay."""
        members.remove_member(self.row(member_id))
        return Response(status=204)

    def row(self, member_id: int) -> Membership:
        return self.find(Membership.objects.select_related("user"), pk=member_id)
