"""Slows down guessing of passwords, on every way to sign in.

Failures of the last minutes are counted three ways: of an address with a user name, of an address with any name (one
password tried on many), and of a name from any address (many machines at one account). An attempt is counted before
the password is looked at, in the statement that checks the limit, and given back if it was right: a burst of parallel
guesses gets no further than the same guesses one after the other.

Strangers must not keep a person out by failing in his name. So a browser from which somebody has signed in carries a
signed cookie, and what it tries with that name is counted by itself, whatever others do from the same address or
elsewhere. Source: OWASP, "Slow Down Online Guessing Attacks with Device Cookies".

Why not a library: django-axes and django-ratelimit count after the password has been checked, and know no such cookie.
"""

from __future__ import annotations

import logging
import secrets
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

from django.conf import settings
from django.contrib.auth.backends import ModelBackend
from django.core import signing
from django.core.exceptions import PermissionDenied
from django.db import transaction
from django.db.models import F
from django.http import HttpRequest, HttpResponse
from django.utils import timezone

from annotator.models import LoginFailures, User
from annotator.site.client_address import client_address

logger = logging.getLogger(__name__)

ANY = "*"  # no user name and no address has it
DEVICE_COOKIE = "maskwright_device"
DEVICE_COOKIE_AGE_S = 365 * 24 * 3600
SALT = "annotator.people.login_attempts.device"
REFUSED = "maskwright.sign_in_refused"


def begin(request: HttpRequest | None, username: str) -> bool:
    """Counts an attempt; False: there were too many, this one is not counted and must not be made."""
    now = timezone.now()
    with transaction.atomic():
        for key, most in _counters(request, username):
            if not _count(key, most, now):
                transaction.set_rollback(True)
                return False
    return True


def give_back(request: HttpRequest | None, username: str) -> None:
    """The attempt that `begin` counted was right."""
    for key, _ in _counters(request, username):
        LoginFailures.objects.filter(**key, count__gt=0).update(count=F("count") - 1)


def was_refused(request: HttpRequest | None) -> bool:
    """Whether an attempt of this request was refused without a look at the password."""
    return request is not None and REFUSED in request.META


def forget_old() -> int:
    """Removes counts whose time is over; how many."""
    return LoginFailures.objects.filter(forgotten_at__lte=timezone.now()).delete()[0]


def remember_device(response: HttpResponse, username: str) -> None:
    """From now on, what this browser tries with the name is counted by itself."""
    response.set_cookie(
        DEVICE_COOKIE,
        signing.dumps([username.casefold(), secrets.token_hex(8)], salt=SALT),
        max_age=DEVICE_COOKIE_AGE_S,
        secure=settings.SESSION_COOKIE_SECURE,
        httponly=True,
        samesite="Lax",
    )


def _counters(request: HttpRequest | None, username: str) -> Iterator[tuple[dict[str, str], int]]:
    """(columns of the row, the most failures), always in this order: transactions that lock them wait in line."""
    # A name too long for the column belongs to nobody; the counts of such names may mix.
    name = username.casefold()[:150]
    if device := _device(request, name):
        yield {"address": f"device {device}", "username": name}, settings.LOGIN_FAILURES_MAX
        return
    address = client_address(request)[:64] if request is not None else ""
    yield {"address": address, "username": name}, settings.LOGIN_FAILURES_MAX
    yield {"address": address, "username": ANY}, settings.LOGIN_FAILURES_MAX_PER_ADDRESS
    yield {"address": ANY, "username": name}, settings.LOGIN_FAILURES_MAX_PER_NAME


def _count(key: dict[str, str], most: int, now: Any) -> bool:
    rows = LoginFailures.objects.filter(**key)
    window = {"forgotten_at": now + timedelta(seconds=settings.LOGIN_FAILURES_WINDOW_S)}
    rows.filter(forgotten_at__lte=now).update(count=0, **window)
    LoginFailures.objects.get_or_create(**key, defaults=window)
    return rows.filter(count__lt=most).update(count=F("count") + 1) == 1


def _device(request: HttpRequest | None, name: str) -> str:
    """The id of a browser in which this person has signed in; "" for any other."""
    cookie = request.COOKIES.get(DEVICE_COOKIE, "") if request is not None else ""
    try:
        owner, device = signing.loads(cookie, salt=SALT, max_age=DEVICE_COOKIE_AGE_S)
    except (signing.BadSignature, ValueError):
        return ""
    return device if owner == name else ""


class CountingModelBackend(ModelBackend):
    """Django's user table, with attempts counted: sign-in page, admin and API all pass here."""

    def authenticate(
        self,
        request: HttpRequest | None,
        username: str | None = None,
        password: str | None = None,
        **kwargs: Any,
    ) -> User | None:
        if username is None or password is None:
            return None
        address = client_address(request) if request is not None else ""
        if not begin(request, username):
            logger.warning("refused to try a sign-in as %.150r from %s: too many failures", username, address)
            if request is not None:
                request.META[REFUSED] = True
            raise PermissionDenied  # tells Django to ask no further backend: a refused login
        user = super().authenticate(request, username=username, password=password, **kwargs)
        if user is None:
            logger.warning("failed sign-in as %.150r from %s", username, address)
        else:
            give_back(request, username)
        return user
