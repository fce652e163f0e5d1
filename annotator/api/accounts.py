"""Who is signed in, and tokens for programs."""

from __future__ import annotations

from django.conf import settings
from django.contrib.auth import authenticate
from drf_spectacular.utils import extend_schema
from rest_framework import exceptions, permissions, serializers
from rest_framework.authtoken.models import Token
from rest_framework.parsers import FormParser
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from annotator.api.base.errors import ErrorSerializer
from annotator.api.base.parsers import JSONParser
from annotator.errors import InvalidValue
from annotator.people import login_attempts, preferences
from annotator.people.permissions import signed_in
from annotator.people.preferences import PreferencesSerializer, preferences_of


class CredentialsSerializer(serializers.Serializer):
    username = serializers.CharField(max_length=150)
    password = serializers.CharField(max_length=4096, trim_whitespace=False, style={"input_type": "password"})


class TokenSerializer(serializers.Serializer):
    token = serializers.CharField()


class MeSerializer(serializers.Serializer):
    username = serializers.CharField()
    is_staff = serializers.BooleanField()


class TokenView(APIView):
    """User name and password -> the user's token, for `Authorization: Token ...`."""

    authentication_classes = []
    permission_classes = [permissions.AllowAny]
    # No files: anybody may send this.
    parser_classes = [JSONParser, FormParser]

    @extend_schema(
        request=CredentialsSerializer,
        responses={200: TokenSerializer, 400: ErrorSerializer, 429: ErrorSerializer},
    )
    def post(self, request: Request) -> Response:
        form = CredentialsSerializer(data=request.data)
        form.is_valid(raise_exception=True)
        user = authenticate(request._request, **form.validated_data)
        if login_attempts.was_refused(request._request):
            raise exceptions.Throttled(wait=settings.LOGIN_FAILURES_WINDOW_S)
        if user is None:
            message = "No active user has this name and password."
            raise InvalidValue(message, fields={"non_field_errors": [message]})
        token, _ = Token.objects.get_or_create(user=user)
        return Response({"token": token.key})


class PreferencesView(APIView):
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
