"""An annotator comes by an invitation, makes a token, uses it, changes the password; and the pages of it all."""

from __future__ import annotations

import re
import uuid

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.e2e.conftest import PASSWORD, Site, sign_in_as
from tests.e2e.test_every_page import PHONE, axe_source, complaints, overflow  # noqa: F401  (a fixture)

OWN_PASSWORD = "a horse of mine 7"
NEW_PASSWORD = "another horse 8"


@pytest.fixture
def project(api) -> dict:
    manager = api("manager")
    return manager.post("/api/projects/", data={"name": f"Invited {uuid.uuid4().hex[:6]}"}).json()


def invite(page: Page, project: dict) -> str:
    """The link that a manager makes on the page of people."""
    sign_in_as(page, "manager")
    page.goto(f"/projects/{project['id']}/people/")
    page.get_by_role("button", name="Invite people").click()
    dialog = page.get_by_role("dialog", name="Invite people")
    dialog.get_by_label("For whom").fill("Nora")
    dialog.get_by_role("button", name="Make the link").click()
    row = page.locator("[data-invitation-id]")
    expect(row).to_contain_text("Annotator")
    expect(row).to_contain_text("for 1 person, until")
    return row.get_by_label("Link").input_value()


def test_an_invited_annotator_arrives_makes_a_token_and_ends_it_with_a_new_password(
    page: Page, browser: Browser, site: Site, project: dict, playwright_driver
):
    link = invite(page, project)
    name = f"nora-{uuid.uuid4().hex[:6]}"
    context = browser.new_context(base_url=site.url, viewport={"width": 1440, "height": 900}, locale="en-GB")
    context.grant_permissions(["clipboard-read", "clipboard-write"])
    nora = context.new_page()

    # She arrives: what is wrong is said beside its field, then she is in the project.
    nora.goto(link)
    expect(nora.get_by_role("heading", name=f"Join {project['name']}")).to_be_visible()
    nora.get_by_label("User name").fill("manager")
    nora.get_by_label("Password", exact=True).fill(OWN_PASSWORD)
    nora.get_by_label("Password again").fill(OWN_PASSWORD)
    nora.get_by_role("button", name="Make my account and join").click()
    expect(nora.get_by_text("This user name is taken")).to_be_visible()
    nora.get_by_label("User name").fill(name)
    nora.get_by_label("Password", exact=True).fill(OWN_PASSWORD)
    nora.get_by_label("Password again").fill(OWN_PASSWORD)
    nora.get_by_role("button", name="Make my account and join").click()
    nora.wait_for_url(f"**/projects/{project['id']}/")
    page.reload()
    expect(page.locator("[data-members]")).to_contain_text(name)
    expect(page.locator("[data-invitation-id]")).to_contain_text("has been used")

    # She makes a token, which is shown once.
    nora.get_by_role("link", name=name).click()
    nora.get_by_role("button", name="New token").click()
    dialog = nora.get_by_role("dialog", name="New API token")
    dialog.get_by_label("What is it for?").fill("Nightly upload")
    dialog.get_by_label("Expires after").select_option("30")
    dialog.get_by_role("button", name="Make the token").click()
    shown = nora.get_by_role("dialog", name="Copy the token now")
    token = shown.get_by_label("The token").input_value()
    assert re.fullmatch(r"mw_[\w-]{43}", token)
    shown.get_by_role("button", name="Copy", exact=True).click()
    expect(shown.get_by_role("status")).to_have_text("Copied.")
    assert nora.evaluate("navigator.clipboard.readText()") == token
    shown.get_by_role("button", name="I have it").click()
    row = nora.locator("[data-token-id]")
    expect(row).to_contain_text("Nightly upload")
    expect(row).to_contain_text("never")
    assert token not in nora.content()
    nora.reload()
    assert token not in nora.content()

    # A program uses it.
    program = playwright_driver.request.new_context(
        base_url=site.url, extra_http_headers={"Authorization": f"Token {token}"}
    )
    assert program.get("/api/me/").json()["username"] == name
    assert [row["id"] for row in program.get("/api/projects/").json()["results"]] == [project["id"]]
    nora.reload()
    expect(row).to_contain_text("just now")

    # She changes the password: the token is refused, and she is still signed in.
    nora.get_by_role("link", name="Change the password").click()
    nora.get_by_label("Present password").fill("guess")
    nora.get_by_label("New password", exact=True).fill(NEW_PASSWORD)
    nora.get_by_label("New password again").fill(NEW_PASSWORD)
    nora.get_by_role("button", name="Change the password").click()
    expect(nora.get_by_text("This is not your present password.")).to_be_visible()
    assert program.get("/api/me/").status == 200
    nora.get_by_label("Present password").fill(OWN_PASSWORD)
    nora.get_by_label("New password", exact=True).fill(NEW_PASSWORD)
    nora.get_by_label("New password again").fill(NEW_PASSWORD)
    nora.get_by_role("button", name="Change the password").click()
    expect(nora.get_by_text("Your password is changed.")).to_be_visible()
    expect(nora.get_by_text("You have no tokens.")).to_be_visible()
    refused = program.get("/api/me/")
    assert (refused.status, refused.json()["error"]["code"]) == (401, "authentication_failed")

    program.dispose()
    context.close()


def test_a_token_is_withdrawn_and_the_workbench_is_set_on_the_profile_page(page: Page, sign_in, api):
    sign_in("annotator")
    page.goto("/me/")
    page.get_by_role("button", name="New token").click()
    page.get_by_label("What is it for?").fill("To be withdrawn")
    page.get_by_role("button", name="Make the token").click()
    page.get_by_role("button", name="I have it").click()
    row = page.locator("[data-token-id]", has_text="To be withdrawn")
    row.get_by_role("button", name="Withdraw").click()
    page.get_by_role("dialog").get_by_role("button", name="Withdraw").click()
    expect(row).to_have_count(0)

    switch = page.get_by_label("One click or box is one saved mask.")
    switch.check()
    expect(page.get_by_text("Saved.")).to_be_visible()
    assert api("annotator").get("/api/me/preferences/").json()["quick_mode"] is True
    switch.uncheck()
    expect(page.get_by_text("Saved.")).to_be_visible()
    page.reload()
    expect(switch).not_to_be_checked()


def test_another_e_mail_address_asks_for_the_password(page: Page, sign_in, api):
    sign_in("annotator")
    page.goto("/me/")
    expect(page.get_by_label("Your password")).to_be_hidden()
    page.get_by_label("First name").fill("Ann")
    page.get_by_label("E-mail address").fill("ann@example.org")
    page.get_by_label("Your password").fill("guess")
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_text("This is not your present password.")).to_be_visible()
    page.get_by_label("Your password").fill(PASSWORD)
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_text("Saved.")).to_be_visible()
    me = api("annotator").get("/api/me/").json()
    assert (me["first_name"], me["email"]) == ("Ann", "ann@example.org")
    api("annotator").patch("/api/me/", data={"first_name": "", "email": "", "password": PASSWORD})


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("viewport", [{"width": 1440, "height": 900}, PHONE], ids=["desk", "phone"])
def test_the_pages_fit_and_axe_finds_nothing(
    page: Page,
    browser: Browser,
    site: Site,
    project: dict,
    axe_source: str,  # noqa: F811
    scheme,
    viewport,
):
    link = invite(page, project)
    page.emulate_media(color_scheme=scheme, reduced_motion="reduce")
    page.set_viewport_size(viewport)
    new_password = site.manage("password_link", "annotator", "--site", site.url).split()[0]
    found = []

    def look(page: Page) -> None:
        found.extend([*complaints(page, axe_source), *overflow(page)])

    page.goto("/me/")
    look(page)
    page.get_by_role("button", name="New token").click()
    look(page)
    page.get_by_label("What is it for?").fill("Nightly upload")
    page.get_by_role("button", name="Make the token").click()
    expect(page.get_by_role("dialog", name="Copy the token now")).to_be_visible()
    look(page)
    page.get_by_role("button", name="I have it").click()
    look(page)
    page.goto("/me/password/")
    page.get_by_label("Present password").fill("guess")
    page.get_by_label("New password", exact=True).fill("1")
    page.get_by_label("New password again").fill("2")
    page.get_by_role("button", name="Change the password").click()
    look(page)
    page.goto(f"/projects/{project['id']}/people/")
    look(page)
    page.get_by_role("button", name="Invite people").click()
    look(page)

    context = browser.new_context(base_url=site.url, viewport=viewport, color_scheme=scheme)
    guest = context.new_page()
    for address in (
        "/login/",
        link,
        "/password/forgotten/",
        "/password/sent/",
        new_password,
        "/password/new/MQ/made-up/",
    ):
        guest.goto(address)
        look(guest)
    context.close()
    assert found == []
