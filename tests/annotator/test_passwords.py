"""Passwords changed, forgotten and set anew; the e-mail address that can take an account over."""

from __future__ import annotations

import io
import re

import pytest
from django.conf import settings as django_settings
from django.core import mail
from django.core.management import CommandError, call_command
from django.test import Client
from django.urls import reverse

from annotator.models import ApiToken, User
from annotator.people import passwords, tokens
from annotator.site.environment import WrongEnvironment, read
from annotator.site.mail import server_settings
from tests.annotator.world import browser_of, client_of, html

PASSWORD = "correct horse battery"
NEW = "a new horse 1"
NEW_TWICE = {"new_password1": NEW, "new_password2": NEW}


@pytest.fixture
def dora(db, settings) -> User:
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
    return User.objects.create_user("dora", email="Dora@example.org", password=PASSWORD)


def signs_in(password: str) -> bool:
    return Client().login(username="dora", password=password)


# --- changed ---


def test_a_changed_password_ends_other_sessions_and_keeps_ones_own(dora):
    here, elsewhere = browser_of(dora), browser_of(dora)
    assert here.post("/me/password/", {"old_password": PASSWORD} | NEW_TWICE).url == "/me/"
    assert "Your password is changed" in html(here, "/me/")
    assert elsewhere.get("/me/").status_code == 302
    assert (signs_in(PASSWORD), signs_in(NEW)) == (False, True)


def test_the_present_password_is_asked_for_and_guessing_it_is_stopped(dora):
    client = browser_of(dora)
    for _ in range(django_settings.LOGIN_FAILURES_MAX):
        page = client.post("/me/password/", {"old_password": "guess"} | NEW_TWICE).content.decode()
        assert "not your present password" in page
    page = client.post("/me/password/", {"old_password": PASSWORD} | NEW_TWICE).content.decode()
    assert "Too many wrong passwords" in page
    assert signs_in(NEW) is False


def test_the_page_says_that_tokens_end(dora):
    page = html(browser_of(dora), "/me/password/")
    assert "withdraws all API tokens" in page


# --- forgotten, by e-mail ---


def ask(email: str) -> str:
    response = Client().post("/password/forgotten/", {"email": email})
    assert response.url == "/password/sent/"
    return html(Client(), response.url)


def test_the_link_of_the_e_mail_sets_a_new_password_once_and_ends_tokens(dora):
    tokens.make(dora, name="Nightly", days=7)
    ask("dora@EXAMPLE.org")
    (message,) = mail.outbox
    assert message.to == ["Dora@example.org"] and "Maskwright" in message.subject
    assert message.from_email == django_settings.DEFAULT_FROM_EMAIL
    link = re.search(r"http://testserver(/password/new/\S+)", message.body)[1]
    client = Client()
    form = client.get(link, follow=True)
    url = form.redirect_chain[-1][0]
    assert "dora" in form.content.decode() and link.split("/")[-2] not in url
    assert client.post(url, NEW_TWICE).url == "/login/"
    assert "Your new password is set" in html(client, "/login/")
    assert signs_in(NEW) and not ApiToken.objects.exists()
    again = Client().get(link)
    assert again.status_code == 410 and "no longer works" in again.content.decode()


def test_whether_an_address_has_an_account_is_not_said(dora):
    assert ask("dora@example.org") == ask("nobody@example.org")
    assert len(mail.outbox) == 1


def test_an_account_gets_one_e_mail_in_five_minutes(dora):
    for _ in range(3):
        ask("dora@example.org")
    assert len(mail.outbox) == 1
    User.objects.update(password_mail_at=None)
    ask("dora@example.org")
    assert len(mail.outbox) == 2


def test_a_switched_off_account_gets_no_e_mail(dora):
    User.objects.update(is_active=False)
    ask("dora@example.org")
    assert mail.outbox == []


def test_a_link_too_old_is_refused(dora, settings):
    path = passwords.link_path(dora)
    settings.PASSWORD_RESET_TIMEOUT = -1
    assert Client().get(path).status_code == 410


def test_the_link_ends_when_its_person_signs_in(dora):
    path = passwords.link_path(dora)
    assert signs_in(PASSWORD)
    assert Client().get(path).status_code == 410


@pytest.mark.parametrize(
    ("address", "expected"),
    [
        ("smtp://mail.example.org", ("mail.example.org", 25, "", "", False, False)),
        ("smtps://mail.example.org", ("mail.example.org", 465, "", "", True, False)),
        (
            "smtp+tls://me%40example.org:p%3Ass@mail.example.org:2587",
            ("mail.example.org", 2587, "me@example.org", "p:ss", False, True),
        ),
    ],
)
def test_the_address_of_a_mail_server_is_read(address, expected):
    assert read("EMAIL_URL", {"EMAIL_URL": address}) == address
    found = server_settings(address)
    names = ("HOST", "PORT", "HOST_USER", "HOST_PASSWORD", "USE_SSL", "USE_TLS")
    assert tuple(found[f"EMAIL_{name}"] for name in names) == expected


@pytest.mark.parametrize(
    "address", ["mail.example.org", "http://a", "smtp://", "smtp://a:port", "smtp://a/b"]
)
def test_an_address_that_is_no_mail_servers_is_refused(address):
    with pytest.raises(WrongEnvironment, match="EMAIL_URL"):
        read("EMAIL_URL", {"EMAIL_URL": address})


# --- by an administrator ---


def make_link(admin: User, *chosen: User):
    form = {"action": "make_password_link", "_selected_action": [user.pk for user in chosen]}
    return browser_of(admin).post(reverse("admin:annotator_user_changelist"), form, follow=True)


def test_an_administrator_makes_a_link_that_works(dora):
    boss = User.objects.create_superuser("boss")
    response = make_link(boss, dora)
    assert "no-store" in response["Cache-Control"]
    link = re.search(r'value="http://testserver(/password/new/[^"]+)"', response.content.decode())[1]
    client = Client()
    url = client.get(link).url
    assert client.post(url, NEW_TWICE).url == "/login/"
    assert signs_in(NEW)
    history = html(browser_of(boss), reverse("admin:annotator_user_history", args=[dora.pk]))
    assert "Made a link to set a new password" in history


def test_a_link_is_for_one_person_who_is_not_switched_off(dora, charlie):
    boss = User.objects.create_superuser("boss")
    assert "Choose one user" in make_link(boss, dora, charlie).content.decode()
    User.objects.filter(pk=dora.pk).update(is_active=False)
    assert "is switched off" in make_link(boss, dora).content.decode()


def test_no_link_makes_a_superuser_of_somebody_who_is_none(dora):
    from django.contrib.auth.models import Permission

    boss = User.objects.create_superuser("boss")
    helper = User.objects.create(username="helper", is_staff=True)
    helper.user_permissions.set(Permission.objects.filter(codename__in=["view_user", "change_user"]))
    assert "/password/new/" in make_link(helper, dora).content.decode()
    page = make_link(helper, boss).content.decode()
    assert "Only a superuser" in page and "/password/new/" not in page


def test_the_command_line_makes_a_link(dora):
    out = io.StringIO()
    call_command(
        "password_link", "dora", "--site", "https://masks.example.org/", stdout=out, stderr=io.StringIO()
    )
    link = out.getvalue().strip()
    assert link.startswith("https://masks.example.org/password/new/")
    assert Client().get(link.removeprefix("https://masks.example.org")).status_code == 302
    with pytest.raises(CommandError, match="no user dor. Do you mean dora"):
        call_command("password_link", "dor")


# --- the profile ---


def test_a_name_is_changed_and_seen_by_the_project(alice, bob, project):
    answer = client_of(bob).patch("/api/me/", {"first_name": "Bob", "last_name": "Ross"}, format="json")
    assert (answer.status_code, answer.json()["first_name"]) == (200, "Bob")
    assert "Bob Ross" in html(browser_of(alice), f"/projects/{project.pk}/people/")


def test_another_e_mail_address_needs_the_password_since_links_go_there(dora):
    client = client_of(dora)
    for body in ({"email": "thief@example.org"}, {"email": "thief@example.org", "password": "guess"}):
        answer = client.patch("/api/me/", body, format="json")
        assert (answer.status_code, answer.json()["error"]["code"]) == (400, "wrong_password")
        assert list(answer.json()["error"]["fields"]) == ["password"]
    dora.refresh_from_db()
    assert dora.email == "Dora@example.org"
    answer = client.patch("/api/me/", {"email": "new@example.org", "password": PASSWORD}, format="json")
    assert (answer.status_code, answer.json()["email"]) == (200, "new@example.org")
    assert "password" not in answer.json()


def test_nobody_makes_themselves_staff_or_somebody_else(dora):
    answer = client_of(dora).patch(
        "/api/me/", {"is_staff": True, "is_superuser": True, "username": "boss"}, format="json"
    )
    assert answer.status_code == 200
    dora.refresh_from_db()
    assert (dora.is_staff, dora.is_superuser, dora.username) == (False, False, "dora")
    assert dora.check_password(PASSWORD)


def test_the_profile_page_has_the_switches_of_the_workbench(dora):
    dora.preferences = {"quick_mode": True, "keys": {"accept": [";"]}}
    dora.save()
    page = html(browser_of(dora), "/me/")
    assert re.search(r'name="quick_mode" checked', page)
    assert not re.search(r'name="far_click_accepts" checked', page)
    assert "1 key of your own" in page
