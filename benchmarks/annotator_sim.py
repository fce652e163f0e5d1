"""How many inputs and seconds does a mask take, and how good is it: this version of the app beside another one?

    python benchmarks/annotator_sim.py [DATASET] [--pictures 30] [--against FOLDER]

A scripted annotator (`benchmarks/scripted_annotator.py`) works through pictures of the validation split, with real
pointer events in real headless Chromium, against the real site (gunicorn, worker) of each version. Each object is begun
by a click or a box, the best candidate taken, then corrected where the error is deepest, until the IoU with the mask
that people drew is 0.90, or six corrections are made. These habits are the same at each version; this one is measured a
second time with habits that need its tools: after two corrections the rest is drawn by hand, and a click or a box far
off goes on to the next object (a setting).

Printed for each row: inputs a mask (clicks, drags and keys); seconds a mask as the keystroke-level model has them, the
page's answers added; milliseconds of these in which the page was waited for; mean IoU, and the share that reached 0.90;
IoU of what was saved with what the script believed (its own check); and from D to the next image being ready.

DATASET: a folder of training shards, or a COCO folder; default: the variable MASKWRIGHT_QUALITY_DATASET. FOLDER: a
checkout of the other version that this environment's packages serve, for example
`git worktree add FOLDER REVISION`, with static/vendor as here.
"""

from __future__ import annotations

import argparse
import os
import statistics
import sys
import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from playwright.sync_api import Page, sync_playwright

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT), str(ROOT / "tests" / "e2e")]
from conftest import CHROMIUM_ARGS, Site, sign_in_as  # noqa: E402

from benchmarks.click_to_mask import managers_api, upload, wait_until_ready  # noqa: E402
from benchmarks.interactive_quality import DATASET_VARIABLE, MIN_AREA, at_least_one, iou_of, pick_targets  # noqa: E402
from benchmarks.scripted_annotator import GOOD_IOU, Effort, Habits, ScriptedAnnotator  # noqa: E402
from scripts.environment import require_chromium  # noqa: E402
from segmentation import rle  # noqa: E402
from segmentation.predictor import Predictor, load_predictor  # noqa: E402
from segmentation.training.data.dataset import is_sharded, read_dataset  # noqa: E402
from segmentation.training.data.samples import Sample  # noqa: E402
from tests.ports import free_port  # noqa: E402

MASKS_A_PICTURE = 3
SAME_HABITS = {"click first": Habits("click"), "box first": Habits("box")}
OWN_HABITS = {
    "click first, its tools": Habits("click", draws=True, goes_on=True),
    "box first, its tools": Habits("box", draws=True, goes_on=True),
}


@dataclass
class Task:
    """A picture and what is to be found on it."""

    pixels: NDArray[np.uint8]
    targets: list[NDArray[np.bool_]]


@dataclass
class Work:
    """What one pass through the pictures has taken."""

    efforts: list[Effort] = field(default_factory=list)
    believed: list[float] = field(default_factory=list)  # IoU of what was saved and what the script believed
    next_image_s: list[float] = field(default_factory=list)


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("dataset", nargs="?", type=Path, default=os.environ.get(DATASET_VARIABLE))
    parser.add_argument("--pictures", type=at_least_one, default=30)
    parser.add_argument("--against", type=Path, help="a checkout of another version")
    parser.add_argument("--bundle", default="pocket")
    options = parser.parse_args()
    if options.dataset is None:
        print(f"annotator_sim: nothing measured; give a DATASET folder or set {DATASET_VARIABLE}")
        return 0
    tasks = read_tasks(Path(options.dataset), options.pictures)
    predictor = load_predictor(options.bundle)
    print(f"bundle {options.bundle}, {len(tasks)} pictures, {sum(len(task.targets) for task in tasks)} masks, "
          f"{os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}\n")  # fmt: skip
    print(
        f"{'':>38} {'inputs':>7} {'s/mask':>7} {'page ms':>8} {'IoU':>6} {'>=.90':>6} {'saved':>6} {'next ms':>8}"
    )
    versions = [("other version", options.against.resolve())] if options.against else []
    for name, tree in [*versions, ("this version", ROOT)]:
        with tempfile.TemporaryDirectory() as folder:
            site = Site(Path(folder), free_port(), options.bundle, cwd=tree)
            site.start()
            try:
                measure(site, name, tasks, predictor, SAME_HABITS | (OWN_HABITS if tree == ROOT else {}))
            finally:
                site.stop()
    return 0


def read_tasks(dataset: Path, count: int) -> list[Task]:
    """The same pictures and masks every time, spread over the validation split."""
    samples, _ = read_dataset(dataset, "val" if is_sharded(dataset) else None)
    wanted = [int(i) for i in np.unique(np.linspace(0, len(samples) - 1, min(count, len(samples))).round())]
    chosen: list[Sample] = [samples[index] for index in wanted]
    tasks = []
    for index, mask_indices in pick_targets(chosen, MASKS_A_PICTURE, None):
        targets = [chosen[index].mask(k) for k in mask_indices]
        targets = [target for target in targets if target.sum() >= MIN_AREA]
        if targets:
            tasks.append(Task(chosen[index].pixels, targets))
    return tasks


def measure(
    site: Site, name: str, tasks: list[Task], predictor: Predictor, all_habits: dict[str, Habits]
) -> None:
    with sync_playwright() as driver, tempfile.TemporaryDirectory() as folder:
        files = [write_picture(Path(folder), k, task.pixels) for k, task in enumerate(tasks)]
        browser = driver.chromium.launch(executable_path=require_chromium(), args=CHROMIUM_ARGS)
        api = managers_api(driver, site)
        for title, habits in all_habits.items():
            images = upload(driver, site, files, name=title)
            if habits.goes_on:
                assert api.put("/api/me/preferences/", data={"far_click_accepts": True}).ok
            page = browser.new_page(base_url=site.url, viewport={"width": 1440, "height": 900})
            sign_in_as(page, "manager")
            work = work_through(page, api, images, tasks, predictor, habits)
            page.close()
            print_row(f"{name}, {title}", work)
        browser.close()


def write_picture(folder: Path, number: int, pixels: NDArray[np.uint8]) -> Path:
    path = folder / f"{number:03}.png"
    Image.fromarray(pixels).save(path)
    return path


def work_through(
    page: Page, api, images: list[dict], tasks: list[Task], predictor: Predictor, habits: Habits
) -> Work:
    work = Work()
    page.goto(f"/images/{images[0]['id']}/annotate/")
    wait_until_ready(page)
    for number, (image, task) in enumerate(zip(images, tasks, strict=True)):
        predictor.set_image(task.pixels)
        annotator = ScriptedAnnotator(page, predictor, habits)
        done = annotator.annotate(task.targets)
        work.efforts += [effort for effort, _ in done]
        page.wait_for_selector("[data-save-state=saved]")
        work.believed += agreement(api, image, [mask for _, mask in done])
        if number + 1 == len(tasks):
            break
        page.evaluate("() => performance.clearMeasures('ready-to-decode')")
        start = time.perf_counter()
        page.keyboard.press("d")
        page.wait_for_url(lambda url, pk=images[number + 1]["id"]: f"/images/{pk}/" in url)
        wait_until_ready(page)
        work.next_image_s.append(time.perf_counter() - start)
    return work


def agreement(api, image: dict, believed: list[NDArray[np.bool_]]) -> list[float]:
    """IoU of each saved mask with what the script believed, in the order in which they were made."""
    rows = api.get(f"/api/images/{image['id']}/annotations/").json()["results"]
    rows.sort(key=lambda row: row["created_at"])
    assert len(rows) == len(believed), f"{len(rows)} masks were saved, {len(believed)} were made"
    return [iou_of(rle.decode(row["segmentation"]), mask) for row, mask in zip(rows, believed, strict=True)]


def print_row(title: str, work: Work) -> None:
    efforts = work.efforts
    mean = statistics.fmean
    print(
        f"{title:>38} {mean(e.inputs for e in efforts):7.2f} {mean(e.model_s + e.page_s for e in efforts):7.2f} "
        f"{1000 * mean(e.page_s for e in efforts):8.0f} {mean(e.iou for e in efforts):6.3f} "
        f"{mean(e.iou >= GOOD_IOU for e in efforts):6.2f} {statistics.median(work.believed):6.3f} "
        f"{1000 * statistics.median(work.next_image_s or [0]):8.0f}",
        flush=True,
    )


if __name__ == "__main__":
    sys.exit(main())
