"""How does the annotate page hold out on a large image with many masks, and over many images?

`python benchmarks/workbench.py [--masks 500] [--megapixels 24] [--clicks 10] [--strokes 10] [--switches 200]`

Real site (gunicorn, worker), real headless Chromium, real pointer events. Prints, on an image of that size with that
many saved masks: the time from frame to frame while the image is dragged and zoomed by the wheel, from a click to its
painted mask, and from the end of a brush stroke to the frame that shows it. Then, over that many switches between two
images, the time from the key to the first possible mask, with the filmstrip and without it, and the JavaScript heap
after a collection, before and after.
A page that does nothing but count frames is the reference for frame times: what headless Chromium without a GPU can do.
"""

from __future__ import annotations

import argparse
import os
import random
import statistics
import sys
import tempfile
import uuid
from pathlib import Path

import numpy as np
import skimage
from PIL import Image
from playwright.sync_api import Page, sync_playwright

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT), str(ROOT / "tests" / "e2e")]
from conftest import CHROMIUM_ARGS, Site, sign_in_as  # noqa: E402

from benchmarks.click_to_mask import click, durations, managers_api, percentile_90, upload, wait_until_ready  # noqa: E402
from scripts.environment import require_chromium  # noqa: E402
from segmentation import rle  # noqa: E402
from tests.ports import free_port  # noqa: E402

MOVES = 120  # pointer events of a pan, wheel events of a zoom

COUNT_FRAMES = """() => {
    window.frames_ = [];
    let last = performance.now();
    window.isCounting = true;
    const next = (now) => {
        window.frames_.push(now - last);
        last = now;
        if (window.isCounting) requestAnimationFrame(next);
    };
    requestAnimationFrame(next);
}"""
STOP_FRAMES = "() => { window.isCounting = false; return window.frames_.slice(1); }"


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--masks", type=int, default=500)
    parser.add_argument("--megapixels", type=float, default=24)
    parser.add_argument("--clicks", type=int, default=10)
    parser.add_argument("--strokes", type=int, default=10)
    parser.add_argument("--switches", type=int, default=200)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        photos = make_photos(Path(folder), options.megapixels)
        site = Site(Path(folder) / "data", free_port())
        site.data_dir.mkdir()
        site.start()
        try:
            measure(site, photos, options)
        finally:
            site.stop()
    return 0


def make_photos(folder: Path, megapixels: float) -> list[Path]:
    """The large image, and two of usual size to switch between."""
    data = Path(skimage.__file__).parent / "data"
    with Image.open(data / "coffee.png") as coffee:
        height = round((megapixels * 1e6 / 1.5) ** 0.5)
        coffee.convert("RGB").resize((round(1.5 * height), height)).save(folder / "large.jpg", quality=85)
    return [folder / "large.jpg", data / "chelsea.png", data / "astronaut.png"]


def measure(site: Site, photos: list[Path], options: argparse.Namespace) -> None:
    with sync_playwright() as driver:
        large, first, second = upload(driver, site, photos)
        add_masks(driver, site, large, options.masks)
        browser = driver.chromium.launch(
            executable_path=require_chromium(), args=[*CHROMIUM_ARGS, "--js-flags=--expose-gc"]
        )
        page = browser.new_page(base_url=site.url, viewport={"width": 1440, "height": 900})
        sign_in_as(page, "manager")
        reference = empty_frames(page)
        page.goto(f"/images/{large['id']}/annotate/")
        wait_until_ready(page)
        page.wait_for_function(
            "n => document.querySelectorAll('[data-annotation-id]').length === n", arg=options.masks
        )
        print(f"{large['width']} x {large['height']} pixels, {options.masks} masks, Chromium {browser.version}, "
              f"{os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}\n")  # fmt: skip
        print(f"{'ms':>34} {'median':>8} {'p90':>8} {'max':>8} {'n':>5}")
        show("frame of a page that does nothing", reference)
        show("frame while panning", frames_of(page, pan))
        show("frame while zooming", frames_of(page, zoom))
        page.keyboard.press("f")
        show("click to painted mask", clicks_on(page, large, options.clicks))
        show("stroke to painted mask", strokes_on(page, options.strokes))
        switching(page, first, second, options.switches)
        browser.close()


def add_masks(driver, site: Site, image: dict, count: int) -> None:
    """Ellipses of many sizes, saved through the API as a person's would be."""
    api = managers_api(driver, site)
    category = api.get(f"/api/projects/{image['project']}/categories/").json()["results"][0]["id"]
    chance = random.Random(7)
    height, width = image["height"], image["width"]
    for _ in range(count):
        across, down = (side * chance.uniform(0.01, 0.06) for side in (width, height))
        x, y = chance.uniform(across, width - across), chance.uniform(down, height - down)
        mask = np.zeros((height, width), dtype=bool)
        top, left = int(y - down), int(x - across)
        rows, columns = np.ogrid[top : int(y + down), left : int(x + across)]
        mask[top : int(y + down), left : int(x + across)] = (
            ((columns - x) / across) ** 2 + ((rows - y) / down) ** 2
        ) < 1
        body = {"id": str(uuid.uuid4()), "category": category, "segmentation": rle.encode(mask)}
        answer = api.post(f"/api/images/{image['id']}/annotations/", data=body)
        assert answer.status == 201, answer.text()


def empty_frames(page: Page) -> list[float]:
    page.goto("about:blank")
    page.evaluate(COUNT_FRAMES)
    page.wait_for_timeout(1500)
    return page.evaluate(STOP_FRAMES)


def frames_of(page: Page, do) -> list[float]:
    page.evaluate(COUNT_FRAMES)
    do(page)
    return page.evaluate(STOP_FRAMES)


def pan(page: Page) -> None:
    page.keyboard.press("+")
    page.keyboard.press("+")
    page.keyboard.press("m")
    page.mouse.move(700, 450)
    page.mouse.down()
    for k in range(MOVES):
        page.mouse.move(700 + 200 * ((k % 20) / 20 - 0.5), 450 + 120 * ((k % 30) / 30 - 0.5))
    page.mouse.up()
    page.keyboard.press("c")


def zoom(page: Page) -> None:
    page.mouse.move(700, 450)
    for k in range(MOVES):
        page.mouse.wheel(0, -60 if k % 40 < 20 else 60)


def clicks_on(page: Page, image: dict, count: int) -> list[float]:
    chance = random.Random(3)
    taken = []
    for _ in range(count):
        taken.append(click(page, chance.random() * image["width"], chance.random() * image["height"]))
        page.keyboard.press("Escape")
        page.wait_for_timeout(150)
    return taken


def strokes_on(page: Page, count: int) -> list[float]:
    """Strokes that make one hand-made mask larger and larger."""
    page.keyboard.press("b")
    for k in range(count):
        page.mouse.move(300 + 60 * k, 250)
        page.mouse.down()
        page.mouse.move(330 + 60 * k, 620, steps=20)
        page.mouse.up()
        page.wait_for_timeout(150)
    taken = durations(page, "stroke-to-mask")
    page.keyboard.press("Escape")
    page.keyboard.press("c")
    return taken


def switching(page: Page, first: dict, second: dict, count: int) -> None:
    page.goto(f"/images/{first['id']}/annotate/")
    wait_until_ready(page)
    page.wait_for_timeout(1500)
    taken, before = [], heap_mb(page)
    for k in range(count):
        if k % 10 == 5:
            page.keyboard.press("Shift+t")  # the filmstrip goes, or comes back
        target, key = (second, "n") if k % 2 == 0 else (first, "p")
        page.evaluate("() => performance.clearMeasures('ready-to-decode')")
        page.keyboard.press(key)
        page.wait_for_url(lambda url, pk=target["id"]: f"/images/{pk}/" in url)
        has_strip = page.locator("[data-filmstrip]").is_visible()
        taken.append((wait_until_ready(page), has_strip))
        page.wait_for_timeout(100)
    show("next image, ready to click", [ms for ms, _ in taken])
    show("with the filmstrip", [ms for ms, has_strip in taken if has_strip])
    show("without it", [ms for ms, has_strip in taken if not has_strip])
    if count:
        print(
            f"\n{'JavaScript heap, MB':>34} {before:.1f} before, {heap_mb(page):.1f} after {count} switches"
        )


def heap_mb(page: Page) -> float:
    session = page.context.new_cdp_session(page)
    session.send("HeapProfiler.collectGarbage")
    used = session.send("Runtime.getHeapUsage")["usedSize"]
    session.detach()
    return used / 2**20


def show(name: str, values: list[float]) -> None:
    if values:
        median, most = statistics.median(values), max(values)
        print(
            f"{name:>34} {median:8.1f} {percentile_90(values):8.1f} {most:8.1f} {len(values):5}", flush=True
        )


if __name__ == "__main__":
    sys.exit(main())
