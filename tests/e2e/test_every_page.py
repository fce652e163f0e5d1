"""Every page, error pages too, in light and dark: axe finds nothing to complain about, and a phone shows all of it."""

from __future__ import annotations

import time
import uuid
from pathlib import Path

import pytest
import skimage
from playwright.sync_api import Browser, Page, expect

from tests.e2e.conftest import PASSWORD, sign_in_as
from tests.e2e.test_imports import WORKER_MS, a_dataset

ROOT = Path(__file__).resolve().parents[2]
AXE = ROOT / "node_modules" / "axe-core" / "axe.min.js"
RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
TABS = ("images", "dashboard", "labels", "people", "imports", "exports", "versions", "settings")
PHONE = {"width": 390, "height": 844}
PHOTO = Path(skimage.__file__).parent / "data" / "coffee.png"


@pytest.fixture(scope="module")
def axe_source() -> str:
    if not AXE.is_file():
        pytest.fail(f"{AXE} is missing; `make setup` (or npm ci) installs it")
    return AXE.read_text()


@pytest.fixture
def project(api) -> dict:
    """A manager's project with a category, a photograph, a dataset to import, and the annotator as a viewer."""
    manager = api("manager")
    project = manager.post("/api/projects/", data={"name": f"Pages {uuid.uuid4().hex[:6]}"}).json()
    url = f"/api/projects/{project['id']}"
    manager.post(f"{url}/categories/", data={"name": "cup"})
    manager.post(f"{url}/members/", data={"username": "annotator", "role": "viewer"})
    file = {"name": "coffee.png", "mimeType": "image/png", "buffer": PHOTO.read_bytes()}
    image = manager.post(f"{url}/images/", multipart={"files": file}).json()["results"][0]
    dataset = {"name": "a.zip", "mimeType": "application/zip", "buffer": a_dataset()}
    brought = manager.post(f"{url}/imports/", multipart={"file": dataset}).json()
    deadline = time.monotonic() + WORKER_MS / 1000
    while manager.get(f"/api/imports/{brought['id']}/").json()["phase"] != "examined":
        assert time.monotonic() < deadline, "the worker has not examined the dataset"
        time.sleep(0.2)
    return project | {"image": image["id"]}


def complaints(page: Page, axe_source: str) -> list[str]:
    page.evaluate(f"{axe_source};0")
    found = page.evaluate("rules => axe.run(document, {runOnly: rules})", RULES)
    return [
        f"{page.url}: {violation['id']}, {violation['help']}: {[node['html'][:120] for node in violation['nodes']]}"
        for violation in found["violations"]
    ]


def overflow(page: Page) -> list[str]:
    """What makes the page wider than the screen."""
    return page.evaluate(
        """() => document.documentElement.scrollWidth <= innerWidth && document.body.scrollWidth <= innerWidth ? []
            : [...document.querySelectorAll("body *")]
                .filter(node => node.getBoundingClientRect().right > innerWidth + 1)
                .map(node => `${location.pathname}: ${node.tagName} ${node.className}`)"""
    )


def pages_of(project: dict) -> list[str]:
    tabs = [f"/projects/{project['id']}/{tab}/" for tab in TABS]
    return ["/", "/models/", *tabs, f"/images/{project['image']}/annotate/"]


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_nothing_on_any_page(page: Page, sign_in, project, axe_source, scheme):
    page.emulate_media(color_scheme=scheme, reduced_motion="reduce")
    page.goto("/login/")
    found = complaints(page, axe_source)
    sign_in("manager")
    for address in pages_of(project):
        page.goto(address)
        found += complaints(page, axe_source)
    page.keyboard.press("?")
    expect(page.get_by_role("dialog")).to_be_visible()
    found += complaints(page, axe_source)
    for address, name in (("/", "New project"), (f"/projects/{project['id']}/exports/", "New export")):
        page.goto(address)
        page.get_by_role("button", name=name).first.click()
        expect(page.get_by_role("dialog")).to_be_visible()
        found += complaints(page, axe_source)
    assert found == []


def test_a_finger_finds_the_whole_bar_of_the_workbench_on_a_phone(browser: Browser, site, project):
    context = browser.new_context(base_url=site.url, viewport=PHONE, has_touch=True)
    page = context.new_page()
    sign_in_as(page, "manager")
    page.goto(f"/images/{project['image']}/annotate/")
    box = page.locator("[data-action=done]").bounding_box()
    context.close()
    assert box["x"] + box["width"] <= PHONE["width"]


def test_a_phone_shows_every_page_without_scrolling_sideways(page: Page, sign_in, project):
    page.set_viewport_size(PHONE)
    sign_in("manager")
    found = []
    for address in pages_of(project):
        page.goto(address)
        found += overflow(page)
    assert found == []
    # The workbench's last page: everything a mask needs is on the screen.
    for selector in ("[data-stage]", "[data-save-state]", "[data-categories] button", "[data-action=done]"):
        box = page.locator(selector).first.bounding_box()
        assert box["x"] >= 0 and box["x"] + box["width"] <= PHONE["width"], selector
        assert box["y"] + box["height"] <= PHONE["height"], selector
    assert page.locator("[data-stage]").bounding_box()["height"] > PHONE["height"] / 2


def test_error_pages_say_what_to_do(page: Page, sign_in, project, axe_source):
    def check(title: str) -> None:
        expect(page.get_by_role("heading", level=1)).to_have_text(title)
        expect(page.get_by_role("link", name="Back to the projects")).to_be_visible()
        assert complaints(page, axe_source) == []

    assert page.goto("/no/such/page/").status == 404
    check("There is nothing here")
    sign_in("annotator")
    assert page.goto(f"/projects/{project['id']}/settings/").status == 403
    expect(page.locator("main")).to_contain_text("Only this project's managers")
    check("You may not do that")
    page.get_by_role("link", name="Back to the projects").click()
    expect(page.get_by_role("heading", name="Projects")).to_be_visible()

    page.context.clear_cookies()
    page.goto("/login/")
    page.context.clear_cookies()  # as when the form lay open for weeks
    page.fill("input[name=username]", "annotator")
    page.fill("input[name=password]", PASSWORD)
    page.keyboard.press("Enter")
    check("This form is too old")
    # A broken server cannot be had on demand; its page stands alone, so the file is what would be sent.
    page.goto((ROOT / "templates" / "500.html").as_uri())
    check("Something broke on our side")
