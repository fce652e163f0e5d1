"""How soon is there a first mask where the project's model takes long for an image?

`python benchmarks/stand_in.py --bundle NAME_OR_PATH [--image FILE ...]`

Real site (gunicorn, worker), real headless Chromium. Each photograph is uploaded and opened at once, while the worker
is at the large model's embeddings on the same processor: the small model (`STAND_IN_BUNDLE`) has to make its own
embedding first, then it answers. Then other ones are uploaded together and each is opened once the small model has been
at it, as happens to all but the first image of an upload. Prints, from the opening: until the first possible mask (the
page's User Timing measure `ready-to-decode`, by the small model) and until the large model answers; and what one click
then takes.
`python benchmarks/random_bundle.py DIR` makes a bundle of ViT-B's size.
"""

from __future__ import annotations

import argparse
import io
import os
import statistics
import sys
import tempfile
import time
from pathlib import Path

import skimage
from PIL import Image, ImageOps
from playwright.sync_api import APIRequestContext, sync_playwright

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
        small, large, clicks, by_small, prepared = [], [], [], [], []
        for photo in photos:
            image = uploaded(api, project, photo.name, photo.read_bytes())
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
        for image in [uploaded(api, project, f"mirrored {each.name}", mirrored(each)) for each in photos]:
            address = f"/api/images/{image['id']}/embedding/?digest={digest_of(api, STAND_IN)}"
            while api.get(address).status != 200:
                time.sleep(0.1)
            page.goto(f"/images/{image['id']}/annotate/")
            prepared.append(wait_until_ready(page))
            by_small.append(page.locator("[data-model-state]").is_visible())
        print(
            f"bundle {site.bundle}, {len(photos)} images, {os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}\n"
        )
        print(f"{'ms':>44} {'median':>8} {'most':>8}")
        for name, values in (
            ("opening at once to the first possible mask", small),
            ("opening later to the first possible mask", prepared),
            ("a click, answered by the small model", clicks),
            ("opening until the large model answers", large),
        ):
            print(f"{name:>44} {statistics.median(values):8.0f} {max(values):8.0f}")
        print(f"\nthe small model was there first {sum(by_small)} of {len(by_small)} times")
        browser.close()


def uploaded(api: APIRequestContext, project: dict, name: str, content: bytes) -> dict:
    file = {"name": name, "mimeType": "image/png", "buffer": content}
    answer = api.post(f"/api/projects/{project['id']}/images/", multipart={"files": file})
    assert answer.status == 201, answer.text()
    [image] = answer.json()["results"]
    return image


def mirrored(photo: Path) -> bytes:
    stream = io.BytesIO()
    ImageOps.mirror(Image.open(photo).convert("RGB")).save(stream, "PNG")
    return stream.getvalue()


def digest_of(api: APIRequestContext, name: str) -> str:
    return api.get(f"/api/bundles/{name}/").json()["digest"]


if __name__ == "__main__":
    sys.exit(main())
