"""A manager names a state of the masks, goes on, and sees what changed: real browser, server and worker."""

from __future__ import annotations

import json
import uuid

import pytest
from playwright.sync_api import Page, expect

from tests.annotator.world import encode_image, rectangle_rle

WAIT_MS = 30_000


@pytest.fixture
def project(api) -> dict:
    manager = api("manager")
    project = manager.post("/api/projects/", data={"name": f"Versions {uuid.uuid4().hex[:6]}"}).json()
    address = f"/api/projects/{project['id']}"
    category = manager.post(f"{address}/categories/", data={"name": "cup"}).json()
    for seed, name in enumerate(("first.png", "second.png")):
        file = {"name": name, "mimeType": "image/png", "buffer": encode_image(seed=seed)}
        assert manager.post(f"{address}/images/", multipart={"files": file}).status == 201
    images = manager.get(f"{address}/images/").json()["results"]
    project |= {"images": images, "category": category["id"]}
    save(manager, project, images[0])
    return project


def save(manager, project, image) -> None:
    body = {"id": str(uuid.uuid4()), "category": project["category"], "segmentation": rectangle_rle()}
    assert manager.post(f"/api/images/{image['id']}/annotations/", data=body).status == 201


def make(page: Page, name: str, note: str = "") -> None:
    page.get_by_role("button", name="New version").click()
    dialog = page.get_by_role("dialog", name="New version")
    dialog.get_by_label("Name").fill(name)
    dialog.get_by_label("Note").fill(note)
    dialog.get_by_role("button", name="Make version").click()


def test_a_state_is_named_compared_exported_and_deleted(page: Page, sign_in, project, api):
    sign_in("manager")
    page.goto(f"/projects/{project['id']}/versions/")
    expect(page.get_by_role("heading", name="No versions yet")).to_be_visible()
    make(page, "Before training", "sent to training")
    card = page.locator("li.export", has_text="Before training")
    expect(card).to_contain_text("2 images, 1 mask", timeout=WAIT_MS)
    expect(card.locator(".digest")).to_have_text(
        api("manager").get(f"/api/projects/{project['id']}/versions/").json()["results"][0]["digest"]
    )

    make(page, "before TRAINING")
    dialog = page.get_by_role("dialog", name="New version")
    expect(dialog).to_contain_text("There is a version of this name already")
    dialog.get_by_role("button", name="Cancel").click()

    save(api("manager"), project, project["images"][1])
    card.get_by_role("button", name="Compare").click()
    comparison = page.get_by_role("dialog", name="What changed since Before training")
    expect(comparison).to_contain_text("Images: 0 added, 1 changed, 0 removed.")
    expect(comparison.get_by_role("row", name="cup 1 – –")).to_be_visible()
    expect(comparison.get_by_role("link", name="second.png")).to_have_attribute(
        "href", f"/images/{project['images'][1]['id']}/annotate/"
    )
    comparison.get_by_role("button", name="Close").click()

    card.get_by_role("link", name="Export").click()
    export = page.get_by_role("dialog", name="New export")
    expect(export).to_contain_text("Before training")
    export.get_by_role("button", name="Export").click()
    row = page.locator("li.export", has_text="version Before training")
    with page.expect_download(timeout=WAIT_MS) as downloading:
        row.get_by_role("link", name="Download").click(timeout=WAIT_MS)
    assert len(json.loads(downloading.value.path().read_bytes())["annotations"]) == 1

    page.goto(f"/projects/{project['id']}/versions/")
    page.locator("li.export").get_by_role("button", name="Delete").click()
    page.get_by_role("dialog").get_by_role("button", name="Delete").click()
    expect(page.get_by_role("heading", name="No versions yet")).to_be_visible()


def test_an_annotator_sees_versions_and_makes_none(page: Page, sign_in, project, api):
    api("manager").post(
        f"/api/projects/{project['id']}/members/", data={"username": "annotator", "role": "annotator"}
    )
    api("manager").post(f"/api/projects/{project['id']}/versions/", data={})
    sign_in("annotator")
    page.goto(f"/projects/{project['id']}/versions/")
    expect(page.locator("li.export", has_text="v1")).to_contain_text("2 images", timeout=WAIT_MS)
    expect(page.get_by_role("button", name="New version")).to_have_count(0)
    expect(page.get_by_role("button", name="Delete")).to_have_count(0)
    page.get_by_role("button", name="Compare").click()
    expect(page.get_by_role("dialog")).to_contain_text("Nothing changed.")
