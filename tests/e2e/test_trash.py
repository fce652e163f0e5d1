"""Deleted images and masks come back from the project's trash: real browser, server and files."""

from __future__ import annotations

import io
import uuid

import numpy as np
import pytest
from PIL import Image as Pillow
from playwright.sync_api import Page, expect

from segmentation import rle
from tests.annotator.world import encode_image


@pytest.fixture
def project(api) -> dict:
    """A project of the manager's with a category, the annotator and three images."""
    manager = api("manager")
    project = manager.post("/api/projects/", data={"name": f"Trash {uuid.uuid4().hex[:6]}"}).json()
    address = f"/api/projects/{project['id']}"
    manager.post(f"{address}/categories/", data={"name": "cup"})
    manager.post(f"{address}/members/", data={"username": "annotator", "role": "annotator"})
    for seed, name in enumerate(("first.png", "second.png", "third.png")):
        file = {"name": name, "mimeType": "image/png", "buffer": encode_image((60, 80), seed=seed)}
        assert manager.post(f"{address}/images/", multipart={"files": file}).status == 201
    return project | {"images": manager.get(f"{address}/images/").json()["results"]}


def tile(page: Page, name: str):
    return page.locator(".tile", has_text=name)


def delete(page: Page, *names: str) -> None:
    for name in names:
        page.get_by_label(f"Select {name}").check()
    page.get_by_role("toolbar").get_by_role("button", name="Delete").click()
    dialog = page.get_by_role("dialog")
    expect(dialog).to_contain_text("can be restored from there for 30 days")
    dialog.get_by_role("button", name="Delete").click()


def test_deleted_images_are_undone_at_once(page: Page, sign_in, project, api):
    sign_in("manager")
    page.goto(f"/projects/{project['id']}/")
    delete(page, "first.png", "third.png")
    expect(page.locator(".tile")).to_have_count(1)
    toast = page.locator(".toast", has_text="2 images deleted.")
    toast.get_by_role("button", name="Undo").click()
    expect(page.locator(".toast", has_text="2 images restored.")).to_be_visible()
    expect(page.locator(".tile .tile-name")).to_have_text(["first.png", "second.png", "third.png"])
    assert api("manager").get(f"/api/projects/{project['id']}/images/").json()["count"] == 3


def test_the_trash_restores_and_removes_for_good(page: Page, sign_in, project, api):
    sign_in("manager")
    page.goto(f"/projects/{project['id']}/")
    delete(page, "first.png", "second.png", "third.png")
    expect(page.get_by_role("heading", name="No images yet")).to_be_visible()
    page.get_by_role("link", name="Trash", exact=True).click()
    rows = page.locator("[data-trash-images] li")
    expect(rows).to_have_count(3)
    expect(rows.first).to_contain_text("Deleted by manager just now · 30 days left")
    loaded = page.locator("[data-trash-images] img").first
    expect(loaded).to_have_js_property("complete", True)
    assert loaded.evaluate("image => image.naturalWidth") > 0

    rows.filter(has_text="second.png").get_by_role("button", name="Restore").click()
    expect(rows).to_have_count(2)
    rows.filter(has_text="first.png").get_by_role("button", name="Delete first.png for good").click()
    dialog = page.get_by_role("dialog")
    expect(dialog).to_contain_text("Delete first.png for good?")
    dialog.get_by_role("button", name="Cancel").click()
    expect(rows).to_have_count(2)
    rows.filter(has_text="first.png").get_by_role("button", name="Delete first.png for good").click()
    dialog.get_by_role("button", name="Delete for good").click()
    expect(rows).to_have_count(1)
    page.get_by_role("button", name="Empty the trash").click()
    expect(dialog).to_contain_text("Delete 1 image for good?")
    dialog.get_by_role("button", name="Delete for good").click()
    expect(rows).to_have_count(0)
    expect(page.get_by_text("No deleted images.")).to_be_visible()
    expect(page.get_by_role("button", name="Empty the trash")).to_have_count(0)
    left = api("manager").get(f"/api/projects/{project['id']}/images/").json()["results"]
    assert [row["name"] for row in left] == ["second.png"]


def test_an_upload_of_a_deleted_image_offers_to_restore_it(page: Page, sign_in, project, api):
    manager = api("manager")
    manager.delete(f"/api/images/{project['images'][1]['id']}/")
    sign_in("manager")
    page.goto(f"/projects/{project['id']}/")
    file = {"name": "copy.png", "mimeType": "image/png", "buffer": encode_image((60, 80), seed=1)}
    page.set_input_files("[data-files]", [file])
    line = page.locator(".tray-file", has_text="copy.png")
    expect(line).to_contain_text("in the trash as second.png")
    line.get_by_role("button", name="Restore from the trash").click()
    expect(line).to_contain_text("already here")
    expect(tile(page, "second.png")).to_be_visible()


def test_deleted_masks_of_all_images_are_restored(page: Page, sign_in, project, api):
    annotator = api("annotator")
    category = annotator.get(f"/api/projects/{project['id']}/categories/").json()["results"][0]["id"]
    mask = np.zeros((60, 80), bool)
    mask[10:20, 10:20] = True
    for image in project["images"][:2]:
        body = {"id": str(uuid.uuid4()), "category": category, "segmentation": rle.encode(mask)}
        assert annotator.post(f"/api/images/{image['id']}/annotations/", data=body).status == 201
        assert annotator.delete(f"/api/annotations/{body['id']}/").status == 204
    sign_in("manager")
    page.goto(f"/projects/{project['id']}/trash/")
    rows = page.locator("[data-trash-masks] li")
    expect(rows).to_have_count(2)
    expect(rows.first).to_contain_text("Deleted by annotator")
    rows.filter(has_text="first.png").get_by_role("button", name="Restore").click()
    expect(rows).to_have_count(1)
    found = annotator.get(f"/api/images/{project['images'][0]['id']}/annotations/").json()
    assert found["count"] == 1


def test_the_trash_is_for_managers(page: Page, sign_in, project):
    sign_in("annotator")
    page.goto(f"/projects/{project['id']}/")
    expect(page.get_by_role("link", name="Dashboard")).to_be_visible()
    expect(page.get_by_role("link", name="Trash", exact=True)).to_have_count(0)
    assert page.goto(f"/projects/{project['id']}/trash/").status == 403


def test_a_panorama_is_shown_whole(page: Page, sign_in, project, api):
    content = io.BytesIO()
    Pillow.new("RGB", (600, 100), "teal").save(content, "PNG")
    file = {"name": "wide.png", "mimeType": "image/png", "buffer": content.getvalue()}
    api("manager").post(f"/api/projects/{project['id']}/images/", multipart={"files": file})
    sign_in("manager")
    page.goto(f"/projects/{project['id']}/")
    expect(tile(page, "wide.png").locator("img").first).to_have_css("object-fit", "contain")
    expect(tile(page, "first.png").locator("img").first).to_have_css("object-fit", "cover")
