"""The gallery and the categories as people live with them all day: real browser, server and files."""

from __future__ import annotations

import uuid

import pytest
from playwright.sync_api import Page, expect

from tests.annotator.world import encode_image


@pytest.fixture
def project(api) -> dict:
    """A project of the manager's with a category, the annotator and three images."""
    manager = api("manager")
    project = manager.post("/api/projects/", data={"name": f"Gallery {uuid.uuid4().hex[:6]}"}).json()
    address = f"/api/projects/{project['id']}"
    manager.post(f"{address}/categories/", data={"name": "cup"})
    manager.post(f"{address}/members/", data={"username": "annotator", "role": "annotator"})
    for seed, name in enumerate(("first.png", "second.png", "third.png")):
        file = {"name": name, "mimeType": "image/png", "buffer": encode_image((60, 80), seed=seed)}
        assert manager.post(f"{address}/images/", multipart={"files": file}).status == 201
    return project | {"images": manager.get(f"{address}/images/").json()["results"]}


def test_ticks_stay_when_the_gallery_is_drawn_anew(page: Page, sign_in, project):
    """Some browser extensions write attributes into every field, so that each drawing exchanges the tile's label."""
    sign_in("manager")
    page.goto(f"/projects/{project['id']}/")
    box = page.get_by_label("Select second.png")
    box.check()
    box.evaluate("input => input.setAttribute('data-of-an-extension', '1')")
    file = {"name": "new.png", "mimeType": "image/png", "buffer": encode_image((60, 80), seed=7)}
    page.set_input_files("[data-files]", [file])
    expect(page.locator(".tile")).to_have_count(4)
    expect(box).not_to_have_attribute("data-of-an-extension", "1")
    expect(box).to_be_checked()
    expect(page.locator("[data-selection-count]")).to_have_text("1 selected")
    page.get_by_role("button", name="Mark done").click()
    expect(page.locator(".toast", has_text="1 image marked done.")).to_be_visible()


def test_tiles_are_as_large_as_one_likes_from_then_on(page: Page, sign_in, project):
    sign_in("annotator")
    page.goto(f"/projects/{project['id']}/")

    def width() -> float:
        return page.locator(".tile").first.bounding_box()["width"]

    usual = width()
    slider = page.get_by_label("Size of the tiles")
    slider.fill("380")
    assert width() > usual * 1.3
    page.reload()
    expect(slider).to_have_value("380")
    assert width() > usual * 1.3
    assert "/?" not in page.url  # it is no filter


def test_a_deleted_project_is_said_on_the_page_that_follows(page: Page, sign_in, project):
    sign_in("manager")
    page.goto(f"/projects/{project['id']}/settings/")
    form = page.locator("[data-delete-project]")
    form.get_by_role("textbox").fill(project["name"])
    form.get_by_role("button", name="Delete project").click()
    expect(page.locator(".toast", has_text=f"Deleted the project {project['name']}.")).to_be_visible()
    page.reload()
    expect(page.get_by_role("heading", name="Projects")).to_be_visible()
    expect(page.locator(".toast")).to_have_count(0)


def test_a_manager_adds_a_category_without_leaving_the_workbench(page: Page, sign_in, project, api):
    sign_in("manager")
    page.goto(f"/images/{project['images'][0]['id']}/annotate/")
    page.get_by_role("button", name="Add a category").click()
    field = page.get_by_label("Name of the new category")
    expect(field).to_be_focused()
    page.keyboard.type("Cup")  # the keys belong to the field, not to the workbench
    page.keyboard.press("Enter")
    expect(page.locator("[data-new-category-error]")).to_contain_text("already has a category Cup")
    expect(field).to_be_focused()
    field.fill("spoon")
    page.keyboard.press("Enter")
    spoon = page.locator("[data-categories] li", has_text="spoon").get_by_role("button")
    expect(spoon).to_have_attribute("aria-pressed", "true")
    expect(spoon.locator("kbd")).to_have_text("2")
    expect(field).to_be_hidden()
    page.keyboard.press("1")
    expect(spoon).to_have_attribute("aria-pressed", "false")
    page.keyboard.press("2")
    expect(spoon).to_have_attribute("aria-pressed", "true")
    page.keyboard.press("n")  # the next image's scene may have been fetched before
    page.wait_for_url(f"**/images/{project['images'][1]['id']}/annotate/")
    expect(spoon).to_have_attribute("aria-pressed", "true")
    cup, made = api("manager").get(f"/api/projects/{project['id']}/categories/").json()["results"]
    assert (made["name"], made["position"]) == ("spoon", cup["position"] + 1)
    assert made["color"] != cup["color"]


def test_annotators_ask_a_manager_for_categories(page: Page, sign_in, project):
    sign_in("annotator")
    page.goto(f"/images/{project['images'][0]['id']}/annotate/")
    expect(page.locator("[data-categories] li")).to_have_count(1)
    expect(page.get_by_role("button", name="Add a category")).to_have_count(0)
