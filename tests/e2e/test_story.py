"""One person's whole way: a photo in, clicks in the browser, a COCO dataset out."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
import skimage
from PIL import Image
from playwright.sync_api import Page, expect
from pycocotools.coco import COCO

from segmentation.predictor import load_predictor

PHOTOS = Path(skimage.__file__).parent / "data"
FIRST, SECOND = "coffee.png", "astronaut.png"
ON_THE_CUP = (300, 190)  # image pixels in coffee.png: the coffee in the cup
ON_THE_TABLE = (60, 330)  # image pixels in coffee.png: bare wood


@pytest.fixture
def photos(tmp_path: Path) -> list[Path]:
    return [Path(shutil.copy(PHOTOS / name, tmp_path / name)) for name in (FIRST, SECOND)]


def make_project(api, name: str) -> dict:
    manager = api("manager")
    project = manager.post("/api/projects/", data={"name": name}).json()
    for category, color in (("cup", "#0072b2"), ("person", "#d55e00")):
        answer = manager.post(
            f"/api/projects/{project['id']}/categories/",
            data={"name": category, "color": color, "supercategory": "thing"},
        )
        assert answer.status == 201, answer.text()
    answer = manager.post(
        f"/api/projects/{project['id']}/members/", data={"username": "annotator", "role": "annotator"}
    )
    assert answer.status == 201, answer.text()
    return project


def click_image(page: Page, x: float, y: float, button: str = "left") -> None:
    """Clicks a place given in image pixels, by the view frame that the stage publishes."""
    frame = page.locator("[data-stage]").evaluate(
        "stage => { const box = stage.getBoundingClientRect();"
        " return {x: box.x, y: box.y, ...JSON.parse(stage.dataset.viewFrame)}; }"
    )
    page.mouse.click(
        frame["x"] + frame["offsetX"] + (x + 0.5) * frame["scale"],
        frame["y"] + frame["offsetY"] + (y + 0.5) * frame["scale"],
        button=button,
    )


def stage_pixels(page: Page, tmp_path: Path) -> np.ndarray:
    shot = tmp_path / "stage.png"
    page.locator("[data-stage]").screenshot(path=shot)
    return np.asarray(Image.open(shot).convert("RGB")).astype(int)


def wait_for_decodes(page: Page, count: int) -> None:
    page.wait_for_function("n => performance.getEntriesByName('decode').length >= n", arg=count)


def replay(image: np.ndarray, prompt: dict) -> np.ndarray:
    """The mask that SamPredictor's conventions give for a stored prompt, step by step, in Python."""
    predictor = load_predictor("pocket")
    predictor.set_image(image)
    points = list(zip(prompt["point_coords"], prompt["point_labels"], strict=True))
    steps: list = list(points)
    if prompt["box"] is not None:
        steps.insert(prompt["box_step"], prompt["box"])
    low_res, masks, chosen = None, None, 0
    for count in range(1, len(steps) + 1):
        so_far = steps[:count]
        clicked = [step for step in so_far if isinstance(step, tuple)]
        boxes = [step for step in so_far if not isinstance(step, tuple)]
        chosen = prompt["mask_indices"][count - 1]
        masks, _, logits = predictor.predict(
            point_coords=np.array([xy for xy, _ in clicked], float) if clicked else None,
            point_labels=np.array([label for _, label in clicked]) if clicked else None,
            box=np.array(boxes[0], float) if boxes else None,
            mask_input=low_res,
            multimask_output=chosen > 0,
        )
        pick = max(chosen - 1, 0)
        low_res, mask = logits[pick : pick + 1], masks[pick]
    return mask


def iou(a: np.ndarray, b: np.ndarray) -> float:
    return float((a & b).sum() / max((a | b).sum(), 1))


def test_a_photo_becomes_a_coco_dataset(page: Page, sign_in, api, photos, tmp_path: Path):
    project = make_project(api, "Story")
    sign_in("manager")
    page.goto(f"/projects/{project['id']}/")
    page.locator("input[type=file]").first.set_input_files([str(photo) for photo in photos])
    expect(page.locator("[data-image-id]")).to_have_count(2, timeout=60_000)
    expect(page.locator("[data-embedding-state=ready]")).to_have_count(2, timeout=120_000)

    images = api("manager").get(f"/api/projects/{project['id']}/images/").json()["results"]
    first = next(row for row in images if row["name"] == FIRST)
    page.goto(f"/images/{first['id']}/annotate/")
    page.wait_for_function("() => performance.getEntriesByName('ready-to-decode').length > 0", timeout=60_000)
    before = stage_pixels(page, tmp_path)

    click_image(page, *ON_THE_CUP)
    wait_for_decodes(page, 1)
    page.wait_for_function("() => performance.getEntriesByName('click-to-mask').length >= 1")
    after_point = stage_pixels(page, tmp_path)
    changed = np.abs(after_point - before).sum(axis=2) > 24
    assert changed.mean() > 0.005, "no mask was painted"

    click_image(page, *ON_THE_TABLE, button="right")
    page.wait_for_function("() => performance.getEntriesByName('click-to-mask').length >= 2")

    page.keyboard.press("1")
    page.keyboard.press("Enter")
    expect(page.locator("[data-save-state]")).to_have_attribute("data-save-state", "saved", timeout=20_000)
    expect(page.locator("[data-annotation-id]")).to_have_count(1)

    annotations = api("manager").get(f"/api/images/{first['id']}/annotations/").json()["results"]
    assert len(annotations) == 1
    assert annotations[0]["prompt"]["point_labels"] == [1, 0]
    assert annotations[0]["clicks"] >= 2

    page.keyboard.press("n" if first["id"] == images[0]["id"] else "p")
    page.wait_for_url(lambda url: "/annotate/" in url and f"/images/{first['id']}/" not in url)
    page.wait_for_function("() => performance.getEntriesByName('ready-to-decode').length > 0", timeout=60_000)
    click_image(page, 220, 250)
    page.wait_for_function("() => performance.getEntriesByName('click-to-mask').length >= 1")
    page.keyboard.press("2")
    page.keyboard.press("Enter")
    expect(page.locator("[data-save-state]")).to_have_attribute("data-save-state", "saved", timeout=20_000)

    page.goto(f"/projects/{project['id']}/exports/")
    page.get_by_role("button", name="New export").click()
    page.get_by_role("dialog").get_by_role("button", name="Export").click()
    link = page.get_by_role("link", name="Download")
    expect(link).to_be_visible(timeout=60_000)
    with page.expect_download() as download:
        link.click()
    path = tmp_path / "instances.json"
    download.value.save_as(path)

    coco = COCO(str(path))
    assert {category["name"] for category in coco.loadCats(coco.getCatIds())} == {"cup", "person"}
    assert len(coco.getAnnIds()) == 2
    pixels = np.asarray(Image.open(PHOTOS / FIRST).convert("RGB"))
    row = next(r for r in json.loads(path.read_text())["images"] if r["file_name"].endswith(FIRST))
    exported = coco.loadAnns(coco.getAnnIds(imgIds=row["id"]))[0]
    mask = coco.annToMask(exported).astype(bool)
    assert mask.shape == pixels.shape[:2]
    assert mask[ON_THE_CUP[1], ON_THE_CUP[0]] and not mask[ON_THE_TABLE[1], ON_THE_TABLE[0]]
    assert iou(mask, replay(pixels, annotations[0]["prompt"])) >= 0.99
