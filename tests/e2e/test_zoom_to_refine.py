"""A small object in a large image becomes sharp: the model looks at the visible part at full resolution."""

from __future__ import annotations

import io
import re
import time

import cv2
import numpy as np
import pytest
from PIL import Image as Pillow
from playwright.sync_api import expect

from benchmarks.zoom_to_refine import boundary_iou
from segmentation import rle
from segmentation.regions import Region, region_of_view
from tests.e2e.workbench_driver import PHOTOS, READY_WITHIN_MS, Bench, saved

HW = (2400, 3200)
MIDDLE = (HW[1] // 2, HW[0] // 2)
RADIUS = 45
BOUNDARY_PX = 3
OTHER_REGION_CAME = """first => performance.getEntriesByType("resource").some(
    ({name}) => /region=/.test(name) && !/ahead=/.test(name) && !name.includes(first))"""


def blob(hw: tuple[int, int] = HW, middle: tuple[int, int] = MIDDLE) -> np.ndarray:
    """A leaf of five lobes: pixels to its outline, positive inside."""
    y, x = np.mgrid[: hw[0], : hw[1]].astype(np.float32)
    angle = np.arctan2(y - middle[1], x - middle[0])
    return RADIUS * (1 + 0.25 * np.cos(5 * angle)) - np.hypot(x - middle[0], y - middle[1])


@pytest.fixture(scope="session")
def truth() -> np.ndarray:
    return blob() > 0


@pytest.fixture(scope="session")
def picture() -> bytes:
    """A photograph, eight megapixels, with a red leaf in the middle that is 90 pixels wide."""
    ground = np.asarray(
        Pillow.open(PHOTOS / "coffee.png").convert("RGB").resize(HW[::-1], Pillow.Resampling.BICUBIC)
    )
    alpha = np.clip(blob() + 0.5, 0, 1)[..., None]
    grain = np.random.default_rng(0).normal(0, 6, (*HW, 1))
    pixels = alpha * np.array([214, 66, 40]) + (1 - alpha) * cv2.GaussianBlur(ground, (0, 0), 3) + grain
    stream = io.BytesIO()
    Pillow.fromarray(np.clip(pixels, 0, 255).astype(np.uint8)).save(stream, "JPEG", quality=92)
    return stream.getvalue()


@pytest.fixture
def image(make_project, api, picture) -> dict:
    project = make_project()
    manager = api("manager")
    url = f"/api/projects/{project.id}/images/"
    file = {"name": "leaf.jpg", "mimeType": "image/jpeg", "buffer": picture}
    assert manager.post(url, multipart={"files": file}).status == 201
    deadline = time.monotonic() + READY_WITHIN_MS / 1000
    while (row := manager.get(url).json()["results"][0])["embedding_state"] != "ready":
        assert time.monotonic() < deadline, row
        time.sleep(0.2)
    return row


def zoom_in(bench: Bench, steps: int = 11) -> None:
    bench.page.mouse.move(*bench.on_page(*MIDDLE))
    for _ in range(steps):
        bench.press("+")


def seen(bench: Bench) -> tuple[float, float, float, float]:
    """What of the image is on the stage, in image pixels."""
    view = bench.view
    box = bench.page.locator("[data-stage]").bounding_box()
    x, y = -view["offsetX"] / view["scale"], -view["offsetY"] / view["scale"]
    return x, y, x + box["width"] / view["scale"], y + box["height"] / view["scale"]


def refine(bench: Bench) -> None:
    bench.press("g")
    expect_sharper(bench)


def expect_sharper(bench: Bench, state: str = "ready") -> None:
    chip = bench.page.locator("[data-refining]")
    expect(chip).to_have_attribute("data-refining", state, timeout=READY_WITHIN_MS)


def asked_regions(bench: Bench) -> list[str]:
    """The regions that the page asks for from now on, each once."""
    found: list[str] = []

    def note(request) -> None:
        region = re.search(r"[?&]region=([\d,]+)(?!.*ahead=true)", request.url.replace("%2C", ","))
        if region and region[1] not in found:
            found.append(region[1])

    bench.page.on("request", note)
    return found


def masks_of(api, image: dict) -> list[np.ndarray]:
    return [rle.decode(annotation["segmentation"]) for annotation in saved(api, image)]


def test_a_small_object_is_sharper_in_a_region_and_is_taken_up_again_there(bench: Bench, api, image, truth):
    bench.open(image)
    zoom_in(bench)
    bench.click(MIDDLE)
    bench.save()
    (coarse,) = masks_of(api, image)
    bench.press("Control+z")
    expect(bench.objects).to_have_count(0)
    bench.press("Escape")

    asked = asked_regions(bench)
    refine(bench)
    region = region_of_view(seen(bench), HW)
    assert asked == [str(region)], "the page and the server have one rule"
    bench.click(MIDDLE)
    bench.save()
    (annotation,) = saved(api, image)
    assert annotation["prompt"]["region"] == [region.x, region.y, region.width, region.height]
    assert annotation["prompt"]["point_coords"] == [list(MIDDLE)], "in pixels of the image"
    (sharp,) = masks_of(api, image)
    assert not np.delete(sharp, np.s_[region.y : region.y + region.height], axis=0).any()
    before, after = (boundary_iou(mask, truth, BOUNDARY_PX) for mask in (coarse, sharp))
    assert after > 0.6 and after > before + 0.2, (before, after)

    bench.page.reload()
    bench.wait_until_ready()
    expect(bench.page.locator("[data-refining]")).to_have_attribute("data-refining", "")
    bench.objects.get_by_role("button", name=re.compile("Edit cup")).click()
    expect_sharper(bench)
    bench.wait_until_drawn_on(MIDDLE)
    zoom_in(bench)
    bench.click((MIDDLE[0], MIDDLE[1] + 15))
    bench.press("Enter")
    bench.wait_until_saved()
    (again,) = saved(api, image)
    assert again["prompt"]["region"] == annotation["prompt"]["region"]
    assert again["prompt"]["mask_indices"][0] == annotation["prompt"]["mask_indices"][0]
    assert boundary_iou(rle.decode(again["segmentation"]), truth, BOUNDARY_PX) > before


def test_moving_a_little_asks_for_nothing_and_moving_on_finds_the_next_region(bench: Bench, image):
    # The browser notes 250 files, and the page has about as many modules.
    bench.page.add_init_script("performance.setResourceTimingBufferSize(2000)")
    bench.open(image)
    zoom_in(bench)
    asked = asked_regions(bench)
    refine(bench)
    (first,) = asked
    middle = bench.on_page(*MIDDLE)

    def pan(dx: float) -> None:
        bench.page.mouse.move(*middle)
        bench.page.mouse.down(button="middle")
        bench.page.mouse.move(middle[0] - dx, middle[1], steps=3)
        bench.page.mouse.up(button="middle")

    region = Region(*map(int, first.split(",")))
    x0, _, x1, _ = seen(bench)
    # To the side where there is more of the region beside the view.
    way = 1 if region.x + region.width - x1 > x0 - region.x else -1
    with bench.page.expect_request(lambda request: "ahead=true" in request.url):
        pan(
            way * 0.08 * (x1 - x0) * bench.view["scale"]
        )  # what comes next that way is foreseen, nothing else asked for
    assert asked == [first]
    step = way * region.width * bench.view["scale"] / 4
    for _ in range(3):
        pan(step)
    expect_sharper(bench)
    bench.page.wait_for_function(OTHER_REGION_CAME, arg=first)
    expect_sharper(bench)
    there = len(asked)
    for _ in range(3):
        pan(-step)
    expect_sharper(bench)
    assert set(asked[there:]) <= {first}, "back where it was there is nothing new to make"


def test_a_click_is_answered_at_once_and_made_sharp_when_the_region_is_there(bench: Bench, site, image):
    bench.open(image)
    zoom_in(bench)
    site.kill("worker")
    try:
        bench.press("g")
        expect_sharper(bench, "waiting")
        bench.click(MIDDLE)
        bench.wait_until_drawn_on(MIDDLE)
    finally:
        site.start_worker()
    expect_sharper(bench)
    bench.save()
    bench.press("Escape")
    expect(bench.page.locator("[data-refining]")).to_have_attribute("data-refining", "")


def test_a_mask_keeps_what_lies_outside_of_the_region(bench: Bench, api, image):
    bench.page.add_init_script("localStorage.setItem('maskwright.brush', '40')")
    bench.open(image).press("b")
    start, end = (300, MIDDLE[1]), (2900, MIDDLE[1])
    bench.page.mouse.move(*bench.on_page(*start))
    bench.page.mouse.down()
    bench.page.mouse.move(*bench.on_page(*end), steps=4)
    bench.page.mouse.up()
    bench.press("c")
    zoom_in(bench)
    refine(bench)
    bench.click((MIDDLE[0], MIDDLE[1] + 30))
    bench.save()
    (mask,) = masks_of(api, image)
    region = region_of_view(seen(bench), HW)
    outside = [x for x in range(320, 2880, 40) if not region.x <= x < region.x + region.width]
    assert all(mask[MIDDLE[1], x] for x in outside)
    assert saved(api, image)[0]["prompt"] is None


def test_where_the_whole_image_is_as_sharp_the_key_says_so(bench: Bench, image):
    bench.open(image)
    bench.press("g")
    expect(bench.page.get_by_text("Zoom in on a small object first")).to_be_visible()


def test_by_setting_it_begins_by_itself_and_ends_when_zoomed_out(bench: Bench, image):
    bench.open(image)
    bench.press("?")
    bench.page.locator("input[name=refineAutomatically]").check()
    bench.press("Escape")
    zoom_in(bench)
    expect_sharper(bench)
    bench.press("f")
    expect_sharper(bench, "")
