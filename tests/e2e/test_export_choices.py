"""A manager chooses what an export holds, sees what is lost, and sends a link: real browser, server and worker."""

from __future__ import annotations

import json
import os
import urllib.request
import uuid
import zipfile
from pathlib import Path

import numpy as np
import pytest
from playwright.sync_api import Page, expect

from segmentation import rle
from tests.annotator.world import encode_image

READY_MS = 60_000
# Where pictures for people go, when somebody wants to look at the page: SCREENSHOTS=/some/folder.
SCREENSHOTS = os.environ.get("SCREENSHOTS", "")


@pytest.fixture
def project(api) -> dict:
    """Two images; on the first a ring of a cup by the manager, on the second a spoon by the annotator."""
    manager = api("manager")
    project = manager.post("/api/projects/", data={"name": f"Choices {uuid.uuid4().hex[:6]}"}).json()
    address = f"/api/projects/{project['id']}"
    manager.post(f"{address}/members/", data={"username": "annotator", "role": "annotator"})
    categories = [
        manager.post(f"{address}/categories/", data={"name": name}).json()["id"] for name in ("cup", "spoon")
    ]
    for seed, name in enumerate(("first.png", "second.png")):
        file = {"name": name, "mimeType": "image/png", "buffer": encode_image((40, 60), seed=seed)}
        assert manager.post(f"{address}/images/", multipart={"files": file}).status == 201
    images = manager.get(f"{address}/images/").json()["results"]
    ring = np.zeros((40, 60), bool)
    ring[5:30, 5:45] = True
    ring[10:25, 15:35] = False
    bar = np.zeros((40, 60), bool)
    bar[3:6, 3:50] = True
    for user, image, category, mask in (
        ("manager", images[0], categories[0], ring),
        ("annotator", images[1], categories[1], bar),
    ):
        body = {"id": str(uuid.uuid4()), "category": category, "segmentation": rle.encode(mask)}
        assert api(user).post(f"/api/images/{image['id']}/annotations/", data=body).status == 201
    return project


def picture(page: Page, name: str) -> None:
    if SCREENSHOTS:
        page.screenshot(path=Path(SCREENSHOTS) / f"{name}.png")


def open_form(page: Page, project: dict):
    page.goto(f"/projects/{project['id']}/exports/")
    page.get_by_role("button", name="New export").click()
    return page.get_by_role("dialog")


def test_masks_categories_and_parts_are_chosen_measured_and_exported(
    page: Page, sign_in, project, tmp_path: Path
):
    sign_in("manager")
    dialog = open_form(page, project)
    measured = dialog.get_by_role("region", name="What the file will hold")
    expect(measured).to_contain_text("2 images, 2 masks")
    expect(measured).to_contain_text("Every pixel of every mask is kept.")
    picture(page, "closed")
    # However long a format's choices are: what would be lost is in sight beside the button.
    for name in ("Pascal VOC", "YOLO segmentation", "COCO instances"):
        dialog.get_by_label("Format", exact=True).select_option(label=name)
        expect(measured).to_contain_text("2 images, 2 masks")
        expect(measured).to_be_in_viewport(ratio=0.9)
    coco = dialog.get_by_role("group", name="COCO instances")
    expect(coco.get_by_label("Filled")).to_be_hidden()  # holes of outlines, while masks go out as RLE
    coco.get_by_label("Polygons").check()
    coco.get_by_label("Filled").check()
    expect(measured).to_contain_text("1 hole in 1 mask is filled.")
    expect(measured).to_contain_text("0.700 at worst")

    dialog.locator("summary", has_text="Which masks").click()
    dialog.get_by_role("group", name="Made by").get_by_label("manager").check()
    dialog.get_by_label("Leave out images").check()
    dialog.get_by_label("Pixels from").fill("10")
    expect(dialog.get_by_text("3 conditions")).to_be_visible()
    expect(measured).to_contain_text("1 image, 1 mask")
    picture(page, "masks")

    dialog.locator("summary", has_text="Categories").click()
    dialog.get_by_role("button", name="Move spoon up").click()
    expect(dialog.get_by_label("cup is called")).to_have_value("cup")
    dialog.get_by_role("button", name="Tick none").click()
    expect(dialog.get_by_text("0 of 2")).to_be_visible()
    dialog.get_by_role("button", name="Tick all").click()
    dialog.get_by_label("cup is called").fill("vessel")
    dialog.get_by_label("Number them anew").check()
    dialog.locator("summary", has_text="Train, val and test").click()
    dialog.get_by_label("Split").select_option("The same share of every category")
    dialog.get_by_label("Train, %").fill("90")
    picture(page, "split")
    dialog.get_by_role("button", name="Export").click()
    expect(dialog).to_contain_text("The three shares must make 100 %.")
    dialog.get_by_label("Test, %").fill("0")
    expect(measured).to_contain_text("train 1, val 0")
    coco.get_by_label("Include the pictures").check()
    dialog.get_by_role("button", name="Export").click()
    expect(dialog).to_be_hidden()

    card = page.locator("li.export")
    expect(card).to_contain_text("with masks only, masks of manager, at least 10 pixels, 2 categories")
    expect(card).to_contain_text("train 90 %, val 10 %")
    with page.expect_download(timeout=READY_MS) as download:
        card.get_by_role("link", name="Download").click(timeout=READY_MS)
    path = tmp_path / "export.zip"
    download.value.save_as(path)
    with zipfile.ZipFile(path) as archive:
        names = set(archive.namelist())
        document = json.loads(archive.read("annotations/instances_train.json"))
        report = json.loads(archive.read("export_report.json"))
        (line,) = map(json.loads, archive.read("provenance.jsonl").decode().splitlines())
    assert names == {
        "annotations/instances_train.json",
        "images/train/first.png",
        "export_report.json",
        "provenance.jsonl",
    }
    assert [(row["id"], row["name"]) for row in document["categories"]] == [(1, "spoon"), (2, "vessel")]
    assert [row["category_id"] for row in document["annotations"]] == [2]
    assert report["measured"]["findings"]["holes"] == 1
    assert (line["author"], line["category"]) == ("manager", "vessel")

    card.get_by_text("What it holds, and what it does not").click()
    expect(card).to_contain_text("1 hole in 1 mask is filled.")
    picture(page, "report")


def test_whoever_has_the_link_downloads_without_signing_in(page: Page, sign_in, project, browser):
    sign_in("manager")
    dialog = open_form(page, project)
    dialog.get_by_role("button", name="Export").click()
    page.get_by_role("button", name="Copy link").click(timeout=READY_MS)
    field = page.get_by_role("textbox", name="Link")
    expect(field).to_be_visible()
    expect(page.locator("[data-toasts]")).to_contain_text("It can be used until")
    picture(page, "link")
    url = field.input_value()
    with urllib.request.urlopen(url) as answer:
        content = answer.read()
    assert len(json.loads(content)["annotations"]) == 2
    # A download that broke off goes on: gunicorn hands the parts over as they are.
    asked = urllib.request.Request(url, headers={"Range": "bytes=100-", "If-Range": answer.headers["ETag"]})
    with urllib.request.urlopen(asked) as rest:
        assert (rest.status, rest.read()) == (206, content[100:])

    # A file that others have a link to goes only when that is meant.
    card = page.locator("li.export")
    card.get_by_role("button", name="Delete").click()
    page.get_by_role("dialog").get_by_role("button", name="Keep it").click()
    expect(page.get_by_role("dialog")).to_have_count(0)
    card.get_by_role("button", name="Delete").click()
    page.get_by_role("dialog").get_by_role("button", name="Delete").click()
    expect(card).to_have_count(0)


def test_a_version_is_exported_whole_and_may_be_split(page: Page, sign_in, project, api):
    manager = api("manager")
    made = manager.post(f"/api/projects/{project['id']}/versions/", data={"name": "v1"}).json()
    for _ in range(100):
        if manager.get(f"/api/versions/{made['id']}/").json()["state"] == "ready":
            break
        page.wait_for_timeout(200)
    sign_in("manager")
    dialog = open_form(page, project)
    dialog.get_by_label("State").select_option("Version v1")
    expect(dialog.locator("summary", has_text="Which masks")).to_be_hidden()
    dialog.locator("summary", has_text="Train, val and test").click()
    expect(dialog.get_by_label("Split").locator("option[value=upload]")).to_be_disabled()
    dialog.get_by_label("Split").select_option("Image by image")
    expect(dialog.get_by_role("region", name="What the file will hold")).to_contain_text("train")
    dialog.get_by_role("button", name="Export").click()
    expect(page.locator("li.export")).to_contain_text("version v1, train 80 %")


@pytest.mark.parametrize(("width", "height"), [(390, 844)])
def test_the_form_fits_a_phone(page: Page, sign_in, project, width: int, height: int):
    page.set_viewport_size({"width": width, "height": height})
    sign_in("manager")
    dialog = open_form(page, project)
    picture(page, "phone-closed")
    for name in ("Which masks", "Categories", "Train, val and test"):
        dialog.locator("summary", has_text=name).click()
        picture(page, f"phone-{name.split()[0].lower()}")
    dialog.get_by_label("Split").select_option("Image by image")
    assert page.evaluate("document.documentElement.scrollWidth - innerWidth") <= 0
    assert dialog.evaluate("node => node.scrollWidth - node.clientWidth") <= 0
    picture(page, "phone-end")
    dialog.get_by_role("button", name="Export").click()
    expect(page.get_by_role("button", name="Copy link")).to_be_visible(timeout=READY_MS)
    page.get_by_text("What it holds, and what it does not").click()
    picture(page, "phone-row")
    assert page.evaluate("document.documentElement.scrollWidth - innerWidth") <= 0
