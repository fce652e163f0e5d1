"""A long hour on a crowded image: five hundred masks, and nothing that grows."""

from __future__ import annotations

import uuid

import numpy as np
import pytest
from playwright.sync_api import CDPSession, Page, expect

from segmentation import rle
from tests.e2e.workbench_driver import Bench, saved

MASKS = 500
ROUNDS = 14
SETTLING_ROUNDS = 4  # caches fill, and the browser compiles what is used often
MOST_GROWTH_MB = 6
MORE_NODES = 200  # a message, or some more rows in sight
MOST_NODES = 2500  # of the whole page: rows out of sight are empty


@pytest.fixture
def crowded(make_project, api) -> tuple[dict, dict]:
    """An image with five hundred small masks in rows, and another one to go to."""
    project = make_project("coffee.png", "chelsea.png")
    image, other = project.images
    manager = api("manager")
    for k in range(MASKS):
        mask = np.zeros((image["height"], image["width"]), dtype=bool)
        top, left = 4 + 16 * (k // 25), 10 + 23 * (k % 25)
        mask[top : top + 10, left : left + 14] = True
        category = project.categories[k % 2]["id"]
        body = {"id": str(uuid.uuid4()), "category": category, "segmentation": rle.encode(mask)}
        assert manager.post(f"/api/images/{image['id']}/annotations/", data=body).status == 201
    return image, other


def heap_mb(session: CDPSession) -> float:
    session.send("HeapProfiler.collectGarbage")
    return session.send("Runtime.getHeapUsage")["usedSize"] / 2**20


def one_round(bench: Bench, page: Page, place: tuple[float, float]) -> None:
    """A mask made and taken back, a look around, another image and back."""
    bench.click(place)
    bench.save()
    bench.press("Control+z", "Control+z", "Escape")
    expect(bench.objects).to_have_count(MASKS)
    page.mouse.move(*bench.on_page(*place))
    for delta in (-240, 240):
        page.mouse.wheel(0, delta)
    bench.wait_until_saved()
    for key in ("n", "p"):
        page.evaluate("() => performance.clearMeasures('ready-to-decode')")
        bench.press(key)
        bench.wait_until_ready()
    expect(bench.objects).to_have_count(MASKS)


def test_five_hundred_masks_stay_and_nothing_grows(bench: Bench, page: Page, api, crowded):
    image, _ = crowded
    before = {row["id"]: row["segmentation"] for row in saved(api, image)}
    faults: list[str] = []
    page.on("pageerror", lambda error: faults.append(str(error)))
    bench.open(image)
    expect(bench.objects).to_have_count(MASKS)
    session = page.context.new_cdp_session(page)
    heaps, nodes = [], []
    for number in range(ROUNDS):
        one_round(bench, page, (40 + 15 * (number % 30), 380))
        if number >= SETTLING_ROUNDS:
            heaps.append(heap_mb(session))
            nodes.append(page.evaluate("() => document.querySelectorAll('*').length"))
    assert faults == []
    assert heaps[-1] - heaps[0] < MOST_GROWTH_MB, heaps
    assert max(nodes) - min(nodes) < MORE_NODES and max(nodes) < MOST_NODES, nodes
    assert {row["id"]: row["segmentation"] for row in saved(api, image)} == before
