"""Who is signed in, what is known of them, and what they set for themselves."""

from __future__ import annotations

from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from annotator.api.base.errors import ErrorSerializer
from annotator.api.base.names import NameField
from annotator.api.base.parsers import JSONParser
from annotator.models import User
from annotator.people import passwords, preferences
from annotator.people.permissions import signed_in
from annotator.people.preferences import PreferencesSerializer, preferences_of


class MeSerializer(serializers.ModelSerializer):
    first_name = NameField(max_length=150, allow_blank=True, required=False)
    last_name = NameField(max_length=150, allow_blank=True, required=False)
    email = serializers.EmailField(max_length=254, allow_blank=True, required=False)
    password = serializers.CharField(
        write_only=True,
        required=False,
        max_length=4096,
        trim_whitespace=False,
        help_text="The present one; a new e-mail address needs it, because links to set a new password go there.",
    )

    class Meta:
        model = User
        fields = ["username", "is_staff", "first_name", "last_name", "email", "password"]
        read_only_fields = ["username", "is_staff"]


class PreferencesView(APIView):
    # A form cannot say what is nested.
    parser_classes = [JSONParser]

    @extend_schema(responses=PreferencesSerializer)
    def get(self, request: Request) -> Response:
        """What the person who asks has set for the workbench."""
        return Response(preferences_of(signed_in(request.user)))

    @extend_schema(
        request=PreferencesSerializer, responses={200: PreferencesSerializer, 400: ErrorSerializer}
    )
    def put(self, request: Request) -> Response:
        """Sets all of them; what is left out is as it usually is."""
        form = PreferencesSerializer(data=request.data)
        form.is_valid(raise_exception=True)
        user = signed_in(request.user)
        user.preferences = form.validated_data
        user.save(update_fields=["preferences"])
        return Response(form.validated_data)

    @extend_schema(
        request=PreferencesSerializer(partial=True),
        responses={200: PreferencesSerializer, 400: ErrorSerializer},
    )
    def patch(self, request: Request) -> Response:
        """Sets some of them; of `last_categories` those of the projects that are named."""
        return Response(preferences.change(signed_in(request.user), request.data))


class MeView(APIView):
    @extend_schema(responses=MeSerializer)
    def get(self, request: Request) -> Response:
        return Response(MeSerializer(request.user).data)

    @extend_schema(request=MeSerializer(partial=True), responses={200: MeSerializer, 400: ErrorSerializer})
    def patch(self, request: Request) -> Response:
        """Changes one's name or e-mail address."""
        user = signed_in(request.user)
        form = MeSerializer(user, data=request.data, partial=True)
        form.is_valid(raise_exception=True)
        changes = form.validated_data
        password = changes.pop("password", "")
        if changes.get("email", user.email) != user.email:
            passwords.check_own(request._request, user, password)
        for name, value in changes.items():
            setattr(user, name, value)
        if changes:
            user.save(update_fields=list(changes))
        return Response(MeSerializer(user).data)
