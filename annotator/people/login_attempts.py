"""Slows down guessing of passwords: only failures count, per address and user name, on every way to sign in."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from django.conf import settings
from django.contrib.auth.backends import ModelBackend
from django.core.exceptions import PermissionDenied
from django.db.models import F
from django.http import HttpRequest
from django.utils import timezone

from annotator.models import LoginFailures, User


def is_blocked(request: HttpRequest | None, username: str) -> bool:
    """Whether this address has failed too often with this user name in the last minutes."""
    counted = LoginFailures.objects.filter(**_key(request, username), forgotten_at__gt=timezone.now())
    return counted.filter(count__gte=settings.LOGIN_FAILURES_MAX).exists()


def record_failure(request: HttpRequest | None, username: str) -> None:
    now = timezone.now()
    window = {"forgotten_at": now + timedelta(seconds=settings.LOGIN_FAILURES_WINDOW_S)}
    key = _key(request, username)
    LoginFailures.objects.filter(**key, forgotten_at__lte=now).update(count=0, **window)
    LoginFailures.objects.get_or_create(**key, defaults=window)
    LoginFailures.objects.filter(**key).update(count=F("count") + 1)


def forget_old() -> int:
    """Removes counts whose time is over; how many."""
    return LoginFailures.objects.filter(forgotten_at__lte=timezone.now()).delete()[0]


def _key(request: HttpRequest | None, username: str) -> dict[str, str]:
    address = request.META.get("REMOTE_ADDR", "") if request is not None else ""
    # A name too long for the column belongs to nobody; the counts of such names may mix.
    return {"address": address[:64], "username": username.casefold()[:150]}


class CountingModelBackend(ModelBackend):
    """Django's user table, with failures counted: sign-in page, admin and API all pass here."""

    def authenticate(
        self,
        request: HttpRequest | None,
        username: str | None = None,
        password: str | None = None,
        **kwargs: Any,
    ) -> User | None:
        if username is not None and is_blocked(request, username):
            raise PermissionDenied  # tells Django to ask no further backend: a refused login
        user = super().authenticate(request, username=username, password=password, **kwargs)
        if user is None and username is not None and password is not None:
            record_failure(request, username)
        return user
