"""Guessing of passwords: from one address, from many, in bursts, behind a proxy; and strangers keep nobody out."""

from __future__ import annotations

import logging
from concurrent.futures import ThreadPoolExecutor

import pytest
from django.core import signing
from django.test import Client, RequestFactory

from annotator.models import LoginFailures, User
from annotator.people import login_attempts
from annotator.site.client_address import client_address

PASSWORD = "correct horse battery"
PROXY = "10.1.2.3"


@pytest.fixture(autouse=True)
def quick_hashes(settings):
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]


@pytest.fixture
def dora(db) -> User:
    return User.objects.create_user("dora", password=PASSWORD)


def sign_in(client: Client, name: str, password: str, address: str = "192.0.2.1", **headers: str) -> int:
    answer = client.post(
        "/api/auth/token/",
        {"username": name, "password": password},
        content_type="application/json",
        REMOTE_ADDR=address,
        **headers,
    )
    return answer.status_code


def through_proxy(client: str) -> dict[str, str]:
    return {"address": PROXY, "HTTP_X_FORWARDED_FOR": client}


def test_people_behind_a_proxy_that_is_named_are_told_apart(dora, settings):
    settings.TRUSTED_PROXIES = ["10.0.0.0/8"]
    for _ in range(settings.LOGIN_FAILURES_MAX):
        assert sign_in(Client(), "dora", "guess", **through_proxy("203.0.113.9")) == 400
    assert sign_in(Client(), "dora", PASSWORD, **through_proxy("203.0.113.9")) == 429
    assert sign_in(Client(), "dora", PASSWORD, **through_proxy("198.51.100.7")) == 200


def test_an_address_that_is_made_up_helps_nobody(dora, settings):
    settings.TRUSTED_PROXIES = ["10.0.0.0/8"]
    for number in range(settings.LOGIN_FAILURES_MAX):
        # The proxy adds the real one behind what the client wrote.
        assert sign_in(Client(), "dora", "guess", **through_proxy(f"198.51.100.{number}, 203.0.113.9")) == 400
    assert sign_in(Client(), "dora", PASSWORD, **through_proxy("198.51.100.99, 203.0.113.9")) == 429


@pytest.mark.parametrize(
    ("remote", "forwarded", "expected"),
    [
        ("192.0.2.1", "", "192.0.2.1"),
        ("192.0.2.1", "203.0.113.9", "192.0.2.1"),  # a stranger's claim
        ("10.0.0.1", "203.0.113.9", "203.0.113.9"),
        ("10.0.0.1", "1.1.1.1, 203.0.113.9, 10.0.0.2", "203.0.113.9"),
        ("10.0.0.1", "not an address", "10.0.0.1"),
        ("10.0.0.1", "10.0.0.2", "10.0.0.2"),
        ("::ffff:10.0.0.1", "203.0.113.9", "203.0.113.9"),
        ("2001:db8:1:2:3:4:5:6", "", "2001:db8:1:2::/64"),
        ("", "203.0.113.9", ""),
    ],
)
def test_the_address_of_a_client(settings, remote, forwarded, expected):
    settings.TRUSTED_PROXIES = ["10.0.0.0/8"]
    headers = {"HTTP_X_FORWARDED_FOR": forwarded} if forwarded else {}
    assert client_address(RequestFactory().get("/", REMOTE_ADDR=remote, **headers)) == expected


def test_a_proxy_that_is_not_named_is_said(settings, caplog):
    settings.TRUSTED_PROXIES = []
    client_address(RequestFactory().get("/", REMOTE_ADDR="10.9.8.7", HTTP_X_FORWARDED_FOR="203.0.113.9"))
    assert "10.9.8.7" in caplog.text and "TRUSTED_PROXIES" in caplog.text


def test_one_password_is_not_tried_on_every_name(db, settings):
    settings.LOGIN_FAILURES_MAX_PER_ADDRESS = 15
    answers = [sign_in(Client(), f"person-{number}", "summer") for number in range(20)]
    assert (answers.count(400), answers.count(429)) == (15, 5)
    assert sign_in(Client(), "person-1", "summer", address="192.0.2.2") == 400


def test_a_name_is_not_guessed_at_from_any_number_of_addresses(dora, settings):
    settings.LOGIN_FAILURES_MAX_PER_NAME = 15
    answers = [sign_in(Client(), "dora", "guess", address=f"192.0.2.{number}") for number in range(20)]
    assert (answers.count(400), answers.count(429)) == (15, 5)


def test_strangers_do_not_keep_a_person_out_of_the_browser_she_has_used(dora, settings):
    """Even where all come from one address, as behind a proxy that nobody named."""
    own = Client()
    own.post("/login/", {"username": "dora", "password": PASSWORD}, REMOTE_ADDR=PROXY)
    own.post("/logout/")
    for _ in range(settings.LOGIN_FAILURES_MAX):
        sign_in(Client(), "dora", "guess", address=PROXY)
    assert sign_in(Client(), "dora", PASSWORD, address=PROXY) == 429
    assert own.post("/login/", {"username": "dora", "password": PASSWORD}, REMOTE_ADDR=PROXY).url == "/"


def test_a_browser_that_is_known_guesses_no_more_than_others_and_at_one_name_only(dora, settings):
    own = Client()
    own.post("/login/", {"username": "dora", "password": PASSWORD})
    answers = [sign_in(own, "dora", "guess") for _ in range(settings.LOGIN_FAILURES_MAX + 3)]
    assert answers.count(400) == settings.LOGIN_FAILURES_MAX
    assert [sign_in(own, "erna", "guess") for _ in range(12)].count(429) == 2
    forged = Client()
    forged.cookies[login_attempts.DEVICE_COOKIE] = signing.dumps(
        ["dora", "1"], key="another", salt=login_attempts.SALT
    )
    for _ in range(settings.LOGIN_FAILURES_MAX):
        sign_in(forged, "dora", "guess", address="192.0.2.9")
    assert sign_in(forged, "dora", PASSWORD, address="192.0.2.9") == 429


def test_what_was_right_does_not_count(dora, settings):
    settings.LOGIN_FAILURES_MAX_PER_ADDRESS = 3
    for _ in range(5):
        assert sign_in(Client(), "dora", PASSWORD) == 200
    assert set(LoginFailures.objects.values_list("count", flat=True)) == {0}


def test_failures_and_refusals_are_in_the_log_with_name_and_address(db, settings, caplog):
    settings.LOGIN_FAILURES_MAX = 1
    with caplog.at_level(logging.WARNING, "annotator.people.login_attempts"):
        sign_in(Client(), "eve\nforged line", "guess", address="192.0.2.77")
        sign_in(Client(), "eve\nforged line", "guess", address="192.0.2.77")
    failed, refused = caplog.messages[0], next(text for text in caplog.messages if "refused" in text)
    assert "'eve\\nforged line'" in failed and "192.0.2.77" in failed
    assert "192.0.2.77" in refused
    assert "guess" not in caplog.text


@pytest.mark.slow
def test_a_burst_over_threads_and_processes_gets_no_further_than_one_after_the_other(installation):
    code = """
import sys
from concurrent.futures import ThreadPoolExecutor
from django.contrib.auth import authenticate
from django.db import connection
from django.test import RequestFactory
from annotator.people import login_attempts
from annotator.models import LoginFailures

def attempt(_):
    request = RequestFactory().get("/")
    authenticate(request, username="dora", password="guess")
    connection.close()
    return login_attempts.was_refused(request)
with ThreadPoolExecutor(8) as threads:
    print(list(threads.map(attempt, range(30))).count(False))
"""
    with ThreadPoolExecutor(2) as threads:
        made = sum(
            int(text.split()[-1]) for text in threads.map(lambda _: installation.python(code), range(2))
        )
    assert made == 10
