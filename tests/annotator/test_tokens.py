"""Signing in for programs: tokens, and what stops guessing."""

from __future__ import annotations

import shutil

import pytest
from rest_framework.test import APIClient

from annotator.models import LoginFailures, User
from annotator.people import login_attempts
from tests.annotator.world import Installation

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
    assert client.get("/api/me/").json() == {"username": "dora", "is_staff": False}


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
