"""Keys of one's own, settings, and commands by their names."""

from __future__ import annotations

import pytest
from playwright.sync_api import expect

from tests.e2e.workbench_driver import ON_THE_CUP, Bench, saved

USUAL = {
    "accept_on_leave": True,
    "far_click_accepts": False,
    "quick_mode": False,
    "refine_automatically": False,
    "keys": {},
    "category_keys": {},
    "last_categories": {},
}


@pytest.fixture
def image(make_project, api):
    yield make_project("coffee.png").images[0]
    api("annotator").put("/api/me/preferences/", data=USUAL)


def change_key(bench: Bench, action: str, key: str):
    dialog = bench.page.get_by_role("dialog", name="Keys and settings")
    dialog.locator(f"[data-change-keys={action}]").click()
    bench.press(key)
    return dialog


def test_a_key_is_changed_takes_over_from_another_and_is_there_at_another_machine(
    bench: Bench, browser, site, image, api
):
    bench.open(image)
    bench.press("?")
    dialog = change_key(bench, "accept", ";")
    expect(dialog.locator("[data-change-keys=accept]")).to_have_text(";")
    dialog = change_key(bench, "edit", "t")
    expect(dialog).to_contain_text(
        "T was the key of “Preview under the pointer, on or off”. It has no key now."
    )
    expect(dialog.locator("[data-change-keys=preview]")).to_have_text("none")
    change_key(bench, "edit", "3")
    expect(dialog).to_contain_text("Digits pick categories")
    bench.press("Escape")
    bench.click(ON_THE_CUP)
    bench.press("Enter")
    expect(bench.objects).to_have_count(0)
    bench.press(";")
    expect(bench.objects).to_have_count(1)
    expect(bench.page.locator("[data-no-objects] kbd")).to_have_text(";")

    other = browser.new_context(base_url=site.url, storage_state=bench.page.context.storage_state())
    page = other.new_page()
    page.add_init_script("localStorage.clear()")
    page.goto(f"/images/{image['id']}/annotate/")
    Bench(page).wait_until_ready()
    page.keyboard.press("?")
    keys = {"accept": ";", "edit": "T", "preview": "none"}
    for action, shown in keys.items():
        expect(page.locator(f"[data-change-keys={action}]")).to_have_text(shown)
    page.get_by_role("button", name="Usual keys").click()
    expect(page.locator("[data-change-keys=accept]")).to_have_text("EnterSpace")
    other.close()


def test_quick_mode_saves_each_click_and_offers_a_way_back_beside_it(bench: Bench, image, api):
    bench.open(image)
    bench.press("?")
    bench.page.get_by_label("Quick mode: one click or box is one saved mask").check()
    bench.press("Escape")
    bench.click(ON_THE_CUP)
    expect(bench.objects).to_have_count(1)
    undo = bench.page.locator(".bench-quick-undo")
    expect(undo).to_contain_text("cup 1")
    undo.get_by_role("button", name="Undo").click()
    expect(bench.objects).to_have_count(0)
    bench.wait_until_saved()
    assert saved(api, image) == []


def test_a_mask_stays_a_draft_where_leaving_shall_not_accept_it(bench: Bench, image, api):
    bench.open(image)
    bench.press("?")
    bench.page.get_by_label("Leaving an image accepts").uncheck()
    bench.press("Escape")
    bench.drag((150, 20), (430, 290))
    bench.page.reload()
    bench.wait_until_ready()
    assert saved(api, image) == []
    expect(bench.page.locator("[data-save-state]")).to_have_text("1 mask not accepted")


def test_a_command_is_found_by_its_name_and_performed(bench: Bench, image):
    bench.open(image)
    bench.press("Control+k")
    palette = bench.page.get_by_role("dialog", name="Find a command")
    bench.page.keyboard.type("poly")
    expect(palette.get_by_role("option")).to_have_count(1)
    bench.press("Enter")
    expect(palette).to_be_hidden()
    expect(bench.page.locator("[data-action=tool-lasso]")).to_have_attribute("aria-pressed", "true")


def test_a_category_beyond_the_digits_gets_a_key_of_ones_own(bench: Bench, make_project, api):
    categories = [(f"thing {k}", "#0072b2") for k in range(1, 15)]
    [image] = make_project("coffee.png", categories=categories).images
    bench.open(image)
    expect(bench.page.locator("[data-category-count]")).to_have_text("14")
    bench.page.locator(".bench-category", has_text="thing 14").click()
    bench.press("Alt+k", "e")
    toasts = bench.page.locator(".toasts")
    expect(toasts).to_contain_text("E is the key of “Edit the selected mask”. Choose another key.")
    bench.press("Alt+k", "Alt+q")
    expect(toasts).to_contain_text("Alt Q picks thing 14 from now on.")
    expect(bench.page.locator(".bench-category", has_text="thing 14").locator("kbd")).to_have_text("Alt Q")
    bench.press("1")
    bench.page.wait_for_timeout(300)  # the settings are on their way
    bench.page.reload()
    bench.wait_until_ready()
    bench.click(ON_THE_CUP)
    bench.press("Alt+q")
    bench.save()
    assert saved(api, image)[0]["category"] == image_categories(api, image)[-1]
    api("annotator").put("/api/me/preferences/", data=USUAL)


def image_categories(api, image: dict) -> list[int]:
    answer = api("manager").get(f"/api/projects/{image['project']}/categories/")
    return [row["id"] for row in answer.json()["results"]]
