"""How long from a click to the painted mask, and from opening an image to the first possible one?

`python benchmarks/click_to_mask.py [--bundle NAME_OR_PATH] [--image FILE ...] [--clicks 30] [--hand]`

Real site (gunicorn, worker), real headless Chromium, real pointer events. Prints medians of the page's own User Timing
measures: `click-to-mask` (pointer event to the frame in which the mask was painted), `decode` (request to the decoder
worker to its answer) and `ready-to-decode` (opening, with the embedding ready, to the first possible mask): for a fresh
page, and for going to the next image. The pointer jumps, and the button is released right after it is pressed: neither
the preview, which waits until the pointer rests, nor decoding ahead of the release gains anything then. With `--hand`
it is as with a hand on the mouse, and the mask is there before the button is up. The last row is what keeps the page
from answering: tasks of the main thread over 50 ms (the browser's own `longtask` entries) while
the pointer moves over the image and clicks.
"""

from __future__ import annotations

import argparse
import os
import platform
import random
import statistics
import sys
import tempfile
import time
from pathlib import Path

import skimage
from playwright.sync_api import Page, sync_playwright

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT), str(ROOT / "tests" / "e2e")]
from conftest import CHROMIUM_ARGS, PASSWORD, Site, sign_in_as  # noqa: E402

from scripts.environment import require_chromium  # noqa: E402
from tests.ports import free_port  # noqa: E402

READY_WITHIN_S = 180
PAUSE_BETWEEN_CLICKS_MS = 150
REST_MS, HOLD_MS = 100, 80
POLL_MS = 50
MOVES_BEFORE_CLICK = 8  # pointer events on the way to a place

# Counts what the browser calls a long task: 50 ms or more of the main thread.
WATCH_LONG_TASKS = """
window.longTasks = [];
new PerformanceObserver((list) => window.longTasks.push(...list.getEntries().map((entry) => entry.duration)))
    .observe({type: "longtask"});
"""

# From the end of a decode to the end of the click that it was for.
ANSWER_TO_PAINTED = """() => {
    const decodeEnds = performance.getEntriesByName("decode").map((entry) => entry.startTime + entry.duration);
    return performance.getEntriesByName("click-to-mask").flatMap((click) => {
        const painted = click.startTime + click.duration;
        const answered = Math.max(...decodeEnds.filter((end) => end <= painted && end >= click.startTime));
        return Number.isFinite(answered) ? [painted - answered] : [];
    });
}"""


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--bundle", default="pocket", help="a bundle's name or folder")
    parser.add_argument(
        "--image", type=Path, nargs="+", help="photographs (default: three of scikit-image's)"
    )
    parser.add_argument(
        "--hand",
        action="store_true",
        help=f"as a hand clicks: the pointer rests {REST_MS} ms, the button is down for {HOLD_MS} ms",
    )
    parser.add_argument("--clicks", type=int, default=30, help="first clicks measured on every image")
    options = parser.parse_args()
    folder = Path(skimage.__file__).parent / "data"
    photos = options.image or [folder / name for name in ("coffee.png", "astronaut.png", "chelsea.png")]

    with tempfile.TemporaryDirectory() as data_dir:
        site = Site(Path(data_dir), free_port(), options.bundle)
        site.start()
        try:
            measure(site, photos, options.clicks, options.hand)
        finally:
            site.stop()
    return 0


def measure(site: Site, photos: list[Path], clicks: int, is_hand: bool) -> None:
    with sync_playwright() as driver:
        images = upload(driver, site, photos)
        browser = driver.chromium.launch(executable_path=require_chromium(), args=CHROMIUM_ARGS)
        page = browser.new_page(base_url=site.url, viewport={"width": 1440, "height": 900})
        sign_in_as(page, "manager")

        cold, warm, following, click, refined, decode, painting, long_tasks = [], [], [], [], [], [], [], []
        for visit in range(2):  # the first one fills the browser's cache
            page.goto(f"/images/{images[0]['id']}/annotate/")
            (cold if visit == 0 else warm).append(wait_until_ready(page))
        for index, image in enumerate(images):
            if index:
                # An annotator works for a while; meanwhile the next image is fetched.
                page.wait_for_timeout(2000)
                page.keyboard.press("n")
                page.wait_for_url(lambda url, pk=image["id"]: f"/images/{pk}/" in url)
                following.append(wait_until_ready(page))
            page.evaluate(WATCH_LONG_TASKS)
            first, second = click_around(page, image, clicks, is_hand)
            long_tasks += page.evaluate("window.longTasks")
            click += first
            refined += second
            decode += durations(page, "decode")
            painting += page.evaluate(ANSWER_TO_PAINTED)
        print(f"bundle {site.bundle}, {len(images)} images, Chromium {browser.version}, {os.cpu_count()} cores, "
              f"{platform.processor() or platform.machine()}, load {os.getloadavg()[0]:.1f}")  # fmt: skip
        print(f"  crossOriginIsolated {page.evaluate('crossOriginIsolated')}\n")
        print(f"{'ms':>34} {'median':>8} {'p90':>8} {'n':>5}")
        for name, values in (
            ("click to painted mask", click),
            ("second click (with mask_input)", refined),
            ("decode alone", decode),
            ("answer to painted mask", painting),
            ("opening, first visit", cold),
            ("opening, files in the cache", warm),
            ("next image (fetched ahead)", following),
        ):
            if not values:  # with --hand every answer comes before the click is over
                continue
            print(f"{name:>34} {statistics.median(values):8.1f} {percentile_90(values):8.1f} {len(values):5}")
        print(
            f"{'main thread over 50 ms':>34} {len(long_tasks)} times, longest {max(long_tasks, default=0):.0f} ms"
        )
        browser.close()


def managers_api(driver, site: Site):
    """A request context that carries the manager's token."""
    anonymous = driver.request.new_context(base_url=site.url)
    answer = anonymous.post("/api/auth/token/", data={"username": "manager", "password": PASSWORD})
    return driver.request.new_context(
        base_url=site.url, extra_http_headers={"Authorization": f"Token {answer.json()['token']}"}
    )


def upload(
    driver, site: Site, photos: list[Path], name: str = "Benchmark", categories=(("thing", "#0072b2"),)
) -> list[dict]:
    """The photographs in a project of their own, embeddings ready; their rows in the annotator's order."""
    api = managers_api(driver, site)
    project = api.post("/api/projects/", data={"name": name}).json()
    for category, color in categories:
        api.post(f"/api/projects/{project['id']}/categories/", data={"name": category, "color": color})
    for photo in photos:
        file = {"name": photo.name, "mimeType": "image/png", "buffer": photo.read_bytes()}
        answer = api.post(f"/api/projects/{project['id']}/images/", multipart={"files": file})
        assert answer.status == 201, answer.text()
    deadline = time.monotonic() + READY_WITHIN_S
    while True:
        rows = api.get(f"/api/projects/{project['id']}/images/").json()["results"]
        if all(row["embedding_state"] == "ready" for row in rows):
            return sorted(rows, key=lambda row: row["id"])
        assert time.monotonic() < deadline, [row["embedding_state"] for row in rows]
        time.sleep(0.5)


def wait_until_ready(page: Page) -> float:
    page.wait_for_function(
        "() => performance.getEntriesByName('ready-to-decode').length > 0", timeout=120_000
    )
    return durations(page, "ready-to-decode")[-1]


def click_around(page: Page, image: dict, clicks: int, is_hand: bool) -> tuple[list[float], list[float]]:
    """Clicks two random places, then clears the prompt, again and again; ms of the first and of the second clicks."""
    chance = random.Random(image["id"])
    first, second = [], []
    for _ in range(clicks):
        for values in (first, second):
            place = chance.random() * (image["width"] - 1), chance.random() * (image["height"] - 1)
            values.append(click(page, *place, is_hand=is_hand))
            page.wait_for_timeout(PAUSE_BETWEEN_CLICKS_MS)
        page.keyboard.press("Escape")
        page.wait_for_timeout(PAUSE_BETWEEN_CLICKS_MS)
    return first, second


def click(page: Page, x: float, y: float, button: str = "left", is_hand: bool = False) -> float:
    view = page.locator("[data-stage]").evaluate(
        "stage => { const box = stage.getBoundingClientRect();"
        " return {x: box.x, y: box.y, ...JSON.parse(stage.dataset.viewFrame)}; }"
    )
    before = len(durations(page, "click-to-mask"))
    place = (
        view["x"] + view["offsetX"] + (x + 0.5) * view["scale"],
        view["y"] + view["offsetY"] + (y + 0.5) * view["scale"],
    )
    page.mouse.move(*place, steps=MOVES_BEFORE_CLICK)
    if is_hand:
        page.wait_for_timeout(REST_MS)
    page.mouse.click(*place, button=button, delay=HOLD_MS if is_hand else 0)
    # Not asked in every frame, as is the default: that keeps the browser making frames that nobody needs.
    page.wait_for_function(
        "n => performance.getEntriesByName('click-to-mask').length > n", arg=before, polling=POLL_MS
    )
    return durations(page, "click-to-mask")[-1]


def durations(page: Page, name: str) -> list[float]:
    return page.evaluate("name => performance.getEntriesByName(name).map(entry => entry.duration)", name)


def percentile_90(values: list[float]) -> float:
    return sorted(values)[min(len(values) - 1, int(0.9 * len(values)))]


if __name__ == "__main__":
    sys.exit(main())
