"""Every error of the API in one shape: `{"error": {"code", "message", "fields"}}`."""

from __future__ import annotations

import logging
from typing import Any

from django.conf import settings
from django.core.exceptions import (
    ObjectDoesNotExist,
    PermissionDenied,
    RequestDataTooBig,
    SuspiciousOperation,
    TooManyFilesSent,
)
from django.db import DatabaseError, IntegrityError, OperationalError
from django.http import Http404, UnreadablePostError
from rest_framework import exceptions, serializers
from rest_framework.response import Response
from rest_framework.views import exception_handler

from annotator.errors import MaskwrightError
from annotator.site.full_disk import SENTENCE, means_full
from annotator.site.storage import StorageAway

logger = logging.getLogger(__name__)

NOT_FIELDS = "non_field_errors"


class ErrorDetailSerializer(serializers.Serializer):
    code = serializers.CharField()
    message = serializers.CharField()
    fields = serializers.DictField(  # type: ignore[assignment]  # DRF keeps declared fields elsewhere than its own
        child=serializers.ListField(child=serializers.CharField())
    )


class ErrorSerializer(serializers.Serializer):
    error = ErrorDetailSerializer()


def error_body(code: str, message: str, fields: dict[str, list[str]] | None = None) -> dict[str, Any]:
    return {"error": {"code": code, "message": message, "fields": fields or {}}}


def handle_exception(error: Exception, context: dict[str, Any]) -> Response | None:
    """DRF's hook: what a view raised -> the answer."""
    if isinstance(error, MaskwrightError):
        body = error_body(error.code, error.message, error.fields) | error.extra
        return Response(body, status=error.status)
    if isinstance(error, TooManyFilesSent):
        message = f"At most {settings.MAX_FILES_PER_REQUEST} files are taken in one request; send several, or a zip."
        return Response(error_body("too_many_files", message), status=400)
    if isinstance(error, RequestDataTooBig):
        return Response(error_body("request_too_large", "The request is too large."), status=413)
    if isinstance(error, UnreadablePostError):
        message = (
            "The request did not arrive whole: the connection broke off, or was too slow. Send it again."
        )
        return Response(error_body("request_timeout", message), status=408)
    if isinstance(error, SuspiciousOperation):
        return Response(error_body("bad_request", "The request is malformed."), status=400)
    if isinstance(error, RecursionError):
        return Response(error_body("bad_request", "The request is nested too deep."), status=400)
    if means_full(error):
        logger.error("the disk is full: %s", error)
        return Response(error_body("storage_full", SENTENCE), status=507, headers={"Retry-After": "60"})
    if isinstance(error, StorageAway):
        logger.error("%s", error)
        message = (
            "The server's storage is away; nothing was changed. Try again later, or tell an administrator."
        )
        return Response(error_body("storage_away", message), status=503, headers={"Retry-After": "60"})
    if isinstance(error, OperationalError):
        logger.exception("the database refused")
        message = "The database is busy or away; try again in a moment."
        return Response(error_body("database_busy", message), status=503, headers={"Retry-After": "2"})
    if isinstance(error, ObjectDoesNotExist) or _is_update_of_nothing(error):
        logger.info("gone meanwhile: %s", error)
        return Response(error_body("not_found", "It was deleted meanwhile."), status=404)
    if isinstance(error, IntegrityError) and (conflict := _conflict(error)):
        logger.info("changed meanwhile: %s", error)
        return Response(error_body(*conflict), status=409)

    response = exception_handler(error, context)
    if response is None:
        if settings.DEBUG:
            return None
        request = context.get("request")
        logger.exception("%s failed", getattr(request, "path", "a request"))
        message = "Something went wrong on the server; its log says what."
        return Response(error_body("internal_error", message), status=500)
    if isinstance(error, exceptions.ValidationError):
        fields = _flatten(error.detail)
        first = next(iter(fields.items()), (NOT_FIELDS, ["Invalid."]))
        message = first[1][0] if first[0] == NOT_FIELDS else f"{first[0]}: {first[1][0]}"
        response.data = error_body("invalid", message, fields)
    elif isinstance(error, Http404 | exceptions.NotFound):
        response.data = error_body("not_found", "There is no such thing, or you may not see it.")
    elif isinstance(error, PermissionDenied):
        response.data = error_body("not_allowed", "You may not do this.")
    elif isinstance(error, exceptions.APIException):
        response.data = error_body(error.default_code, str(error.detail))
    return response


def _is_update_of_nothing(error: Exception) -> bool:
    """Whether `save(update_fields=...)` found no row any more. Django has no class of its own for it before 6.0."""
    return isinstance(error, DatabaseError) and "did not affect any rows" in str(error)


def _conflict(error: IntegrityError) -> tuple[str, str] | None:
    """Code and message where somebody else wrote at the same moment; None for what only a mistake of ours can break.

    Sources: PostgreSQL's error codes, class 23; SQLite's names of its constraints.
    """
    state, words = getattr(error.__cause__, "sqlstate", ""), str(error)
    if state == "23503" or "FOREIGN KEY constraint failed" in words:
        return (
            "deleted_meanwhile",
            "Something that this belongs to was deleted meanwhile; nothing was changed.",
        )
    if state == "23505" or "UNIQUE constraint failed" in words:
        return "changed_meanwhile", "Somebody else made the same at this moment; look again."
    return None


def _flatten(detail: Any, path: str = "") -> dict[str, list[str]]:
    """DRF's nested details -> {"members.0.role": ["..."]}."""
    if isinstance(detail, dict):
        flat: dict[str, list[str]] = {}
        for key, value in detail.items():
            flat |= _flatten(value, f"{path}.{key}" if path else str(key))
        return flat
    if isinstance(detail, list) and any(isinstance(item, dict | list) for item in detail):
        flat = {}
        for index, item in enumerate(detail):
            if item:
                flat |= _flatten(item, f"{path}.{index}" if path else str(index))
        return flat
    sentences = detail if isinstance(detail, list) else [detail]
    return {path or NOT_FIELDS: [str(sentence) for sentence in sentences]}
