"""API tokens: a program that has one is the person who made it, until it expires or is withdrawn.

A token is 256 random bits, so that its plain sha256 is as good as unguessable: no salt, no slow hash, one look-up by a
unique column for each request. Whoever reads the database has digests, which sign nobody in.
"""

from __future__ import annotations

import hashlib
import logging
import secrets
from datetime import timedelta

from django.conf import settings
from django.db import DatabaseError, transaction
from django.utils import timezone

from annotator.models import ApiToken, User
from annotator.people.errors import NotAllowed, TooManyTokens

logger = logging.getLogger(__name__)

PREFIX = "mw_"  # by it, scanners for secrets find a token that was committed somewhere
MOST_TOKENS = 50  # of one person
BY_PASSWORD_DAYS = 30
NAME_BY_PASSWORD = "Got with user name and password"
EXPIRED_KEPT_DAYS = 30
USE_NOTED_EVERY_S = 60  # a write for every request would cost more than the request


def make(user: User, *, name: str, days: int) -> tuple[str, ApiToken]:
    """Makes a token; the first of the two is said to its person and never again.

    Args:
        days: until it expires, 1 to API_TOKEN_MAX_DAYS.

    Raises:
        TooManyTokens: the person has MOST_TOKENS.
        NotAllowed: the account was switched off, or got another password, a moment ago.
    """
    with transaction.atomic():
        _lock(user)
        # Those that were asked for with the password have a limit of their own.
        if user.api_tokens.valid().filter(by_password=False).count() >= MOST_TOKENS:
            raise TooManyTokens(f"You have {MOST_TOKENS} tokens. Withdraw one that is no longer used first.")
        return _add(user, name=name, days=days, by_password=False)


def make_for_password(user: User, *, name: str = "", days: int | None = None) -> tuple[str, ApiToken]:
    """The same for a program that signed in with the person's password, and may do so often.

    Where there are MOST_TOKENS such ones, that which was used longest ago goes.
    """
    with transaction.atomic():
        _lock(user)
        mine = user.api_tokens.filter(by_password=True)
        by_use = sorted(mine, key=lambda token: token.last_used_at or token.created_at, reverse=True)
        mine.filter(pk__in=[token.pk for token in by_use[MOST_TOKENS - 1 :]]).delete()
        return _add(
            user,
            name=name or NAME_BY_PASSWORD,
            days=days or min(BY_PASSWORD_DAYS, settings.API_TOKEN_MAX_DAYS),
            by_password=True,
        )


def find(token: str) -> ApiToken | None:
    """The row of a token that may be used now, with its active user."""
    rows = ApiToken.objects.valid().filter(user__is_active=True).select_related("user")
    return rows.filter(digest=digest_of(token)).first()


def note_use(row: ApiToken) -> None:
    """Notes that a token is used. That it could not be noted keeps nobody from reading."""
    now = timezone.now()
    if row.last_used_at and (now - row.last_used_at).total_seconds() < USE_NOTED_EVERY_S:
        return
    try:
        with transaction.atomic():
            ApiToken.objects.filter(pk=row.pk).update(last_used_at=now)
    except DatabaseError as error:
        logger.warning("the use of an API token could not be noted: %s", error)


def withdraw_all(user: User) -> int:
    """After a new password, and when an account is switched off; how many."""
    return user.api_tokens.all().delete()[0]


def forget_expired() -> int:
    """Removes those that expired long ago; how many. Until then they are shown: one sees why a program stopped."""
    over = timezone.now() - timedelta(days=EXPIRED_KEPT_DAYS)
    return ApiToken.objects.filter(expires_at__lte=over).delete()[0]


def digest_of(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()


def _lock(user: User) -> None:
    """Nothing is made of a password, or a session, that stopped being good while the request ran."""
    rows = User.objects.select_for_update().filter(pk=user.pk, is_active=True, password=user.password)
    if rows.first() is None:
        raise NotAllowed("The account was changed meanwhile. Sign in again.")


def _add(user: User, *, name: str, days: int, by_password: bool) -> tuple[str, ApiToken]:
    token = PREFIX + secrets.token_urlsafe(32)
    expires_at = timezone.now() + timedelta(days=days)
    row = ApiToken.objects.create(
        user=user, name=name, digest=digest_of(token), expires_at=expires_at, by_password=by_password
    )
    return token, row
