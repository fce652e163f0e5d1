"""Nothing that a person made is ever lost: crash, no server, no sign-in, closed laptop, several tabs, full disk."""

from __future__ import annotations

import os
import signal
import uuid
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from playwright.sync_api import BrowserContext, Dialog, Error, Playwright, Route, expect

from scripts.environment import require_chromium
from segmentation import rle
from tests.e2e.conftest import CHROMIUM_ARGS, PASSWORD, Site, sign_in_as
from tests.e2e.workbench_driver import ON_THE_CUP, ON_THE_SAUCER, ON_THE_TABLE, Bench, saved

SAVE_STATE = "[data-save-state]"
TRIES_OF_AN_HOUR = 120  # the page waits for half a minute at most
HAS_ENTRIES = """kind => new Promise((resolve, reject) => {
    const opening = indexedDB.open("maskwright");
    opening.onerror = () => reject(opening.error);
    opening.onsuccess = () => {
        const keys = opening.result.transaction("journal").objectStore("journal").getAllKeys();
        keys.onsuccess = () => {
            opening.result.close();
            resolve(keys.result.some((key) => key.includes(kind)));
        };
    };
})"""
TRY_NOW = "dispatchEvent(new Event('online'))"


def expect_kept(bench: Bench, count: int) -> None:
    """The badge says that this many are on this computer, which it does only when they are on its disk."""
    words = f"{count} saved on this computer"
    expect(bench.page.locator(SAVE_STATE)).to_contain_text(words, timeout=20_000)


def accept(bench: Bench, place: tuple[float, float]) -> None:
    count = bench.objects.count()
    bench.click(place)
    bench.press("Enter")
    expect(bench.objects).to_have_count(count + 1)


def stripes(height: int, width: int) -> dict:
    """Every other row of the whole image: an RLE of about one character a pixel."""
    mask = np.zeros((height, width), bool)
    mask[::2] = True
    return rle.encode(mask)


# --- the browser ends ---


@pytest.fixture
def start_chromium(playwright_driver: Playwright, site: Site, tmp_path: Path) -> Iterator:
    """Starts Chromium on a profile that lies on the disk, the same at every start."""
    profile = tmp_path / "profile"

    def do() -> BrowserContext:
        return playwright_driver.chromium.launch_persistent_context(
            str(profile),
            executable_path=require_chromium(),
            args=CHROMIUM_ARGS,
            base_url=site.url,
            viewport={"width": 1440, "height": 900},
        )

    yield do
    kill_processes_of(profile)


def kill_processes_of(profile: Path) -> None:
    """kill -9 for the browser of this profile and all its processes."""
    for folder in Path("/proc").iterdir():
        try:
            is_its = folder.name.isdigit() and str(profile).encode() in (folder / "cmdline").read_bytes()
            if is_its and int(folder.name) != os.getpid():
                os.kill(int(folder.name), signal.SIGKILL)
        except (FileNotFoundError, ProcessLookupError, PermissionError):
            continue


def test_a_browser_killed_after_a_mask_was_accepted_loses_neither_mask_nor_draft(
    start_chromium, tmp_path: Path, make_project, api
):
    image = make_project("coffee.png").images[0]
    context = start_chromium()
    bench = Bench(context.pages[0])
    sign_in_as(bench.page, "annotator")
    bench.open(image)
    context.set_offline(True)
    accept(bench, ON_THE_CUP)
    expect_kept(bench, 1)
    bench.click(ON_THE_TABLE)
    kill_processes_of(tmp_path / "profile")
    with pytest.raises(Error):
        bench.page.evaluate("1")
    assert saved(api, image) == []

    again = Bench(start_chromium().pages[0])
    sign_in_as(again.page, "annotator")
    again.open(image)
    expect(again.objects).to_have_count(1)
    expect(again.candidates).to_have_count(3)
    expect(again.page.locator(SAVE_STATE)).to_have_text("1 mask not accepted")
    assert len(saved(api, image)) == 1


# --- the server is away ---


def test_an_hour_without_a_server_is_sent_when_it_is_back_and_nothing_twice(bench, make_project, api, site):
    first, second = make_project("coffee.png", "astronaut.png").images
    bench.open(first)
    accept(bench, ON_THE_SAUCER)
    bench.wait_until_saved()
    site.kill("web")
    try:
        accept(bench, ON_THE_CUP)
        expect_kept(bench, 1)
        accept(bench, ON_THE_TABLE)
        expect_kept(bench, 2)
        bench.objects.last.locator("button").first.click()  # the oldest one
        bench.press("2")
        expect_kept(bench, 3)
        bench.press("Control+z", "Control+Shift+Z")
        for _ in range(TRIES_OF_AN_HOUR):
            with bench.page.expect_event("requestfailed"):
                bench.page.evaluate(TRY_NOW)
        expect_kept(bench, 3)
    finally:
        site.start_web()
    bench.page.evaluate(TRY_NOW)
    bench.wait_until_saved()
    rows = saved(api, first)
    assert sorted(row["version"] for row in rows) == [1, 1, 2], "one save for each, and one for the change"
    assert saved(api, second) == []


def test_a_sign_in_that_ends_in_mid_work_loses_nothing_even_with_a_reload(
    bench: Bench, context: BrowserContext, make_project, api
):
    image = make_project("coffee.png").images[0]
    bench.open(image)
    accept(bench, ON_THE_SAUCER)
    bench.wait_until_saved()
    context.clear_cookies(name="sessionid")
    accept(bench, ON_THE_CUP)
    expect(bench.page.locator(SAVE_STATE)).to_have_text("1 saved on this computer, you are signed out")
    bench.page.on("dialog", lambda dialog: dialog.accept())
    bench.page.reload()
    assert len(saved(api, image)) == 1
    bench.page.fill("input[name=username]", "annotator")
    bench.page.fill("input[name=password]", PASSWORD)
    bench.page.click("button[type=submit]")
    bench.page.wait_for_url("**/annotate/**")
    expect(bench.objects).to_have_count(2)
    bench.wait_until_saved()
    assert len(saved(api, image)) == 2


def test_what_is_said_of_an_image_is_kept_too(bench: Bench, context: BrowserContext, make_project, api):
    image = make_project("coffee.png").images[0]
    asked: list[str] = []

    def go(dialog: Dialog) -> None:
        asked.append(dialog.type)
        dialog.accept()

    def state() -> str:
        return api("annotator").get(f"/api/images/{image['id']}/").json()["state"]

    bench.page.on("dialog", go)
    bench.open(image)
    bench.page.route("**/api/images/*/", lambda route: route.abort())
    bench.press("d")
    expect(bench.page.locator("[data-image-state=done]")).to_be_visible()
    expect_kept(bench, 1)
    bench.page.reload()
    assert asked == ["beforeunload"]
    expect(bench.page.locator("[data-image-state=done]")).to_be_visible()
    expect_kept(bench, 1)
    assert state() != "done"
    context.clear_cookies(name="sessionid")
    bench.page.unroute_all()
    bench.page.evaluate(TRY_NOW)
    expect(bench.page.locator(SAVE_STATE)).to_have_text("1 saved on this computer, you are signed out")
    dialog = bench.page.locator("[data-sign-in]")
    dialog.locator("input[type=password]").fill(PASSWORD)
    dialog.get_by_role("button", name="Sign in").click()
    bench.wait_until_saved()
    assert state() == "done"


def test_a_closed_laptop_goes_on_where_it_was(bench: Bench, context: BrowserContext, make_project, api):
    image = make_project("coffee.png").images[0]
    bench.open(image)
    context.set_offline(True)
    accept(bench, ON_THE_CUP)
    expect_kept(bench, 1)
    lifecycle = context.new_cdp_session(bench.page)
    lifecycle.send("Page.setWebLifecycleState", {"state": "frozen"})
    context.set_offline(False)
    lifecycle.send("Page.setWebLifecycleState", {"state": "active"})
    bench.wait_until_saved()
    assert len(saved(api, image)) == 1


def test_leaving_asks_only_where_something_would_wait_on_this_computer(
    bench: Bench, context: BrowserContext, make_project, api
):
    image = make_project("coffee.png").images[0]
    asked: list[str] = []

    def go(dialog: Dialog) -> None:
        asked.append(dialog.type)
        dialog.accept()

    bench.page.on("dialog", go)
    held: list[Route] = []
    bench.open(image)
    bench.page.route("**/annotations/", lambda route: held.append(route))
    accept(bench, ON_THE_CUP)
    expect(bench.page.locator(SAVE_STATE)).to_have_text("Saving 1…")
    bench.page.wait_for_function(HAS_ENTRIES, arg="unsaved")
    bench.page.reload()  # the browser goes on sending it, and it lies in the journal
    assert asked == []
    bench.page.unroute_all(behavior="ignoreErrors")
    expect(bench.objects).to_have_count(1)
    bench.wait_until_saved()
    bench.wait_until_ready()
    context.set_offline(True)
    accept(bench, ON_THE_TABLE)
    expect_kept(bench, 1)
    bench.page.route("**/annotations/", lambda route: route.abort())
    with bench.page.expect_event("requestfailed"):  # it tries at once, and waits for the next try then
        context.set_offline(False)
    expect_kept(bench, 1)
    bench.page.reload()
    assert asked == ["beforeunload"]
    bench.page.unroute_all()
    bench.wait_until_saved()
    assert len(saved(api, image)) == 2


# --- undo outlives the page ---


def test_undo_and_redo_go_on_after_a_reload_over_deletions_strokes_and_points(bench, make_project, api):
    first, second = make_project("coffee.png", "astronaut.png").images
    bench.open(first)
    accept(bench, ON_THE_CUP)
    accept(bench, ON_THE_TABLE)
    bench.objects.first.locator("button").first.click()
    bench.press("Delete")
    expect(bench.objects).to_have_count(1)
    bench.press("b")
    x, y = bench.on_page(500, 60)
    bench.page.mouse.move(x, y)
    bench.page.mouse.down()
    bench.page.mouse.move(x + 40, y, steps=4)
    bench.page.mouse.up()
    bench.wait_until_drawn_on((505, 60))
    bench.wait_until_saved()
    bench.page.reload()
    bench.wait_until_ready()
    bench.wait_until_drawn_on((505, 60))  # the draft is there, and is no step of its own
    undo = bench.page.get_by_role("button", name="Undo", exact=True)
    bench.press("Control+z")
    expect(bench.page.locator(SAVE_STATE)).to_have_text("All changes saved")  # the stroke is gone
    bench.press("Control+z")
    expect(bench.objects).to_have_count(2)  # the deletion
    bench.wait_until_saved()
    expect(bench.page.locator("[data-notice]")).to_have_count(0)
    assert len(saved(api, first)) == 2
    bench.press("Control+z")
    expect(bench.objects).to_have_count(1)  # the second mask is a prompt again
    expect(bench.candidates).to_have_count(3)
    bench.press("Control+z")
    expect(bench.candidates).to_have_count(0)  # its point
    bench.press("n")
    expect(bench.page.locator("[data-image-name]")).to_have_text("astronaut.png")
    expect(undo).to_be_disabled()
    bench.press("p")
    expect(bench.page.locator("[data-image-name]")).to_have_text("coffee.png")
    expect(undo).to_be_enabled()
    bench.press("Control+Shift+Z", "Control+Shift+Z", "Control+Shift+Z", "Control+Shift+Z")
    bench.wait_until_drawn_on((505, 60))
    expect(bench.objects).to_have_count(1)
    bench.press("Control+z")
    bench.wait_until_saved()
    assert len(saved(api, first)) == 1
    # Somebody else brings the mask back: the steps no longer fit what is there.
    (gone,) = api("manager").get(f"/api/images/{first['id']}/annotations/?deleted=true").json()["results"]
    assert api("manager").post(f"/api/annotations/{gone['id']}/restore/").ok
    bench.page.reload()
    expect(bench.objects).to_have_count(2)
    bench.wait_until_ready()
    expect(undo).to_be_disabled()


# --- several tabs ---


def test_two_tabs_of_one_image_send_each_its_own_and_a_closed_one_leaves_its_work_to_the_other(
    bench: Bench, context: BrowserContext, make_project, api
):
    image = make_project("coffee.png").images[0]
    posts: list[str] = []
    context.on("request", lambda request: request.method == "POST" and posts.append(request.url))
    other = Bench(context.new_page()).open(image)
    bench.page.bring_to_front()
    bench.open(image)
    context.set_offline(True)
    accept(bench, ON_THE_CUP)
    accept(bench, ON_THE_SAUCER)
    expect_kept(bench, 2)
    other.page.bring_to_front()
    accept(other, ON_THE_TABLE)
    expect_kept(other, 1)
    posts.clear()
    bench.page.close()
    expect_kept(other, 3)
    expect(other.objects).to_have_count(3)
    context.set_offline(False)
    other.wait_until_saved()
    assert len(saved(api, image)) == 3


def test_a_conflict_between_two_people_names_the_other_and_loses_neither_mask(
    bench: Bench, context: BrowserContext, browser, make_project, api, site
):
    project = make_project("coffee.png")
    image = project.images[0]
    bench.open(image)
    accept(bench, ON_THE_CUP)
    bench.wait_until_saved()
    context.set_offline(True)
    bench.objects.locator("button").first.click()
    bench.press("2")
    expect_kept(bench, 1)
    theirs = browser.new_context(base_url=site.url, viewport={"width": 1440, "height": 900})
    manager = Bench(theirs.new_page())
    sign_in_as(manager.page, "manager")
    manager.open(image)
    manager.objects.locator("button").first.click()
    manager.press("Delete")
    manager.wait_until_saved()
    theirs.close()
    context.set_offline(False)
    notice = bench.page.locator("[data-notice^=conflict]")
    expect(notice).to_contain_text("manager deleted person 1 on coffee.png")
    expect(bench.page.locator(SAVE_STATE)).to_have_text("1 unsaved")
    bench.page.reload()  # the question is still there
    expect(notice).to_contain_text("manager deleted")
    bench.page.get_by_role("button", name="Keep mine").click()
    bench.wait_until_saved()
    assert [row["category"] for row in saved(api, image)] == [project.categories[1]["id"]]


# --- how much can be kept ---


def test_masks_of_more_than_five_megabytes_are_kept_and_sent_after_a_crash(
    bench: Bench, context: BrowserContext, make_project, api
):
    project = make_project("retina.jpg")
    image = project.images[0]
    mask = stripes(image["height"], image["width"])
    assert 3 * len(mask["counts"]) > 5 * 2**20
    for _ in range(3):
        row = {"id": str(uuid.uuid4()), "category": project.categories[0]["id"], "segmentation": mask}
        answer = api("manager").post(f"/api/images/{image['id']}/annotations/", data=row)
        assert answer.status == 201, answer.text()
    bench.open(image)
    expect(bench.objects).to_have_count(3)
    context.set_offline(True)
    bench.objects.locator("button").first.click()
    bench.press("Control+a", "2")
    expect_kept(bench, 3)
    with bench.page.expect_event("crash"), pytest.raises(Error):
        bench.page.goto("chrome://crash")
    bench.page.close()
    context.set_offline(False)
    again = Bench(context.new_page()).open(image)
    again.wait_until_saved()
    assert {row["category"] for row in saved(api, image)} == {project.categories[1]["id"]}


def test_a_full_disk_is_said_and_keeps_nobody_from_working(
    bench: Bench, context: BrowserContext, make_project, api, site
):
    image = make_project("coffee.png").images[0]
    bench.open(image)
    disk = context.new_cdp_session(bench.page)
    disk.send("Storage.overrideQuotaForOrigin", {"origin": site.url, "quotaSize": 1})
    context.set_offline(True)
    accept(bench, ON_THE_CUP)
    expect(bench.page.locator(SAVE_STATE)).to_contain_text("1 unsaved and not kept on this computer, offline")
    expect(bench.page.locator("[data-notice=keeping]")).to_contain_text(
        "Nothing can be kept on this computer"
    )
    disk.send("Storage.overrideQuotaForOrigin", {"origin": site.url})
    expect_kept(bench, 1)
    expect(bench.page.locator("[data-notice=keeping]")).to_have_count(0)
    context.set_offline(False)
    bench.wait_until_saved()
    assert len(saved(api, image)) == 1


def test_the_journal_of_the_version_before_is_taken_over(bench: Bench, make_project, api):
    project = make_project("coffee.png")
    image = project.images[0]
    bench.page.evaluate(
        """([imageId, categoryId, id]) => {
            const segmentation = {size: [400, 600], counts: "Tdc0:V<00000000000000000ljb6"};
            const desired = {id, imageId, categoryId, segmentation, area: 1, bbox: [0, 0, 1, 1], prompt: null,
                predictedIou: null, stabilityScore: null, bundleDigest: "", author: "annotator", timeSpentS: 1,
                clicks: 1, createdAt: "2026-01-01T00:00:00Z"};
            const record = {id, imageId, desired, known: null, isSent: false};
            localStorage.setItem("maskwright.unsaved.annotator." + id, JSON.stringify(record));
        }""",
        [image["id"], project.categories[0]["id"], str(uuid.uuid4())],
    )
    bench.open(image)
    expect(bench.objects).to_have_count(1)
    bench.wait_until_saved()
    assert len(saved(api, image)) == 1
    assert bench.page.evaluate("Object.keys(localStorage).filter(key => key.includes('unsaved'))") == []


# --- the other pages say what waits on this computer ---


def test_the_gallery_says_what_is_not_saved_and_what_was_begun_and_leads_to_it(bench, make_project, api):
    project = make_project("coffee.png", "astronaut.png")
    first, second = project.images
    context = bench.page.context
    bench.open(second)
    bench.page.route("**/annotations/", lambda route: route.abort())
    accept(bench, ON_THE_CUP)
    expect_kept(bench, 1)
    bench.click(ON_THE_TABLE)
    bench.page.wait_for_function(HAS_ENTRIES, arg="draft")
    page = context.new_page()
    page.goto(f"/projects/{project.id}/")
    tile = page.locator(f"[data-image-id='{second['id']}']")
    expect(tile).to_contain_text("1 not saved", timeout=10_000)
    expect(tile).to_contain_text("Mask begun")
    expect(page.locator(f"[data-image-id='{first['id']}'] [data-waiting-mark]")).to_have_count(0)
    bench.page.close()
    page.get_by_role("link", name="Open the workbench to save").click()
    again = Bench(page)
    again.wait_until_ready()
    expect(page.locator(SAVE_STATE)).to_have_text("1 mask not accepted", timeout=20_000)
    assert len(saved(api, second)) == 1
    page.goto(f"/projects/{project.id}/labels/")
    page.wait_for_timeout(3500)
    expect(page.locator("[data-waiting-work]")).to_be_hidden()
