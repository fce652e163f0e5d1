"""The sign-in page, and signing out."""

from __future__ import annotations

from django.conf import settings


def test_a_wrong_password_is_answered_with_a_sentence_and_keeps_the_name(client, alice):
    alice.set_password("right-horse")
    alice.save()
    page = client.post("/login/", {"username": "alice", "password": "guess-1"}).content.decode()
    assert "is wrong" in page
    assert 'value="alice"' in page
    assert "guess-1" not in page


def test_guessing_is_stopped_even_for_the_right_password(client, alice):
    alice.set_password("right-horse")
    alice.save()
    for _ in range(settings.LOGIN_FAILURES_MAX):
        client.post("/login/", {"username": "alice", "password": "guess"})
    response = client.post("/login/", {"username": "alice", "password": "right-horse"})
    assert "_auth_user_id" not in client.session
    assert "Too many" in response.content.decode()


def test_signing_in_goes_on_to_where_one_wanted_to_go_but_never_elsewhere(client, alice, project):
    alice.set_password("right-horse")
    alice.save()
    credentials = {"username": "alice", "password": "right-horse"}
    assert (
        client.post("/login/", credentials | {"next": f"/projects/{project.pk}/"}).url
        == f"/projects/{project.pk}/"
    )
    client.logout()
    assert client.post("/login/", credentials | {"next": "https://evil.example/"}).url == "/"


def test_signing_out_needs_a_post(client, alice):
    client.force_login(alice)
    assert client.get("/logout/").status_code == 405
    assert client.post("/logout/").url == "/login/"
    assert "_auth_user_id" not in client.session
