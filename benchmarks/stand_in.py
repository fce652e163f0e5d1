"""How soon is there a first mask where the project's model takes long for an image?

`python benchmarks/stand_in.py --bundle NAME_OR_PATH [--image FILE ...]`

Real site (gunicorn, worker), real headless Chromium. Each photograph is uploaded and opened at once, while the worker
is at the large model's embeddings on the same processor: the small model (`STAND_IN_BUNDLE`) has to make its own
embedding first, then it answers. Prints, from the opening: until the first possible mask (the page's User Timing
measure `ready-to-decode`, by the small model) and until the large model answers; and what one click then takes.
`python benchmarks/random_bundle.py DIR` makes a bundle of ViT-B's size.
"""

from __future__ import annotations

import argparse
import os
import statistics
import sys
import tempfile
import time
from pathlib import Path

import skimage
from playwright.sync_api import sync_playwright

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT), str(ROOT / "tests" / "e2e")]
from conftest import CHROMIUM_ARGS, Site, sign_in_as  # noqa: E402

from benchmarks.click_to_mask import click, managers_api, wait_until_ready  # noqa: E402
from scripts.environment import require_chromium  # noqa: E402
from tests.ports import free_port  # noqa: E402

STAND_IN = "pocket"
LARGE_ONE_WITHIN_MS = 300_000


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--bundle", required=True, help="the large model: a bundle's name or folder")
    parser.add_argument("--image", type=Path, nargs="+", help="photographs (default: four of scikit-image's)")
    options = parser.parse_args()
    folder = Path(skimage.__file__).parent / "data"
    names = ("coffee.png", "astronaut.png", "chelsea.png", "rocket.jpg")
    photos = options.image or [folder / name for name in names]

    with tempfile.TemporaryDirectory() as data_dir:
        site = Site(Path(data_dir), free_port(), options.bundle)
        site.start()
        site.manage("install_bundle", STAND_IN)
        try:
            measure(site, photos)
        finally:
            site.stop()
    return 0


def measure(site: Site, photos: list[Path]) -> None:
    with sync_playwright() as driver:
        api = managers_api(driver, site)
        project = api.post("/api/projects/", data={"name": "Benchmark"}).json()
        api.post(f"/api/projects/{project['id']}/categories/", data={"name": "thing", "color": "#0072b2"})
        browser = driver.chromium.launch(executable_path=require_chromium(), args=CHROMIUM_ARGS)
        page = browser.new_page(base_url=site.url, viewport={"width": 1440, "height": 900})
        sign_in_as(page, "manager")
        small, large, clicks, by_small = [], [], [], []
        for photo in photos:
            file = {"name": photo.name, "mimeType": "image/png", "buffer": photo.read_bytes()}
            answer = api.post(f"/api/projects/{project['id']}/images/", multipart={"files": file})
            assert answer.status == 201, answer.text()
            [image] = answer.json()["results"]
            started = time.perf_counter()
            page.goto(f"/images/{image['id']}/annotate/")
            small.append(wait_until_ready(page))
            by_small.append(page.locator("[data-model-state]").is_visible())
            clicks.append(click(page, image["width"] / 2, image["height"] / 2))
            page.wait_for_function(
                "() => document.querySelector('[data-model-state]').hidden", timeout=LARGE_ONE_WITHIN_MS
            )
            large.append(1000 * (time.perf_counter() - started))
            print(f"{photo.name}: {small[-1]:.0f}, {clicks[-1]:.0f}, {large[-1]:.0f}", flush=True)
        print(
            f"bundle {site.bundle}, {len(photos)} images, {os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}\n"
        )
        print(f"{'ms':>40} {'median':>8} {'most':>8}")
        for name, values in (
            ("opening to the first possible mask", small),
            ("a click, answered by the small model", clicks),
            ("opening until the large model answers", large),
        ):
            print(f"{name:>40} {statistics.median(values):8.0f} {max(values):8.0f}")
        print(f"\nthe small model was there first {sum(by_small)} of {len(by_small)} times")
        browser.close()


if __name__ == "__main__":
    sys.exit(main())
