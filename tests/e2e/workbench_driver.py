"""What a person does at the workbench, in image pixels, and projects to do it in."""

from __future__ import annotations

import shutil
import time
from dataclasses import dataclass
from pathlib import Path

import pytest
import skimage
from playwright.sync_api import Page, expect

PHOTOS = Path(skimage.__file__).parent / "data"
ON_THE_CUP = (300, 190)  # image pixels in coffee.png
ON_THE_SAUCER = (180, 300)
ON_THE_TABLE = (40, 340)
READY_WITHIN_MS = 60_000
IS_DRAWN = """([x, y]) => {
    const stage = document.querySelector("[data-stage]");
    const {scale, offsetX, offsetY} = JSON.parse(stage.dataset.viewFrame);
    const sheet = [...stage.querySelectorAll("canvas")].at(-1).getContext("2d");
    const at = [offsetX + (x + 0.5) * scale, offsetY + (y + 0.5) * scale];
    return sheet.getImageData(...at.map((place) => Math.round(place * devicePixelRatio)), 1, 1).data[3] > 0;
}"""


@dataclass
class Project:
    id: int
    images: list[dict]
    categories: list[dict]


@pytest.fixture
def make_project(api, tmp_path: Path):
    """`make_project("coffee.png", ...)`: a project with these photographs, embeddings ready, and two categories."""

    def do(*names: str, categories=(("cup", "#0072b2"), ("person", "#d55e00"))) -> Project:
        manager = api("manager")
        project = manager.post("/api/projects/", data={"name": "Workbench"}).json()
        rows = []
        for name, color in categories:
            answer = manager.post(
                f"/api/projects/{project['id']}/categories/", data={"name": name, "color": color}
            )
            assert answer.status == 201, answer.text()
            rows.append(answer.json())
        for username, role in (("annotator", "annotator"),):
            manager.post(f"/api/projects/{project['id']}/members/", data={"username": username, "role": role})
        images = []
        for name in names:
            copy = Path(shutil.copy(PHOTOS / name, tmp_path / name))
            answer = manager.post(
                f"/api/projects/{project['id']}/images/",
                multipart={
                    "files": {"name": name, "mimeType": "image/png", "buffer": copy.read_bytes()},
                },
            )
            assert answer.status == 201, answer.text()
            images += answer.json()["results"]
        deadline = time.monotonic() + READY_WITHIN_MS / 1000
        while any(row["embedding_state"] != "ready" for row in images):
            assert time.monotonic() < deadline, f"embeddings are not ready: {images}"
            time.sleep(0.2)
            images = manager.get(f"/api/projects/{project['id']}/images/").json()["results"]
        images.sort(key=lambda row: row["id"])
        return Project(project["id"], images, rows)

    return do


class Bench:
    """What a person does on the annotate page, in image pixels."""

    def __init__(self, page: Page) -> None:
        self.page = page

    def open(self, image: dict) -> Bench:
        self.page.goto(f"/images/{image['id']}/annotate/")
        return self.wait_until_ready()

    def wait_until_ready(self) -> Bench:
        self.page.wait_for_function(
            "() => performance.getEntriesByName('ready-to-decode').length > 0", timeout=READY_WITHIN_MS
        )
        return self

    @property
    def view(self) -> dict:
        return self.page.locator("[data-stage]").evaluate(
            "stage => { const box = stage.getBoundingClientRect();"
            " return {x: box.x, y: box.y, ...JSON.parse(stage.dataset.viewFrame)}; }"
        )

    def on_page(self, x: float, y: float) -> tuple[float, float]:
        view = self.view
        return (
            view["x"] + view["offsetX"] + (x + 0.5) * view["scale"],
            view["y"] + view["offsetY"] + (y + 0.5) * view["scale"],
        )

    def click(self, place: tuple[float, float], button: str = "left", modifiers: str | None = None) -> None:
        """Clicks and waits until the mask for it was painted."""
        before = self.count("click-to-mask")
        if modifiers:
            self.page.keyboard.down(modifiers)
        self.page.mouse.click(*self.on_page(*place), button=button)
        if modifiers:
            self.page.keyboard.up(modifiers)
        self.wait_for_masks(before + 1)

    def drag(self, start: tuple[float, float], end: tuple[float, float]) -> None:
        before = self.count("click-to-mask")
        self.page.mouse.move(*self.on_page(*start))
        self.page.mouse.down()
        self.page.mouse.move(*self.on_page(*end), steps=5)
        self.page.mouse.up()
        self.wait_for_masks(before + 1)

    def press(self, *keys: str) -> None:
        for key in keys:
            self.page.keyboard.press(key)

    def save(self) -> None:
        count = self.objects.count()
        self.press("Enter")
        expect(self.objects).to_have_count(count + 1)
        self.wait_until_saved()

    def wait_until_saved(self) -> None:
        self.expect_save_state("saved")

    def expect_save_state(self, state: str) -> None:
        expect(self.page.locator("[data-save-state]")).to_have_attribute(
            "data-save-state", state, timeout=30_000
        )

    def is_drawn_on(self, place: tuple[float, float]) -> bool:
        """Whether the sheet of what is being worked on shows something at this image pixel."""
        return self.page.evaluate(IS_DRAWN, list(place))

    def wait_until_drawn_on(self, place: tuple[float, float]) -> None:
        self.page.wait_for_function(IS_DRAWN, arg=list(place))

    def count(self, measure: str) -> int:
        return self.page.evaluate("name => performance.getEntriesByName(name).length", measure)

    def wait_for_masks(self, count: int) -> None:
        self.page.wait_for_function(
            "n => performance.getEntriesByName('click-to-mask').length >= n", arg=count
        )

    @property
    def objects(self):
        return self.page.locator("[data-annotation-id]")

    @property
    def candidates(self):
        return self.page.locator("[data-candidate]")

    def painted(self) -> int:
        """How many pixels are painted on the prompt's canvas: the marks, and the mask where no GPU draws it."""
        return self.page.locator("canvas[data-sheet=prompt]").evaluate(
            "canvas => { const {data} = canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height);"
            " let count = 0; for (let k = 3; k < data.length; k += 4) if (data[k]) count++; return count; }"
        )


@pytest.fixture
def bench(page: Page, sign_in) -> Bench:
    sign_in("annotator")
    return Bench(page)


def saved(api, image: dict) -> list[dict]:
    return api("manager").get(f"/api/images/{image['id']}/annotations/").json()["results"]
