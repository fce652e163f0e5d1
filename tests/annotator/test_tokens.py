"""Signing in for programs: tokens, and what stops guessing."""

from __future__ import annotations

import hashlib
import io
import shutil
from datetime import timedelta

import pytest
from django.core.management import call_command
from django.db import DatabaseError, connection
from django.urls import reverse
from django.utils import timezone
from rest_framework.test import APIClient

from annotator.models import ApiToken, LoginFailures, User
from annotator.people import login_attempts, members, tokens
from annotator.worker import housekeeping
from tests.annotator.world import Installation, browser_of, client_of, html

PASSWORD = "correct horse battery"


@pytest.fixture
def dora(db, settings) -> User:
    settings.PASSWORD_HASHERS = [
        "django.contrib.auth.hashers.MD5PasswordHasher"
    ]  # the real one is slow on purpose
    return User.objects.create_user("dora", password=PASSWORD)


def sign_in(username: str, password: str):
    return APIClient().post("/api/auth/token/", {"username": username, "password": password}, format="json")


def test_a_token_signs_in(dora):
    token = sign_in("dora", PASSWORD).json()["token"]
    client = APIClient()
    client.credentials(HTTP_AUTHORIZATION=f"Token {token}")
    me = client.get("/api/me/").json()
    assert (me["username"], me["is_staff"]) == ("dora", False)


def test_a_wrong_password_and_an_unknown_name_look_the_same(dora):
    wrong, unknown = sign_in("dora", "nope"), sign_in("nobody", "nope")
    assert (wrong.status_code, wrong.content) == (400, unknown.content)


def test_guessing_passwords_is_stopped_even_for_the_right_one(dora, settings):
    for _ in range(settings.LOGIN_FAILURES_MAX):
        assert sign_in("dora", "guess").status_code == 400
    response = sign_in("dora", PASSWORD)
    assert (response.status_code, response.json()["error"]["code"]) == (429, "throttled")
    assert sign_in("nobody", "guess").status_code == 400  # others are not locked out with her


def test_failures_are_counted_across_web_processes_and_forgotten_in_time(
    dora, settings, migrated_data_dir, tmp_path
):
    installation = Installation(shutil.copytree(migrated_data_dir, tmp_path / "data"))
    count = "from annotator.people.login_attempts import *\nfor _ in range(9): assert begin(None, 'Dora')"
    ask = "from annotator.people.login_attempts import *\nprint(begin(None, 'dora'), begin(None, 'DORA'))"
    installation.python(count)
    assert installation.python(ask).split()[-2:] == ["True", "False"]

    settings.LOGIN_FAILURES_WINDOW_S = -1
    for _ in range(settings.LOGIN_FAILURES_MAX + 1):
        sign_in("dora", "guess")
    assert sign_in("dora", PASSWORD).status_code == 200
    login_attempts.forget_old()
    assert not LoginFailures.objects.exists()


def test_signing_in_often_with_the_right_password_is_not_stopped(dora, settings):
    for _ in range(settings.LOGIN_FAILURES_MAX + 5):
        assert sign_in("dora", PASSWORD).status_code == 200


def test_a_token_can_be_asked_for_with_a_form(dora):
    response = APIClient().post(
        "/api/auth/token/",
        f"username=dora&password={PASSWORD}",
        content_type="application/x-www-form-urlencoded",
    )
    assert response.status_code == 200 and response.json()["token"]


def test_a_wrong_token_is_401(db):
    client = APIClient()
    client.credentials(HTTP_AUTHORIZATION="Token nope")
    response = client.get("/api/me/")
    assert (response.status_code, response.json()["error"]["code"]) == (401, "authentication_failed")
    assert response["WWW-Authenticate"] == "Token"


# --- tokens of one's own ---


def with_token(token: str) -> APIClient:
    client = APIClient()
    client.credentials(HTTP_AUTHORIZATION=f"Token {token}")
    return client


def made_by(user: User, name: str = "Nightly", days: int = 7) -> str:
    answer = browser_of(user).post(
        "/api/me/tokens/", {"name": name, "expires_in_days": days}, content_type="application/json"
    )
    assert answer.status_code == 201, answer.content
    assert answer["Cache-Control"] == "no-store"
    return answer.json()["token"]


def works(token: str) -> bool:
    status = with_token(token).get("/api/me/").status_code
    assert status in (200, 401)
    return status == 200


def test_several_tokens_of_one_person_work_and_each_is_withdrawn_alone(dora, charlie):
    first, second = made_by(dora, "Nightly"), made_by(dora, "Laptop")
    client = with_token(first)
    rows = client.get("/api/me/tokens/").json()["results"]
    assert [row["name"] for row in rows] == ["Laptop", "Nightly"]
    assert "token" not in rows[0] and "digest" not in rows[0]
    assert client_of(charlie).delete(f"/api/me/tokens/{rows[0]['id']}/").status_code == 404
    assert client.delete(f"/api/me/tokens/{rows[0]['id']}/").status_code == 204
    assert (works(first), works(second)) == (True, False)


def test_a_token_is_kept_as_a_digest_only(dora):
    token = made_by(dora)
    with connection.cursor() as cursor:
        cursor.execute("SELECT * FROM annotator_apitoken")
        kept = repr(cursor.fetchall())
    assert token not in kept and token.removeprefix("mw_")[:12] not in kept
    assert hashlib.sha256(token.encode()).hexdigest() in kept
    assert not works(ApiToken.objects.get().digest)


def test_a_token_makes_no_tokens_since_they_would_outlive_it(dora):
    response = with_token(made_by(dora)).post(
        "/api/me/tokens/", {"name": "Longer", "expires_in_days": 365}, format="json"
    )
    assert (response.status_code, response.json()["error"]["code"]) == (403, "not_allowed")
    assert ApiToken.objects.count() == 1


def test_an_expired_token_is_refused_and_shown_for_a_while(dora):
    token = made_by(dora)
    ApiToken.objects.update(expires_at=timezone.now() - timedelta(seconds=1))
    response = with_token(token).get("/api/me/")
    assert response.status_code == 401
    assert "expired" in response.json()["error"]["message"]
    assert "expired" in html(browser_of(dora), "/me/")
    housekeeping.keep_house()
    assert ApiToken.objects.exists()
    ApiToken.objects.update(expires_at=timezone.now() - timedelta(days=tokens.EXPIRED_KEPT_DAYS, seconds=1))
    housekeeping.keep_house()
    assert not ApiToken.objects.exists()


def test_a_life_longer_than_the_setting_allows_is_refused(dora, settings):
    for days in (0, settings.API_TOKEN_MAX_DAYS + 1):
        answer = browser_of(dora).post(
            "/api/me/tokens/", {"name": "For ever", "expires_in_days": days}, content_type="application/json"
        )
        assert (answer.status_code, list(answer.json()["error"]["fields"])) == (400, ["expires_in_days"])


def test_the_use_of_a_token_is_noted_once_a_minute(dora):
    token = made_by(dora)
    assert ApiToken.objects.get().last_used_at is None
    assert works(token)
    first = ApiToken.objects.get().last_used_at
    assert works(token) and ApiToken.objects.get().last_used_at == first
    ApiToken.objects.update(last_used_at=first - timedelta(seconds=tokens.USE_NOTED_EVERY_S))
    assert works(token) and ApiToken.objects.get().last_used_at > first


def test_reading_goes_on_where_the_use_cannot_be_written(dora):
    token = made_by(dora)

    def full_disk(execute, sql, params, many, context):
        if sql.startswith("UPDATE"):
            raise DatabaseError("database or disk is full")
        return execute(sql, params, many, context)

    with connection.execute_wrapper(full_disk):
        assert works(token)


def test_a_person_has_so_many_tokens_and_no_more(dora):
    for number in range(tokens.MOST_TOKENS):
        tokens.make(dora, name=str(number), days=1)
    answer = browser_of(dora).post(
        "/api/me/tokens/", {"name": "More", "expires_in_days": 1}, content_type="application/json"
    )
    assert (answer.status_code, answer.json()["error"]["code"]) == (409, "too_many_tokens")


def test_of_tokens_got_by_password_the_one_used_longest_ago_makes_room(dora):
    kept = made_by(dora)
    first, second = (sign_in("dora", PASSWORD).json()["token"] for _ in range(2))
    assert works(first)
    ApiToken.objects.filter(digest=tokens.digest_of(second)).update(
        created_at=timezone.now() - timedelta(hours=1)
    )
    for _ in range(tokens.MOST_TOKENS - 1):
        tokens.make_for_password(dora)
    assert (works(kept), works(first), works(second)) == (True, True, False)


def test_a_token_got_by_password_has_a_name_and_a_life_that_can_be_chosen(dora):
    body = {"username": "dora", "password": PASSWORD, "name": "Script", "expires_in_days": 3}
    answer = APIClient().post("/api/auth/token/", body, format="json")
    row = ApiToken.objects.get()
    assert row.name == "Script"
    assert timedelta(days=2.9) < row.expires_at - timezone.now() <= timedelta(days=3)
    assert answer["Cache-Control"] == "no-store"


# --- what ends all of them ---


def change_on_the_page(dora):
    new = {"new_password1": "a new horse 1", "new_password2": "a new horse 1"}
    assert browser_of(dora).post("/me/password/", {"old_password": PASSWORD} | new).status_code == 302


def change_in_the_admin(dora):
    boss = User.objects.create_superuser("boss")
    form = {"password1": "a new horse 1", "password2": "a new horse 1", "usable_password": "true"}
    url = reverse("admin:auth_user_password_change", args=[dora.pk])
    assert browser_of(boss).post(url, form | {"set-password": "1"}).status_code == 302


def take_away_in_the_admin(dora):
    boss = User.objects.create_superuser("boss")
    url = reverse("admin:auth_user_password_change", args=[dora.pk])
    form = {"usable_password": "false", "unset-password": "1"}
    assert browser_of(boss).post(url, form).status_code == 302
    dora.refresh_from_db()
    assert not dora.has_usable_password()


def change_at_the_command_line(dora):
    import getpass
    from unittest.mock import patch

    with patch.object(getpass, "getpass", return_value="a new horse 1"):  # there is no terminal here
        call_command("changepassword", "dora", stdout=io.StringIO())


def switch_off(dora):
    members.deactivate(dora)
    assert dora.is_active is False
    User.objects.update(is_active=True)  # coming back brings no token back


def switch_off_in_the_admin(dora):
    boss = User.objects.create_superuser("boss")
    form = {"username": "dora", "date_joined_0": "2026-01-01", "date_joined_1": "00:00:00"}
    for name in ("memberships",):
        form |= {f"{name}-TOTAL_FORMS": 0, f"{name}-INITIAL_FORMS": 0}
    answer = browser_of(boss).post(reverse("admin:annotator_user_change", args=[dora.pk]), form)
    assert answer.status_code == 302, answer.content
    dora.refresh_from_db()
    assert dora.is_active is False
    User.objects.update(is_active=True)


@pytest.mark.parametrize(
    "end",
    [
        change_on_the_page,
        change_in_the_admin,
        take_away_in_the_admin,
        change_at_the_command_line,
        switch_off,
        switch_off_in_the_admin,
    ],
)
def test_a_new_password_and_a_switched_off_account_end_every_token_of_that_person(end, dora, charlie):
    own, others = made_by(dora), made_by(charlie)
    end(dora)
    assert not ApiToken.objects.filter(user=dora).exists()
    assert (works(own), works(others)) == (False, True)


def test_a_hash_made_anew_in_a_newer_way_is_no_new_password(dora, settings):
    token = made_by(dora)
    settings.PASSWORD_HASHERS = [
        "django.contrib.auth.hashers.ScryptPasswordHasher",
        "django.contrib.auth.hashers.MD5PasswordHasher",
    ]
    before = dora.password
    assert sign_in("dora", PASSWORD).status_code == 200
    dora.refresh_from_db()
    assert dora.password != before  # Django made it anew, as an upgrade does
    assert works(token)


def test_nothing_is_made_of_a_password_that_was_changed_meanwhile(dora):
    stale = User.objects.get(pk=dora.pk)
    dora.set_password("a new horse 1")
    dora.save()
    with pytest.raises(Exception, match="changed meanwhile"):
        tokens.make_for_password(stale)
    assert not ApiToken.objects.exists()


def test_the_admin_panel_shows_whose_tokens_there_are_and_never_one(dora):
    token = made_by(dora, "Nightly upload")
    boss = browser_of(User.objects.create_superuser("boss"))
    row = ApiToken.objects.get()
    for url in (
        reverse("admin:annotator_apitoken_changelist"),
        reverse("admin:annotator_apitoken_change", args=[row.pk]),
    ):
        page = html(boss, url)
        assert "Nightly upload" in page
        assert token not in page and row.digest not in page
    boss.post(reverse("admin:annotator_apitoken_delete", args=[row.pk]), {"post": "yes"})
    assert not works(token)
