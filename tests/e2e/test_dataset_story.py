"""The way of a dataset: a manager imports CVAT's zip, mends a mapping, sees the masks in the workbench, names a
version, exports it as YOLO, and supervision opens the file. Real browser, server, worker, and supervision itself."""

from __future__ import annotations

import io
import uuid
import zipfile
from pathlib import Path

import numpy as np
import pytest
import skimage
from playwright.sync_api import Page, expect

from segmentation import rle
from tests.readers.ask import ask

PHOTOS = Path(skimage.__file__).parent / "data"
WORKER_MS = 60_000
# A triangle on the cup, and a box on the table.
DOCUMENT = """<?xml version="1.0" encoding="utf-8"?>
<annotations><version>1.1</version>
  <meta><task><labels>
    <label><name>mug</name><color>#0072b2</color></label>
    <label><name>board</name><color>#d55e00</color></label>
  </labels></task></meta>
  <image id="0" name="coffee.png" width="600" height="400">
    <polygon label="mug" occluded="0" points="200,100;400,100;300,300" z_order="0"></polygon>
    <box label="board" occluded="0" xtl="20" ytl="300" xbr="200" ybr="390" z_order="0"></box>
  </image>
</annotations>
"""


@pytest.fixture
def project(api) -> dict:
    manager = api("manager")
    project = manager.post("/api/projects/", data={"name": f"Story {uuid.uuid4().hex[:6]}"}).json()
    manager.post(f"/api/projects/{project['id']}/categories/", data={"name": "cup", "color": "#0072b2"})
    return project


def cvats_zip() -> bytes:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as archive:
        archive.writestr("annotations.xml", DOCUMENT)
        archive.write(PHOTOS / "coffee.png", "images/coffee.png")
    return stream.getvalue()


def test_from_cvat_to_yolo(page: Page, sign_in, api, project, tmp_path):
    sign_in("manager")
    page.goto(f"/projects/{project['id']}/imports/")
    page.set_input_files(
        "[data-dataset]", {"name": "cvat.zip", "mimeType": "application/zip", "buffer": cvats_zip()}
    )
    card = page.locator("[data-import-id]")
    go = card.locator("[data-start]")
    expect(go).to_have_text("Import 2 annotations and 1 new image", timeout=WORKER_MS)
    card.get_by_label("What mug becomes").select_option(label="cup")
    expect(card.get_by_label("What mug becomes").locator("option:checked")).to_have_text("cup")
    go.click()
    expect(card).to_contain_text("2 annotations came in", timeout=WORKER_MS)

    card.get_by_role("link", name="See the images").click()
    page.get_by_role("link", name="coffee.png").first.click()
    expect(page.locator("[data-objects]")).to_contain_text("cup")
    expect(page.locator("[data-objects]")).to_contain_text("board")

    page.goto(f"/projects/{project['id']}/versions/")
    page.get_by_role("button", name="New version").click()
    page.get_by_role("dialog").get_by_role("button", name="Make version").click()
    version = page.locator("li.export", has_text="v1")
    version.get_by_role("link", name="Export").click(timeout=WORKER_MS)
    dialog = page.get_by_role("dialog", name="New export")
    dialog.get_by_label("Format").select_option("yolo_seg")
    dialog.locator("fieldset[data-format=yolo_seg]").get_by_label("Include the pictures").check()
    dialog.get_by_role("button", name="Export", exact=True).click()
    row = page.locator("li.export", has_text="YOLO segmentation")
    with page.expect_download(timeout=WORKER_MS) as downloading:
        row.get_by_role("link", name="Download").click(timeout=WORKER_MS)
    with zipfile.ZipFile(downloading.value.path()) as archive:
        archive.extractall(tmp_path)

    read = ask("supervision_items", "yolo_seg", tmp_path, "train")
    assert sorted(read["classes"]) == ["board", "cup"]
    [objects] = read["items"].values()
    cup = next(each for each in objects if each["class"] == "cup")
    image = api("manager").get(f"/api/projects/{project['id']}/images/").json()["results"][0]
    saved = api("manager").get(f"/api/images/{image['id']}/annotations/").json()["results"]
    masks = [rle.decode(each["segmentation"]) for each in saved]
    triangle = next(mask for mask in masks if mask[150, 300])
    drawn = rle.decode(cup["rle"])
    assert np.logical_and(drawn, triangle).sum() / np.logical_or(drawn, triangle).sum() > 0.97
