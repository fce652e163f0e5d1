"""A manager brings a dataset: drops a zip, looks at what is in it, maps a category, sees the masks in the workbench."""

from __future__ import annotations

import io
import json
import re
import uuid
import zipfile
from pathlib import Path

import numpy as np
import pytest
import skimage
from PIL import Image
from playwright.sync_api import Page, expect

from segmentation import rle

PHOTOS = Path(skimage.__file__).parent / "data"
WORKER_MS = 60_000  # a busy machine's worker
COFFEE_HW, ASTRONAUT_HW = (400, 600), (512, 512)


def disc(hw: tuple[int, int], y: int, x: int, radius: int) -> dict:
    rows, columns = np.ogrid[: hw[0], : hw[1]]
    return rle.encode((rows - y) ** 2 + (columns - x) ** 2 <= radius**2)


def a_dataset() -> bytes:
    document = {
        "images": [
            {"id": 1, "file_name": "coffee.png", "height": COFFEE_HW[0], "width": COFFEE_HW[1]},
            {"id": 2, "file_name": "astronaut.png", "height": ASTRONAUT_HW[0], "width": ASTRONAUT_HW[1]},
            {"id": 3, "file_name": "lost.png", "height": 10, "width": 10},
        ],
        "categories": [{"id": n, "name": name} for n, name in enumerate(("mug", "face", "table"), 1)],
        "annotations": [
            {"id": 1, "image_id": 1, "category_id": 1, "segmentation": disc(COFFEE_HW, 190, 300, 90)},
            {
                "id": 2,
                "image_id": 1,
                "category_id": 3,
                "segmentation": [[20, 300, 200, 300, 200, 390, 20, 390]],
            },
            {"id": 3, "image_id": 2, "category_id": 2, "segmentation": disc(ASTRONAUT_HW, 110, 225, 60)},
            {"id": 4, "image_id": 2, "category_id": 2, "segmentation": [[1, 1, 5, 5]]},
        ],
    }
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as archive:
        archive.writestr("annotations/instances.json", json.dumps(document))
        for name in ("coffee.png", "astronaut.png"):
            archive.write(PHOTOS / name, f"images/{name}")
    return stream.getvalue()


@pytest.fixture
def project(api) -> dict:
    manager = api("manager")
    project = manager.post("/api/projects/", data={"name": f"Import {uuid.uuid4().hex[:6]}"}).json()
    manager.post(f"/api/projects/{project['id']}/categories/", data={"name": "cup", "color": "#0072b2"})
    return project


def test_a_dataset_is_dropped_mapped_and_seen_in_the_workbench(page: Page, sign_in, api, project):
    sizes = [Image.open(PHOTOS / name).size[::-1] for name in ("coffee.png", "astronaut.png")]
    assert sizes == [COFFEE_HW, ASTRONAUT_HW]
    sign_in("manager")
    page.goto(f"/projects/{project['id']}/imports/")
    expect(page.get_by_role("heading", name="No imports yet")).to_be_visible()
    page.set_input_files(
        "[data-dataset]", {"name": "breakfast.zip", "mimeType": "application/zip", "buffer": a_dataset()}
    )
    card = page.locator("[data-import-id]")
    expect(card.get_by_role("heading", name="breakfast.zip")).to_be_visible()
    go = card.locator("[data-start]")
    expect(go).to_have_text("Import 3 annotations and 2 new images", timeout=WORKER_MS)
    expect(card).to_contain_text("2 new · 0 known · 1 without a picture")
    expect(card).to_contain_text("1 problem")
    expect(card.get_by_role("list", name="Problems")).to_contain_text("annotations[3] (id 4)")
    # What is over waits no more: the page stops asking the server.
    expect(page.locator("[data-pending]")).to_have_count(0)
    assert api("manager").get(f"/api/projects/{project['id']}/images/").json()["count"] == 0

    card.get_by_label("What all of them become").select_option(label="All: skip")
    expect(go).to_have_text("Import 2 new images")
    expect(card.get_by_label("What face becomes").locator("option:checked")).to_have_text("Skip")
    card.get_by_label("What all of them become").select_option(label="All: new categories")
    expect(go).to_have_text("Import 3 annotations and 2 new images")
    card.get_by_label("What mug becomes").select_option(label="cup")
    card.get_by_label("What table becomes").select_option(label="Skip")
    card.get_by_label("still to be checked").check()
    expect(go).to_have_text("Import 2 annotations and 2 new images")
    page.reload()
    expect(card.get_by_label("What mug becomes").locator("option:checked")).to_have_text("cup")
    go.click()
    expect(card).to_contain_text("2 annotations came in, on 2 new and 0 known images.", timeout=WORKER_MS)
    expect(card).to_contain_text("Left out: 1 annotation of a skipped category (table)")
    expect(card.get_by_role("list", name="Problems")).to_contain_text("annotations[3] (id 4)")

    card.get_by_role("link", name="See the images").click()
    names = [category["name"] for category in _categories(api, project)]
    assert sorted(names) == ["cup", "face"]
    page.get_by_role("link", name="coffee.png").first.click()
    expect(page.locator("[data-objects]")).to_contain_text("cup")
    image = api("manager").get(f"/api/projects/{project['id']}/images/?search=coffee").json()["results"][0]
    (mask,) = api("manager").get(f"/api/images/{image['id']}/annotations/").json()["results"]
    assert mask["segmentation"] == disc(COFFEE_HW, 190, 300, 90)
    assert mask["origin"]["file"] == "breakfast.zip"

    check = page.locator("[data-objects]").get_by_role("button", name="Mark cup 1 as checked")
    expect(check).to_have_attribute("title", re.compile("Imported from breakfast.zip; nobody has checked it"))
    assert mask["to_check"]
    check.click()
    expect(check).to_be_hidden()
    expect(page.locator("[data-save-state]")).to_have_attribute("data-save-state", "saved")
    assert not api("manager").get(f"/api/annotations/{mask['id']}/").json()["to_check"]


def _categories(api, project: dict) -> list[dict]:
    return api("manager").get(f"/api/projects/{project['id']}/categories/").json()["results"]


def test_another_file_says_what_is_wrong_with_it_and_is_taken_away_again(page: Page, sign_in, project):
    sign_in("manager")
    page.goto(f"/projects/{project['id']}/imports/")
    page.set_input_files(
        "[data-dataset]", {"name": "notes.json", "mimeType": "application/json", "buffer": b"[1, 2"}
    )
    card = page.locator("[data-import-id]")
    expect(card).to_contain_text("look like no format", timeout=WORKER_MS)
    card.get_by_label("Format").select_option(label="COCO instances")
    expect(card).to_contain_text("the file holds no JSON object", timeout=WORKER_MS)
    card.get_by_role("button", name="Delete").click()
    expect(card).to_have_count(0)
    expect(page.get_by_role("heading", name="No imports yet")).to_be_visible()


def test_a_list_of_many_categories_is_filled_when_it_is_opened(page: Page, sign_in, api, project):
    names = [f"kind {number}" for number in range(120)]
    rows = [{"name": name} for name in names]
    answer = api("manager").post(f"/api/projects/{project['id']}/categories/list/", data={"categories": rows})
    assert answer.ok, answer.text()
    categories = [{"id": number, "name": name} for number, name in enumerate(names, 1)]
    document = {"images": [], "annotations": [], "categories": categories}
    sign_in("manager")
    page.goto(f"/projects/{project['id']}/imports/")
    page.locator("[data-dataset]").set_input_files(
        {"name": "kinds.json", "mimeType": "application/json", "buffer": json.dumps(document).encode()}
    )
    choice = page.get_by_label("What kind 7 becomes", exact=True)
    expect(choice.locator("option")).to_have_count(3, timeout=WORKER_MS)
    choice.focus()
    expect(choice.locator("option")).to_have_count(2 + 121)
    with page.expect_response("**/api/imports/*/") as changed:
        choice.select_option(label="kind 9")
    assert changed.value.ok
    expect(choice.locator("option:checked")).to_have_text("kind 9")
