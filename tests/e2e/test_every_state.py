"""Every state of the workbench, in light and dark, wide and narrow: axe finds nothing serious."""

from __future__ import annotations

import uuid
from collections.abc import Callable

import numpy as np
import pytest
from playwright.sync_api import Page, expect

from segmentation import rle
from tests.e2e.test_every_page import AXE, RULES
from tests.e2e.workbench_driver import ON_THE_CUP, Bench, saved

OBJECTS = 100
WIDTHS = (1440, 900)
COMPLAINTS = """rules => axe.run(document, {runOnly: rules}).then(found => found.violations
    .filter(({impact}) => impact === "serious" || impact === "critical")
    .map(({id, help, nodes}) => `${id}, ${help}: `
        + nodes.map(node => node.target + " " + node.any.map(({message}) => message)).slice(0, 5).join(" | ")))"""

IS_STILL = (
    "() => !document.getAnimations().some(one => one instanceof CSSTransition && one.playState === 'running')"
)


class Audit:
    """Collects what axe complains about, and in which state of the page."""

    def __init__(self, page: Page) -> None:
        self.page = page
        self.found: list[str] = []
        self.states: list[str] = []

    def look(self, state: str) -> None:
        """Lets axe look at the page as it is at each width, while `state` holds."""
        for width in WIDTHS:
            self.page.set_viewport_size({"width": width, "height": 900})
            # Colours are measured, so nothing may be on its way from one to another.
            self.page.wait_for_function(IS_STILL)
            serious = self.page.evaluate(COMPLAINTS, RULES)
            self.found += [f"{state}, {width} wide: {complaint}" for complaint in serious]
        self.page.set_viewport_size({"width": WIDTHS[0], "height": 900})
        self.states.append(state)


@pytest.fixture(params=["light", "dark"])
def audit(page: Page, request) -> Audit:
    page.emulate_media(color_scheme=request.param, reduced_motion="reduce")
    page.add_init_script(AXE.read_text())
    return Audit(page)


@pytest.fixture
def project(make_project):
    categories = [("cup", "#0072b2"), ("person", "#d55e00"), *((f"kind {k}", "#009e73") for k in range(12))]
    return make_project("coffee.png", "astronaut.png", categories=categories)


def fill(api, image: dict, category: int) -> None:
    """Saves squares all over the image, `OBJECTS` of them."""
    manager = api("manager")
    for k in range(OBJECTS):
        mask = np.zeros((image["height"], image["width"]), dtype=bool)
        top, left = 30 * (k // 20), 25 * (k % 20)
        mask[top : top + 20, left : left + 20] = True
        body = {"id": str(uuid.uuid4()), "category": category, "segmentation": rle.encode(mask)}
        answer = manager.post(f"/api/images/{image['id']}/annotations/", data=body)
        assert answer.status == 201, answer.text()


def test_axe_finds_nothing_serious_while_masks_are_made(bench: Bench, audit: Audit, project, api):
    first, second = project.images
    page = bench.page
    bench.open(first)
    audit.look("no object yet")
    bench.click(ON_THE_CUP)
    expect(page.locator("[data-prompt-bar]")).to_be_visible()
    audit.look("an open mask")
    bench.save()
    audit.look("one object")
    bench.objects.locator("button").first.click()
    audit.look("an object is selected")
    bench.press("e")
    expect(page.locator("[data-prompt-bar]")).to_contain_text("Update")
    audit.look("editing")
    bench.press("Escape", "b")
    audit.look("brush")
    bench.press("c", "Escape")
    bench.objects.locator("button").first.click()
    bench.press("Delete")
    expect(bench.objects).to_have_count(0)
    bench.wait_until_saved()
    audit.look("just deleted")
    bench.press("Shift+Delete")
    expect(page.locator("[data-trash-list] li")).to_have_count(1)
    audit.look("deleted masks of this image")
    bench.press("Escape")
    fill(api, second, project.categories[0]["id"])
    bench.open(second)
    expect(bench.objects).to_have_count(OBJECTS)
    audit.look(f"{OBJECTS} objects")
    bench.press("Control+a")
    expect(page.locator("[data-selected-text]")).to_be_visible()
    audit.look("all objects selected")
    assert audit.found == []


def test_axe_finds_nothing_serious_in_any_dialog_of_the_workbench(bench: Bench, audit: Audit, project):
    page = bench.page
    bench.open(project.images[0])

    def modal(name: str) -> Callable[[], None]:
        return lambda: expect(page.get_by_role("dialog", name=name)).to_be_visible()

    for keys, shows in (
        ("?", modal("Keys and settings")),
        ("Control+k", modal("Find a command")),
        ("Control+g", modal("Go to an image")),
        ("Shift+N", modal("Skip")),
        ("Shift+Q", modal("Flag")),
    ):
        bench.press(keys)
        shows()
        audit.look(keys)
        bench.press("Escape")
        expect(page.locator("dialog[open]")).to_have_count(0)
    bench.press("Shift+V")
    expect(page.locator("[data-sight]")).to_be_visible()
    audit.look("sight panel")
    bench.press("Shift+V")
    page.locator("[data-position]").click()
    expect(page.locator("[data-progress]")).to_be_visible()
    audit.look("progress")
    bench.press("Escape", "/")
    page.keyboard.type("cu")
    expect(page.locator("[data-categories] li:visible")).to_have_count(1)
    audit.look("a category is looked for")
    page.keyboard.type("nothing")
    expect(page.get_by_text("No category has this in its name.")).to_be_visible()
    audit.look("no category is found")
    assert audit.found == []


def test_axe_finds_nothing_serious_where_something_went_wrong(bench: Bench, audit: Audit, project, api):
    image = project.images[0]
    page = bench.page
    bench.open(image).click(ON_THE_CUP)
    bench.save()
    (row,) = saved(api, image)
    changed = api("manager").patch(f"/api/annotations/{row['id']}/", data={"version": 1, "clicks": 77})
    assert changed.ok, changed.text()
    bench.objects.locator("button").first.click()
    bench.press("2")
    expect(page.locator("[data-notice^=conflict]")).to_be_visible()
    audit.look("a conflict")
    page.get_by_role("button", name="Take theirs").click()
    bench.wait_until_saved()
    page.context.set_offline(True)
    bench.objects.locator("button").first.click()
    bench.press("2")
    expect(page.locator("[data-save-state]")).to_contain_text("offline")
    audit.look("offline")
    page.context.set_offline(False)
    bench.wait_until_saved()
    page.context.clear_cookies(name="sessionid")
    bench.press("1")
    expect(page.get_by_role("dialog", name="Sign in again")).to_be_visible()
    audit.look("signed out")
    assert audit.found == []
