"""The HTML pages: who gets which, what their first state says, and that nobody is offered what they may not do."""

from __future__ import annotations

import re

import pytest
from django.urls import reverse

from annotator.models import Export, Image, User
from annotator.pages.urls import urlpatterns
from annotator.projects import projects
from tests.annotator.world import browser_of, html

ROLES = ("anonymous", "stranger", "viewer", "annotator", "manager", "staff")
USERS = {"stranger": "charlie", "viewer": "vera", "annotator": "bob", "manager": "alice", "staff": "sam"}
SIGNED_IN = (302, 200, 200, 200, 200, 200)
MEMBERS = (302, 404, 200, 200, 200, 200)
MANAGERS = (302, 404, 403, 403, 200, 200)
ANYBODY = (200,) * 6
TO_AN_IMAGE = (302, 404, 302, 302, 302, 302)


# Address -> what each role gets; anonymous people are sent to sign in.
TABLE = {
    "projects": SIGNED_IN,
    "models": SIGNED_IN,
    "model-card": (302, 404, 404, 404, 404, 404),  # there is no such bundle
    "project": MEMBERS,
    "project-tab images": MEMBERS,
    "project-tab dashboard": MEMBERS,
    "project-tab labels": MEMBERS,
    "project-tab people": MEMBERS,
    "project-tab exports": MEMBERS,
    "project-tab versions": MEMBERS,
    "project-tab settings": MANAGERS,
    "continue": TO_AN_IMAGE,
    "annotate": MEMBERS,
    "annotate-scene": (401, *MEMBERS[1:]),
    "masks": MEMBERS,
    "tiles": (401, *MEMBERS[1:]),
    "listed": (401, *MEMBERS[1:]),
    "profile": SIGNED_IN,
    "password-change": SIGNED_IN,
    "password-forgotten": ANYBODY,
    "password-sent": ANYBODY,
    "password-new": (410,) * 6,  # nobody made that link
    "invitation": (404,) * 6,  # likewise
    "login": (200, 302, 302, 302, 302, 302),
}
TABS = ("images", "dashboard", "labels", "people", "exports")
MARKS_OF_MANAGING = ("data-new-category", "data-new-member", "data-delete-", "data-new-export", "data-files")


@pytest.fixture
def everybody(alice, bob, vera, charlie, staff) -> dict[str, User]:
    return {user.username: user for user in (alice, bob, vera, charlie, staff)}


def address(name: str, project, image) -> str:
    name, _, tab = name.partition(" ")
    if name == "project-tab":
        return reverse(name, args=[project.pk, tab])
    if name in ("project", "continue", "tiles", "listed"):
        return reverse(name, args=[project.pk])
    if name == "model-card":
        return reverse(name, args=["pocket"])
    if name == "password-new":
        return reverse(name, args=["MQ", "made-up"])
    if name == "invitation":
        return reverse(name, args=["made-up"])
    if name.startswith(("annotate", "masks")):
        return reverse(name, args=[image.pk])
    return reverse(name)


@pytest.mark.parametrize("role", ROLES)
@pytest.mark.parametrize("name", TABLE)
def test_every_page_for_every_role(name, role, everybody, project, image, annotation):
    client = browser_of(everybody.get(USERS.get(role, "")))
    response = client.get(address(name, project, image))
    assert response.status_code == TABLE[name][ROLES.index(role)]
    if role == "anonymous" and response.status_code == 302:
        assert response.url.startswith("/login/?next=")


def test_the_table_names_every_page():
    served = {pattern.name for pattern in urlpatterns} - {"logout"}
    assert {name.partition(" ")[0] for name in TABLE} == served


def test_a_page_that_is_not_there_says_so_in_words(client, alice):
    client.force_login(alice)
    response = client.get("/projects/999999/")
    assert response.status_code == 404
    assert "text/html" in response["Content-Type"]
    assert reverse("projects") in response.content.decode()


def test_a_stranger_and_a_missing_project_look_the_same(charlie, project):
    client = browser_of(charlie)
    hidden = client.get(f"/projects/{project.pk}/")
    missing = client.get("/projects/999999/")
    without_token = re.compile(rb'name="csrfmiddlewaretoken" value="[^"]*"|content="[A-Za-z0-9]{64}"')
    assert without_token.sub(b"", hidden.content) == without_token.sub(b"", missing.content)


# --- what pages say ---
def test_the_projects_page_shows_ones_own_projects_only(charlie, alice, project):
    projects.create_project(charlie, name="Charlie's birds")
    assert "Charlie&#x27;s birds" in html(browser_of(charlie), "/")
    assert "Charlie&#x27;s birds" not in html(browser_of(alice), "/")
    assert "Cats" not in html(browser_of(charlie), "/")


def test_an_empty_list_says_what_to_do(charlie):
    assert "No projects yet" in html(browser_of(charlie), "/")


@pytest.mark.parametrize("tab", TABS)
def test_only_managers_are_offered_a_managers_controls(tab, alice, bob, vera, project, image, annotation):
    url = f"/projects/{project.pk}/{tab}/"
    for user in (bob, vera):
        page = html(browser_of(user), url)
        assert not [mark for mark in MARKS_OF_MANAGING if mark in page]
    if tab != "dashboard":
        assert [mark for mark in MARKS_OF_MANAGING if mark in html(browser_of(alice), url)]


def test_a_viewer_is_offered_nothing_that_writes(vera, project, image, annotation):
    client = browser_of(vera)
    for tab in TABS:
        page = html(client, f"/projects/{project.pk}/{tab}/")
        for mark in ("data-mark=", "data-select ", "contenteditable"):
            assert mark not in page, (tab, mark)
    assert f"/projects/{project.pk}/continue/" not in html(client, "/")


# --- models, exports ---
def test_names_are_shown_as_text_wherever_they_stand(alice, project, image, category):
    nasty = "<script>alert(1)</script>"
    projects.update_project(project, name=nasty, description=nasty)
    Image.objects.filter(pk=image.pk).update(name=nasty)
    type(category).objects.filter(pk=category.pk).update(name=nasty, supercategory=nasty)
    Export.objects.create(project=project, format="coco", options={}, error=nasty, state="failed")
    client = browser_of(alice)
    for url in ("/", *(f"/projects/{project.pk}/{tab}/" for tab in (*TABS, "settings"))):
        assert nasty not in html(client, url), url


def test_no_page_carries_an_inline_script(alice, project, image, annotation):
    """The policy forbids them, so one would silently not run."""
    client = browser_of(alice)
    for url in ("/", "/models/", *(f"/projects/{project.pk}/{tab}/" for tab in (*TABS, "settings"))):
        page = html(client, url)
        for script in re.findall(r"<script\b[^>]*>", page):
            assert "src=" in script or 'type="application/json"' in script, (url, script)
        assert not re.search(r"\son\w+=", page), url


def test_pages_are_isolated_and_carry_the_policy(client, db):
    response = client.get("/login/")
    assert response["Cross-Origin-Opener-Policy"] == "same-origin"
    assert response["Cross-Origin-Embedder-Policy"] == "require-corp"
    assert "'unsafe-inline'" not in response["Content-Security-Policy"].split("script-src")[1].split(";")[0]


def test_class_names_and_words_keep_the_spaces_between_them(alice, project, image):
    """The formatter of the templates moves spaces at the ends of template tags."""
    Image.objects.update(state="in_progress")
    Export.objects.create(
        project=project, format="coco", options={}, state="ready", created_by=alice, size_bytes=1200000
    )
    page = (
        html(browser_of(alice), f"/projects/{project.pk}/exports/")
        .replace("\xa0", " ")
        .replace("&nbsp;", " ")
    )
    words = re.sub(r"\s+", " ", re.sub(r"<[^>]+>", "", page))
    assert "0 of 1 done · 1 in progress · 0 masks" in words
    assert "all images · alice, just now · 1.1 MB" in words
    assert '<svg class="icon if-dark"' in page
