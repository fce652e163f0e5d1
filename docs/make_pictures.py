"""Makes the pictures of the README and of the model card: the real page, and `pocket`'s masks on photographs.

    python docs/make_pictures.py PHOTOS [--only workbench|gallery]

PHOTOS: a folder with truck.jpg, dog.jpg, groceries.jpg, cars.jpg (the pictures of the segment-anything and sam2
repositories' notebooks, Apache-2.0) and scikit-image's data folder is looked into as well.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
import skimage
from numpy.typing import NDArray
from PIL import Image
from playwright.sync_api import Page, sync_playwright

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT), str(ROOT / "tests" / "e2e")]
from conftest import CHROMIUM_ARGS, Site, sign_in_as  # noqa: E402

from benchmarks import click_to_mask  # noqa: E402
from scripts.environment import require_chromium  # noqa: E402
from segmentation import masks  # noqa: E402
from segmentation.predictor import Predictor, load_predictor  # noqa: E402
from tests.ports import free_port  # noqa: E402

IMAGES = ROOT / "docs" / "images"
TILE = 320, 214  # pixels, width and height of one picture in the gallery
GAP = 6
COLUMNS = 4


@dataclass(frozen=True)
class Shot:
    """A prompt on a photograph; places are shares of its width and height. Clicks are made one after the other."""

    photo: str
    clicks: tuple[tuple[float, float, int], ...] = ()
    box_xyxy: tuple[float, float, float, float] | None = None


GALLERY = (
    Shot("truck.jpg", box_xyxy=(0.05, 0.22, 0.955, 0.72)),
    Shot("truck.jpg", ((0.315, 0.62, 1),)),
    Shot("dog.jpg", ((0.25, 0.78, 1),)),
    Shot("dog.jpg", box_xyxy=(0.61, 0.26, 0.83, 0.49)),
    Shot("groceries.jpg", box_xyxy=(0.46, 0.32, 0.56, 0.65)),
    Shot("cars.jpg", box_xyxy=(0.11, 0.33, 0.61, 0.72)),
    Shot("astronaut.png", ((0.44, 0.2, 1), (0.4, 0.7, 1))),
    Shot("chelsea.png", ((0.5, 0.5, 1), (0.75, 0.75, 1))),
    Shot("coffee.png", ((0.5, 0.5, 1),)),
    Shot("rocket.jpg", ((0.5, 0.5, 1),)),
    Shot("ihc.png", ((0.3, 0.3, 1),)),
    Shot("page.png", ((0.3, 0.2, 1),)),
)

CATEGORIES = (("dog", "#d55e00"), ("person", "#0072b2"), ("bowl", "#009e73"), ("furniture", "#cc79a7"))
# dog.jpg: the digit of the category, and clicks (x, y, label) until the mask is right
SCENE = (
    ("1", ((0.25, 0.78, 1), (0.4, 0.55, 1), (0.8, 0.79, 0))),
    ("2", ((0.86, 0.2, 1), (0.8, 0.72, 1), (0.72, 0.4, 0))),
    ("4", ((0.2, 0.2, 1), (0.22, 0.35, 1), (0.42, 0.2, 1), (0.42, 0.45, 0), (0.09, 0.2, 0))),
)
ON_THE_BOWL = ((0.745, 0.4, 1), (0.8, 0.77, 0))  # and not the foot below it


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("photos", type=Path)
    parser.add_argument("--only", choices=("workbench", "gallery"))
    parser.add_argument("--bundle", default="pocket")
    options = parser.parse_args()
    IMAGES.mkdir(exist_ok=True)
    if options.only != "workbench":
        make_gallery(load_predictor(options.bundle), options.photos, IMAGES / "gallery.jpg")
    if options.only != "gallery":
        make_workbench(options.photos, options.bundle, IMAGES / "workbench.png")
    return 0


# --- the gallery ---


def make_gallery(predictor: Predictor, photos: Path, path: Path) -> None:
    tiles = []
    for shot in GALLERY:
        with Image.open(find_photo(photos, shot.photo)) as image:
            pixels = np.asarray(image.convert("RGB"))
        tiles.append(tile(pixels, shot, predict(predictor, pixels, shot)))
    rows = [np.hstack(tiles[start : start + COLUMNS]) for start in range(0, len(tiles), COLUMNS)]
    Image.fromarray(np.vstack(rows)).save(path, quality=85)


def predict(predictor: Predictor, pixels: NDArray[np.uint8], shot: Shot) -> NDArray[np.bool_]:
    """What the page would show: the best-rated candidate of a lone click, else the single mask, logits fed back."""
    height, width = pixels.shape[:2]
    scale = np.array([width, height])
    predictor.set_image(pixels)
    box = None if shot.box_xyxy is None else (np.array(shot.box_xyxy).reshape(2, 2) * scale).ravel()
    if not shot.clicks:
        logits, _ = predictor.predict_raw(box=box)
        return masks.postprocess(logits[:1], predictor.frame)[0] > predictor.manifest.mask_threshold
    previous = None
    for count in range(1, len(shot.clicks) + 1):
        coords = np.array([place[:2] for place in shot.clicks[:count]]) * scale
        labels = np.array([place[2] for place in shot.clicks[:count]])
        logits, rated = predictor.predict_raw(coords, labels, box=box, mask_input=previous)
        best = 1 + int(rated[1:].argmax()) if count == 1 and box is None else 0
        previous = logits[best : best + 1]
    return masks.postprocess(previous, predictor.frame)[0] > predictor.manifest.mask_threshold


def tile(pixels: NDArray[np.uint8], shot: Shot, mask: NDArray[np.bool_]) -> NDArray[np.uint8]:
    """The picture with mask and prompt, as large as fits, in the middle of a white tile."""
    height, width = pixels.shape[:2]
    scale = min((TILE[0] - GAP) / width, (TILE[1] - GAP) / height)
    size = round(width * scale), round(height * scale)
    picture = cv2.resize(pixels, size, interpolation=cv2.INTER_AREA)
    inside = cv2.resize(mask.astype(np.uint8), size, interpolation=cv2.INTER_AREA).astype(bool)
    picture[inside] = (picture[inside] * 0.5 + np.array([0, 114, 255]) * 0.5).astype(np.uint8)
    outlines, _ = cv2.findContours(inside.astype(np.uint8), cv2.RETR_LIST, cv2.CHAIN_APPROX_NONE)
    cv2.drawContours(picture, outlines, -1, (255, 255, 255), 1, cv2.LINE_AA)
    if shot.box_xyxy:
        x0, y0, x1, y1 = (round(edge * side) for edge, side in zip(shot.box_xyxy, size * 2, strict=True))
        cv2.rectangle(picture, (x0, y0), (x1, y1), (255, 214, 0), 2)
    for x, y, label in shot.clicks:
        place = round(x * size[0]), round(y * size[1])
        cv2.circle(picture, place, 6, (255, 255, 255), -1, cv2.LINE_AA)
        cv2.circle(picture, place, 4, (0, 158, 70) if label else (213, 60, 0), -1, cv2.LINE_AA)
    framed = np.full((TILE[1], TILE[0], 3), 255, np.uint8)
    x0, y0 = (TILE[0] - size[0]) // 2, (TILE[1] - size[1]) // 2
    framed[y0 : y0 + size[1], x0 : x0 + size[0]] = picture
    return framed


def find_photo(photos: Path, name: str) -> Path:
    for folder in (photos, Path(skimage.__file__).parent / "data"):
        if (folder / name).is_file():
            return folder / name
    raise SystemExit(f"there is no {name} in {photos}, nor among scikit-image's pictures")


# --- the page ---


def make_workbench(photos: Path, bundle: str, path: Path) -> None:
    """A screenshot of the annotate page: two saved masks, and a prompt that is being made."""
    with tempfile.TemporaryDirectory() as data_dir:
        site = Site(Path(data_dir), free_port(), bundle)
        site.start()
        try:
            with sync_playwright() as driver:
                names = ("dog.jpg", "truck.jpg", "groceries.jpg", "cars.jpg")
                files = [find_photo(photos, name) for name in names]
                images = click_to_mask.upload(driver, site, files, "Around the house", CATEGORIES)
                browser = driver.chromium.launch(executable_path=require_chromium(), args=CHROMIUM_ARGS)
                page = browser.new_page(base_url=site.url, viewport={"width": 1440, "height": 900})
                sign_in_as(page, "manager")
                page.goto(f"/images/{images[0]['id']}/annotate/")
                click_to_mask.wait_until_ready(page)
                work(page, images[0])
                page.screenshot(path=path)
                browser.close()
        finally:
            site.stop()


def work(page: Page, image: dict) -> None:
    """Saves the masks of SCENE, then leaves a prompt on the bowl unsaved."""
    width, height = image["width"], image["height"]
    for key, clicks in SCENE:
        for x, y, label in clicks:
            click_to_mask.click(page, x * width, y * height, "left" if label else "right")
        page.keyboard.press(key)
        page.keyboard.press("Enter")
        page.wait_for_timeout(800)
    for x, y, label in ON_THE_BOWL:
        click_to_mask.click(page, x * width, y * height, "left" if label else "right")
    page.keyboard.press("3")
    page.wait_for_timeout(800)


if __name__ == "__main__":
    sys.exit(main())
