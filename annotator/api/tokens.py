"""A person's API tokens over HTTP."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.contrib.auth import authenticate
from django.db.models import QuerySet
from drf_spectacular.utils import extend_schema
from rest_framework import exceptions, generics, permissions, serializers
from rest_framework.parsers import FormParser
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from annotator.api.base.authentication import require_person
from annotator.api.base.errors import ErrorSerializer
from annotator.api.base.names import NameField
from annotator.api.base.parsers import JSONParser
from annotator.errors import InvalidValue
from annotator.models import ApiToken
from annotator.people import login_attempts, tokens
from annotator.people.permissions import signed_in


class DaysField(serializers.IntegerField):
    """How long a token lives. The most is a setting, read when the field is used."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**{"min_value": 1, "max_value": settings.API_TOKEN_MAX_DAYS} | kwargs)


class CredentialsSerializer(serializers.Serializer):
    username = serializers.CharField(max_length=150)
    password = serializers.CharField(max_length=4096, trim_whitespace=False, style={"input_type": "password"})
    name = NameField(max_length=100, required=False, help_text="What it is for; shown on the profile page.")
    expires_in_days = DaysField(required=False, help_text="30 when left out.")


class TokenSerializer(serializers.Serializer):
    token = serializers.CharField(help_text="Said this once. For `Authorization: Token ...`.")
    expires_at = serializers.DateTimeField()


class ApiTokenSerializer(serializers.ModelSerializer):
    class Meta:
        model = ApiToken
        fields = ["id", "name", "created_at", "expires_at", "last_used_at"]
        read_only_fields = fields


class NewTokenSerializer(serializers.Serializer):
    name = NameField(max_length=100)
    expires_in_days = DaysField()


class MadeTokenSerializer(ApiTokenSerializer):
    token = serializers.CharField(read_only=True, help_text="Said this once.")

    class Meta(ApiTokenSerializer.Meta):
        fields = [*ApiTokenSerializer.Meta.fields, "token"]
        read_only_fields = fields


class TokenView(APIView):
    authentication_classes = []
    permission_classes = [permissions.AllowAny]
    # No files: anybody may send this.
    parser_classes = [JSONParser, FormParser]

    @extend_schema(
        request=CredentialsSerializer,
        responses={200: TokenSerializer, 400: ErrorSerializer, 429: ErrorSerializer},
    )
    def post(self, request: Request) -> Response:
        """User name and password to a new token, for `Authorization: Token ...`."""
        form = CredentialsSerializer(data=request.data)
        form.is_valid(raise_exception=True)
        values = form.validated_data
        user = authenticate(request._request, username=values["username"], password=values["password"])
        if login_attempts.was_refused(request._request):
            raise exceptions.Throttled(wait=settings.LOGIN_FAILURES_WINDOW_S)
        if user is None:
            message = "No active user has this name and password."
            raise InvalidValue(message, fields={"non_field_errors": [message]})
        token, row = tokens.make_for_password(
            user, name=values.get("name", ""), days=values.get("expires_in_days")
        )
        return Response({"token": token, "expires_at": row.expires_at}, headers={"Cache-Control": "no-store"})


class ApiTokensView(generics.ListAPIView):
    """One's own tokens, the newest first. None of them says the token itself."""

    serializer_class = ApiTokenSerializer
    queryset = ApiToken.objects.none()

    def get_queryset(self) -> QuerySet[ApiToken]:
        return signed_in(self.request.user).api_tokens.all()

    @extend_schema(
        request=NewTokenSerializer,
        responses={
            201: MadeTokenSerializer,
            400: ErrorSerializer,
            403: ErrorSerializer,
            409: ErrorSerializer,
        },
    )
    def post(self, request: Request) -> Response:
        """Makes a token. Only somebody who is signed in by the sign-in page may: a token makes no tokens."""
        require_person(request)
        form = NewTokenSerializer(data=request.data)
        form.is_valid(raise_exception=True)
        token, row = tokens.make(
            signed_in(request.user),
            name=form.validated_data["name"],
            days=form.validated_data["expires_in_days"],
        )
        body = ApiTokenSerializer(row).data | {"token": token}
        return Response(body, status=201, headers={"Cache-Control": "no-store"})


class ApiTokenView(generics.DestroyAPIView):
    """Withdraws one of one's own tokens: the program that has it is refused from then on."""

    lookup_url_kwarg = "token_id"
    serializer_class = ApiTokenSerializer
    queryset = ApiToken.objects.none()

    def get_queryset(self) -> QuerySet[ApiToken]:
        return signed_in(self.request.user).api_tokens.all()
