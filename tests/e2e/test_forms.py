"""Forms: what the server refuses is said beside its field; lists of categories are pasted."""

from __future__ import annotations

import re
import uuid

import pytest
from playwright.sync_api import Locator, Page, expect


@pytest.fixture
def project(api) -> dict:
    manager = api("manager")
    project = manager.post("/api/projects/", data={"name": f"Forms {uuid.uuid4().hex[:6]}"}).json()
    manager.post(f"/api/projects/{project['id']}/categories/", data={"name": "cup"})
    return project


def paste(field: Locator, text: str) -> None:
    field.evaluate(
        """(field, text) => {
            const clipboardData = new DataTransfer();
            clipboardData.setData("text/plain", text);
            field.dispatchEvent(new ClipboardEvent("paste", {clipboardData, bubbles: true, cancelable: true}));
        }""",
        text,
    )


def expect_error(field: Locator, words: str) -> None:
    expect(field).to_have_attribute("aria-invalid", "true")
    expect(field).to_be_focused()
    note = field.page.locator(f"#{field.get_attribute('aria-errormessage')}")
    expect(note).to_contain_text(words)
    box, error = field.bounding_box(), note.bounding_box()
    assert 0 <= error["y"] - box["y"] - box["height"] < 40  # right below


def test_an_error_is_beside_its_field_until_one_types(page: Page, sign_in, project):
    sign_in("manager")
    page.goto(f"/projects/{project['id']}/labels/")
    name = page.get_by_label("Name", exact=True)
    name.fill("CUP")
    page.get_by_role("button", name="Add", exact=True).click()
    expect_error(name, "already has a category")
    name.type("s")
    expect(page.locator(".field-error")).to_have_count(0)
    expect(name).not_to_have_attribute("aria-invalid", "true")
    page.get_by_role("button", name="Add", exact=True).click()
    row = page.get_by_label("Name of CUPs")
    row.fill("Cup")
    row.press("Enter")
    expect_error(row, "already has a category")
    page.goto(f"/projects/{project['id']}/people/")
    user = page.get_by_label("User name")
    user.fill("nobody-of-this-name")
    page.get_by_role("button", name="Add").click()
    expect_error(user, "nobody-of-this-name")


def test_a_pasted_list_becomes_categories_and_those_that_are_there_stay(page: Page, sign_in, project, api):
    sign_in("manager")
    page.goto(f"/projects/{project['id']}/labels/")
    paste(page.get_by_label("Name", exact=True), "car\tvehicle\r\nCup\nbicycle\tvehicle\ncar\n")
    dialog = page.get_by_role("dialog", name="Paste a list of categories")
    expect(dialog.get_by_role("textbox")).to_have_value(re.compile("bicycle"))
    dialog.get_by_role("button", name="Add 3 categories").click()
    expect(page.locator("[data-toasts]")).to_contain_text("Added 2 categories. 1 was there already.")
    rows = api("manager").get(f"/api/projects/{project['id']}/categories/").json()["results"]
    assert [(row["name"], row["supercategory"]) for row in rows] == [
        ("cup", ""),
        ("car", "vehicle"),
        ("bicycle", "vehicle"),
    ]
    assert len({row["color"] for row in rows}) == 3


def test_a_new_project_takes_a_list_and_says_which_category_is_there_twice(page: Page, sign_in, api):
    name = f"List {uuid.uuid4().hex[:6]}"
    sign_in("manager")
    page.get_by_role("button", name="New project").first.click()
    page.get_by_label("Name", exact=True).fill(name)
    fields = page.get_by_label("Category name")
    paste(fields.first, "oak\nbirch\nbeech")
    expect(fields).to_have_count(3)
    fields.last.fill("Oak")
    page.get_by_role("button", name="Create project").click()
    expect_error(fields.last, "Another category above")
    fields.last.fill("\u202e")  # which only the server refuses, when the project is there already
    page.get_by_role("button", name="Create project").click()
    expect_error(fields.last, "needs a name")
    name = f"{name} corrected"
    page.get_by_label("Name", exact=True).fill(name)
    fields.last.fill("beech")
    page.get_by_role("button", name="Create project").click()
    expect(page.locator("[data-project-name]").first).to_have_text(name)
    [project] = [row for row in api("manager").get("/api/projects/").json()["results"] if row["name"] == name]
    rows = api("manager").get(f"/api/projects/{project['id']}/categories/").json()["results"]
    assert [row["name"] for row in rows] == ["oak", "birch", "beech"]


def test_a_category_that_was_deleted_comes_back_as_it_was(page: Page, sign_in, project, api):
    manager, url = api("manager"), f"/api/projects/{project['id']}/categories/"
    manager.post(url, data={"name": "spoon", "supercategory": "cutlery", "color": "#123456"})
    before = manager.get(url).json()["results"]
    sign_in("manager")
    page.goto(f"/projects/{project['id']}/labels/")
    page.get_by_role("button", name="Delete cup").click()
    expect(page.get_by_label("Name of cup")).to_have_count(0)
    page.locator(".toast", has_text="Deleted “cup”").get_by_role("button", name="Undo").click()
    expect(page.get_by_label("Name of cup")).to_have_value("cup")
    after = manager.get(url).json()["results"]
    assert [row | {"id": 0} for row in after] == [row | {"id": 0} for row in before]


def test_a_name_that_is_being_typed_is_saved_when_its_page_goes(page: Page, sign_in, project, api):
    sign_in("manager")
    page.goto(f"/projects/{project['id']}/labels/")
    page.get_by_label("Name of cup").fill("mug")
    page.reload()
    page.wait_for_timeout(1000)
    page.reload()
    expect(page.get_by_label("Name of mug")).to_have_value("mug")


def test_a_long_list_of_categories_is_searched(page: Page, sign_in, project, api):
    rows = [{"name": f"part {number}", "supercategory": "engine"} for number in range(12)]
    url = f"/api/projects/{project['id']}/categories/list/"
    assert api("manager").post(url, data={"categories": [*rows, {"name": "Wheel"}]}).ok
    sign_in("manager")
    page.goto(f"/projects/{project['id']}/labels/")
    search = page.get_by_label("Find a category")
    shown = page.locator("[data-labels] tbody tr[data-category-id]:visible")
    search.fill("wheel")
    expect(shown).to_have_count(1)
    search.fill("ENGINE")
    expect(shown).to_have_count(12)
    search.fill("sail")
    expect(page.get_by_role("status").filter(has_text="No category is called “sail”.")).to_be_visible()
    search.fill("")
    expect(shown).to_have_count(len(api("manager").get(url.replace("list/", "")).json()["results"]))
