"""Slows down guessing of passwords: only failures count, per address and user name, on every way to sign in."""

from __future__ import annotations

import hashlib

from django.conf import settings
from django.contrib.auth.backends import ModelBackend
from django.core.cache import cache
from django.core.exceptions import PermissionDenied


def is_blocked(request, username: str) -> bool:
    """Whether this address has failed too often with this user name in the last minutes."""
    return (cache.get(_key(request, username)) or 0) >= settings.LOGIN_FAILURES_MAX


def record_failure(request, username: str) -> None:
    key = _key(request, username)
    if not cache.add(key, 1, timeout=settings.LOGIN_FAILURES_WINDOW_S):
        try:
            cache.incr(key)
        except ValueError:  # ran out in between
            cache.set(key, 1, timeout=settings.LOGIN_FAILURES_WINDOW_S)


def _key(request, username: str) -> str:
    address = request.META.get("REMOTE_ADDR", "") if request is not None else ""
    return "login-failures:" + hashlib.sha256(f"{address}\0{username.casefold()}".encode()).hexdigest()


class CountingModelBackend(ModelBackend):
    """Django's user table, with failures counted: sign-in page, admin and API all pass here."""

    def authenticate(self, request, username=None, password=None, **kwargs):
        if username is not None and is_blocked(request, username):
            raise PermissionDenied  # tells Django to ask no further backend: a refused login
        user = super().authenticate(request, username=username, password=password, **kwargs)
        if user is None and username is not None and password is not None:
            record_failure(request, username)
        return user
