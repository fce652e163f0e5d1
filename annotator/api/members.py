"""A project's members over HTTP."""

from __future__ import annotations

from django.db.models import QuerySet
from drf_spectacular.utils import extend_schema
from rest_framework import generics, serializers
from rest_framework.request import Request
from rest_framework.response import Response

from annotator.api.base.scope import ProjectScopedView, RowView
from annotator.models import Membership, Role
from annotator.people import members


class MemberSerializer(serializers.ModelSerializer):
    username = serializers.CharField(source="user.username", max_length=150)

    class Meta:
        model = Membership
        fields = ["id", "username", "role"]


class MemberRoleSerializer(serializers.Serializer):
    role = serializers.ChoiceField(choices=Role.choices)


class MembersView(ProjectScopedView, generics.ListCreateAPIView):
    """Users are added by name."""

    serializer_class = MemberSerializer
    queryset = Membership.objects.none()

    def get_queryset(self) -> QuerySet[Membership]:
        return Membership.objects.filter(project=self.project).select_related("user")

    def perform_create(self, form: serializers.BaseSerializer) -> None:
        username, role = form.validated_data["user"]["username"], form.validated_data["role"]
        form.instance = members.add_member(self.project, username=username, role=role)


class MemberView(RowView, generics.RetrieveDestroyAPIView):
    """Annotations of a member who is taken out stay."""

    lookup_url_kwarg = "member_id"
    serializer_class = MemberSerializer
    queryset = Membership.objects.select_related("user")

    @extend_schema(request=MemberRoleSerializer)
    def patch(self, request: Request, member_id: int) -> Response:
        member = self.get_object()
        form = MemberRoleSerializer(data=request.data, partial=True)
        form.is_valid(raise_exception=True)
        if form.validated_data:
            member = members.change_role(member, **form.validated_data)
        return Response(self.get_serializer(member).data)

    def perform_destroy(self, member: Membership) -> None:
        members.remove_member(member)
