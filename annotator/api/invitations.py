"""Invitations to a project over HTTP, for its managers."""

from __future__ import annotations

from typing import Any

from django.db.models import QuerySet
from django.urls import reverse
from drf_spectacular.utils import extend_schema
from rest_framework import generics, serializers
from rest_framework.request import Request
from rest_framework.response import Response

from annotator.api.base.errors import ErrorSerializer
from annotator.api.base.names import NameField
from annotator.api.base.scope import ProjectScopedView, RowView
from annotator.models import Invitation, Role
from annotator.people import invitations
from annotator.people.permissions import signed_in


class InvitationSerializer(serializers.ModelSerializer):
    url = serializers.SerializerMethodField(help_text="The link. Whoever has it gets in.")
    created_by: serializers.SlugRelatedField = serializers.SlugRelatedField(
        slug_field="username", read_only=True
    )
    over = serializers.SerializerMethodField(help_text="Why nobody can use it any more; empty: they can.")

    class Meta:
        model = Invitation
        fields = [
            "id",
            "role",
            "note",
            "uses_left",
            "used",
            "expires_at",
            "created_at",
            "created_by",
            "over",
            "url",
        ]
        read_only_fields = fields

    def get_url(self, invitation: Invitation) -> str:
        return self.context["request"].build_absolute_uri(
            reverse("invitation", args=[invitations.token_of(invitation)])
        )

    def get_over(self, invitation: Invitation) -> str:
        return invitations.why_over(invitation)


class NewInvitationSerializer(serializers.Serializer):
    role = serializers.ChoiceField(choices=Role.choices)
    expires_in_days = serializers.IntegerField(min_value=1, max_value=invitations.MOST_DAYS, default=7)
    uses = serializers.IntegerField(
        min_value=1, max_value=invitations.MOST_USES, default=1, help_text="How many people can come by it."
    )
    note = NameField(max_length=200, required=False, allow_blank=True, help_text="For whom it is meant.")


class ForManagers:
    """Reading it, too, is for managers: a link is as good as a membership."""

    def right(self) -> str:
        return "manage"


class InvitationsView(ForManagers, ProjectScopedView, generics.ListAPIView):
    """A project's invitations, the newest first, with their links."""

    serializer_class = InvitationSerializer
    queryset = Invitation.objects.none()

    def get_queryset(self) -> QuerySet[Invitation]:
        return invitations.of_project(self.project)

    @extend_schema(
        request=NewInvitationSerializer,
        responses={201: InvitationSerializer, 400: ErrorSerializer},
        filters=False,
    )
    def post(self, request: Request, project_id: int) -> Response:
        """Makes a link by which people become members, with an account of theirs or a new one."""
        form = NewInvitationSerializer(data=request.data)
        form.is_valid(raise_exception=True)
        values: dict[str, Any] = form.validated_data
        made = invitations.make(
            self.project,
            signed_in(request.user),
            role=values["role"],
            days=values["expires_in_days"],
            uses=values["uses"],
            note=values.get("note", ""),
        )
        return Response(self.get_serializer(made).data, status=201)


class InvitationView(ForManagers, RowView, generics.DestroyAPIView):
    """Withdraws an invitation: its link leads nowhere any more. Who came by it stays."""

    lookup_url_kwarg = "invitation_id"
    serializer_class = InvitationSerializer
    queryset = Invitation.objects.all()
