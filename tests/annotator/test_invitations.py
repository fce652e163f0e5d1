"""Links by which people come to a project, with an account of theirs or a new one."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.core import signing
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from annotator.models import Invitation, Membership, User
from annotator.people import invitations, members
from annotator.people.joining import JoinForm
from annotator.worker import housekeeping
from tests.annotator.world import browser_of, client_of, html

NEW_PERSON = {
    "username": "nora",
    "email": "",
    "password1": "a horse of mine 7",
    "password2": "a horse of mine 7",
}


@pytest.fixture
def invitation(project, alice) -> Invitation:
    return invitations.make(project, alice, role="annotator", days=7, uses=1)


def link(invitation: Invitation) -> str:
    return reverse("invitation", args=[invitations.token_of(invitation)])


def role_of(username: str) -> str | None:
    return Membership.objects.filter(user__username=username).values_list("role", flat=True).first()


def test_whoever_has_the_link_makes_an_account_and_is_a_member_at_once(invitation, project):
    client = Client()
    page = html(client, link(invitation))
    assert "Join Cats" in page and "alice invites you as an <strong>annotator</strong>" in page
    response = client.post(link(invitation), NEW_PERSON)
    assert response.url == f"/projects/{project.pk}/"
    assert client.get(response.url).status_code == 200  # signed in
    assert role_of("nora") == "annotator"
    assert client.login(username="nora", password="a horse of mine 7")
    user = User.objects.get(username="nora")
    assert not user.is_staff and not user.is_superuser


def test_a_link_for_one_lets_one_in(invitation):
    assert Client().post(link(invitation), NEW_PERSON).status_code == 302
    late = Client().post(link(invitation), NEW_PERSON | {"username": "late"})
    assert late.status_code == 410
    assert "has been used" in late.content.decode()
    assert not User.objects.filter(username="late").exists()


def test_a_link_for_two_lets_two_in(project, alice):
    invitation = invitations.make(project, alice, role="viewer", days=1, uses=2)
    statuses = [
        Client().post(link(invitation), NEW_PERSON | {"username": name}).status_code
        for name in ("one", "two", "three")
    ]
    assert statuses == [302, 302, 410]
    invitation.refresh_from_db()
    assert (invitation.uses_left, invitation.used) == (0, 2)


def test_of_several_who_come_at_once_by_a_link_for_one_one_gets_in(installation):
    """Threads on a real file: the tests' own database cannot be waited for."""
    said = installation.python(
        """
from concurrent.futures import ThreadPoolExecutor
from django.conf import settings
from django.db import connection
from django.test import Client
from django.urls import reverse
from annotator.models import Membership, User
from annotator.people import invitations
from annotator.projects import projects
settings.ALLOWED_HOSTS.append("testserver")
alice = User.objects.create(username="alice")
invitation = invitations.make(projects.create_project(alice, name="Cats"), alice, role="viewer", days=1, uses=1)
link = reverse("invitation", args=[invitations.token_of(invitation)])
def come(name):
    try:
        form = {"username": name, "password1": "a horse of mine 7", "password2": "a horse of mine 7"}
        return Client().post(link, form).status_code
    finally:
        connection.close()
with ThreadPoolExecutor(4) as pool:
    statuses = sorted(pool.map(come, ["one", "two", "three", "four"]))
print(statuses, Membership.objects.count(), User.objects.count())
"""
    )
    assert said.splitlines()[-1] == "[302, 410, 410, 410] 2 2"


def test_a_name_that_was_taken_a_moment_ago_is_said_beside_its_field(invitation):
    form = JoinForm(invitation, NEW_PERSON)
    assert form.is_valid()
    User.objects.create(username="nora")
    assert form.join() is None
    assert form.errors == {"username": ["This user name is taken. Choose another one."]}
    invitation.refresh_from_db()
    assert invitation.uses_left == 1


def test_somebody_with_an_account_joins_with_it(invitation, charlie, project):
    client = browser_of(charlie)
    assert "Join as charlie" in html(client, link(invitation))
    assert client.post(link(invitation)).url == f"/projects/{project.pk}/"
    assert role_of("charlie") == "annotator"


def test_a_member_is_led_to_the_project_and_keeps_role_and_link(invitation, vera, project):
    assert browser_of(vera).get(link(invitation)).url == f"/projects/{project.pk}/"
    assert browser_of(vera).post(link(invitation)).status_code == 302
    assert invitations.accept(invitation, vera).role == "viewer"
    invitation.refresh_from_db()
    assert (role_of("vera"), invitation.uses_left, invitation.used) == ("viewer", 1, 0)


def test_an_old_link_says_so(invitation):
    Invitation.objects.update(expires_at=timezone.now() - timedelta(seconds=1))
    response = Client().get(link(invitation))
    assert response.status_code == 410
    assert "has expired" in response.content.decode()
    assert Client().post(link(invitation), NEW_PERSON).status_code == 410
    assert not User.objects.filter(username="nora").exists()


def test_a_withdrawn_link_leads_nowhere(invitation, alice):
    assert client_of(alice).delete(f"/api/invitations/{invitation.pk}/").status_code == 204
    assert Client().get(link(invitation)).status_code == 404


def test_a_link_ends_with_its_makers_right_to_invite(invitation, project, alice, bob):
    members.change_role(Membership.objects.get(user=bob), "manager")
    members.change_role(Membership.objects.get(user=alice), "viewer")
    response = Client().post(link(invitation), NEW_PERSON)
    assert response.status_code == 410
    assert not User.objects.filter(username="nora").exists()
    with pytest.raises(Exception, match="can no longer be used"):
        invitations.accept(invitation, User.objects.create(username="nora"))
    invitation.refresh_from_db()
    assert invitation.uses_left == 1


def test_nobody_signs_a_link_but_the_site(invitation):
    key = str(invitation.pk)
    forged = [
        key,
        f"{key}.",
        f"{key}.{'A' * 43}",
        signing.Signer(salt="another").sign(key).replace(":", "."),
        ".",
    ]
    for token in forged:
        assert Client().get(reverse("invitation", args=[token])).status_code == 404, token


def test_the_table_alone_lets_nobody_in(invitation):
    token = invitations.token_of(invitation)
    signature = token.partition(".")[2]
    row = repr(list(Invitation.objects.values()))
    assert len(signature) > 30 and signature not in row


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"username": "BOB"}, "This user name is taken"),
        ({"username": "no spaces"}, "Enter a valid username"),
        ({"password2": "another"}, "not the same"),
        ({"password1": "12345678", "password2": "12345678"}, "entirely numeric"),
        ({"password1": "nora1", "password2": "nora1"}, "too short"),
        ({"email": "nowhere"}, "valid email"),
    ],
)
def test_what_is_wrong_is_said_beside_the_field_and_the_link_is_kept(invitation, change, says):
    response = Client().post(link(invitation), NEW_PERSON | change)
    page = response.content.decode()
    assert response.status_code == 400
    assert says in page and "field-error" in page
    assert "a horse of mine 7" not in page
    invitation.refresh_from_db()
    assert invitation.uses_left == 1


def test_there_is_no_other_way_to_an_account(client, db):
    for url in ("/signup/", "/register/", "/accounts/signup/", "/invitation/", "/join/"):
        assert client.get(url).status_code == 404


def test_a_manager_makes_lists_and_sees_links_over_the_api(alice, bob, project):
    url = f"/api/projects/{project.pk}/invitations/"
    made = client_of(alice).post(
        url, {"role": "viewer", "uses": 3, "expires_in_days": 1, "note": "Guests"}, format="json"
    )
    assert made.status_code == 201
    row = made.json()
    assert (row["role"], row["uses_left"], row["note"], row["over"]) == ("viewer", 3, "Guests", "")
    assert Client().get(row["url"].removeprefix("http://testserver")).status_code == 200
    assert client_of(alice).get(url).json()["results"] == [row]
    assert client_of(bob).get(url).status_code == 403


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"role": "owner"},
        {"role": "viewer", "uses": 0},
        {"role": "viewer", "uses": invitations.MOST_USES + 1},
        {"role": "viewer", "expires_in_days": 0},
        {"role": "viewer", "expires_in_days": invitations.MOST_DAYS + 1},
        {"role": "viewer", "note": "x" * 201},
    ],
)
def test_an_invitation_that_makes_no_sense_is_refused(alice, project, body):
    response = client_of(alice).post(f"/api/projects/{project.pk}/invitations/", body, format="json")
    assert (response.status_code, response.json()["error"]["code"]) == (400, "invalid")


def test_links_are_on_the_managers_page_of_people_alone(invitation, project, alice, bob):
    url = f"/projects/{project.pk}/people/"
    assert link(invitation) in html(browser_of(alice), url)
    assert "invitation" not in html(browser_of(bob), url).lower()


def test_the_admin_panel_shows_no_link(invitation):
    boss = browser_of(User.objects.create_superuser("boss"))
    signature = invitations.token_of(invitation).partition(".")[2]
    for url in ("", f"{invitation.pk}/change/"):
        assert signature not in html(boss, f"/admin/annotator/invitation/{url}")


def test_invitations_that_expired_long_ago_are_forgotten(invitation):
    Invitation.objects.update(expires_at=timezone.now() - timedelta(days=29))
    housekeeping.keep_house()
    assert Invitation.objects.exists()
    Invitation.objects.update(expires_at=timezone.now() - timedelta(days=31))
    housekeeping.keep_house()
    assert not Invitation.objects.exists()
