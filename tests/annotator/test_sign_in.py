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


def test_a_page_signs_its_person_in_again_without_being_left(client, alice, bob):
    alice.set_password("right-horse")
    alice.save()
    json = {"HTTP_ACCEPT": "application/json"}
    refused = client.post("/login/", {"username": "alice", "password": "guess"}, **json)
    assert refused.status_code == 400
    assert refused.json()["error"]["code"] == "sign_in_refused"
    assert "is wrong" in refused.json()["error"]["message"]
    client.force_login(bob)  # by another tab
    signed_in = client.post("/login/", {"username": "alice", "password": "right-horse"}, **json)
    assert signed_in.json() == {"user": "alice"}
    assert client.session["_auth_user_id"] == str(alice.pk)


def test_too_many_guesses_are_said_to_a_page_too(client, alice):
    json = {"HTTP_ACCEPT": "application/json"}
    for _ in range(settings.LOGIN_FAILURES_MAX):
        client.post("/login/", {"username": "alice", "password": "guess"}, **json)
    answer = client.post("/login/", {"username": "alice", "password": "guess"}, **json)
    assert "Too many" in answer.json()["error"]["message"]
