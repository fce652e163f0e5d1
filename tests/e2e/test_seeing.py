"""What people see at the workbench, and how they make it clearer: colours, outlines, the bare picture, brightness."""

from __future__ import annotations

import pytest
from playwright.sync_api import expect

from tests.e2e.workbench_driver import ON_THE_CUP, ON_THE_SAUCER, Bench, saved

PIXEL = """([sheet, x, y]) => {
    const stage = document.querySelector("[data-stage]");
    const {scale, offsetX, offsetY} = JSON.parse(stage.dataset.viewFrame);
    const at = [offsetX + (x + 0.5) * scale, offsetY + (y + 0.5) * scale];
    const context = stage.querySelector(`[data-sheet=${sheet}]`).getContext("2d");
    return [...context.getImageData(...at.map((place) => Math.round(place * devicePixelRatio)), 1, 1).data];
}"""


def mask_pixel(bench: Bench, place: tuple[float, float]) -> list[int]:
    bench.page.evaluate("new Promise(requestAnimationFrame)")
    return bench.page.evaluate(PIXEL, ["masks", *place])


@pytest.fixture
def image(make_project) -> dict:
    return make_project("coffee.png", categories=[(f"kind {k}", "#0072b2") for k in range(14)]).images[0]


def test_two_objects_of_a_category_are_told_apart_by_a_key_and_after_a_reload(bench: Bench, image):
    bench.open(image).click(ON_THE_CUP)
    bench.save()
    bench.click((40, 340))
    bench.save()
    swatch = "node => node.style.getPropertyValue('--swatch')"
    colors = bench.objects.locator(".bench-picture-frame")
    assert colors.nth(0).evaluate(swatch) == colors.nth(1).evaluate(swatch)
    before = mask_pixel(bench, ON_THE_CUP)
    bench.press("k")
    assert mask_pixel(bench, ON_THE_CUP) != before
    assert colors.nth(0).evaluate(swatch) != colors.nth(1).evaluate(swatch)
    bench.page.reload()
    bench.wait_until_ready()
    assert colors.nth(0).evaluate(swatch) != colors.nth(1).evaluate(swatch)


def test_outlines_only_leave_the_inside_bare_and_a_held_key_the_whole_picture(bench: Bench, image):
    bench.open(image).click(ON_THE_CUP)
    bench.save()
    assert mask_pixel(bench, ON_THE_CUP)[3] > 0
    bench.press("o")
    assert mask_pixel(bench, ON_THE_CUP)[3] == 0
    sheet = bench.page.locator("[data-sheet=masks]")
    bench.page.keyboard.down("`")
    expect(sheet).to_have_css("visibility", "hidden")
    bench.page.keyboard.up("`")
    expect(sheet).to_have_css("visibility", "visible")


def test_the_picture_can_be_made_clearer_and_is_as_usual_again(bench: Bench, image):
    bench.open(image)
    bench.press("Shift+V")
    panel = bench.page.locator("[data-sight]")
    picture = bench.page.locator("[data-sheet=image]")
    plain = picture.screenshot()
    panel.get_by_label("Gamma").fill("2")
    panel.get_by_label("Channel").select_option("red")
    expect(picture).to_have_css("filter", 'url("#picture-filter")')
    assert picture.screenshot() != plain
    panel.get_by_role("button", name="As usual").click()
    expect(picture).to_have_css("filter", "none")


def test_a_row_under_the_pointer_makes_its_mask_stand_out_and_the_other_way_round(bench: Bench, image):
    bench.open(image).click(ON_THE_CUP)
    bench.save()
    bench.click(ON_THE_SAUCER)
    bench.save()
    count = """() => { const {width, height} = document.querySelector("[data-sheet=masks]");
        const {data} = document.querySelector("[data-sheet=masks]").getContext("2d").getImageData(0, 0, width, height);
        let strong = 0; for (let k = 3; k < data.length; k += 4) if (data[k] > 200) strong++; return strong; }"""
    before = bench.page.evaluate(count)
    bench.objects.first.hover()
    bench.page.evaluate("new Promise(requestAnimationFrame)")
    assert bench.page.evaluate(count) > before
    bench.press("v")
    bench.page.mouse.move(*bench.on_page(*ON_THE_CUP))
    expect(bench.page.locator("[data-annotation-id].is-hovered")).to_have_count(1)


def test_a_category_is_found_by_a_part_of_its_name_without_the_mouse(bench: Bench, api, image):
    bench.open(image).click(ON_THE_CUP)
    bench.press("/")
    bench.page.keyboard.type("IND 1")
    expect(bench.page.locator("[data-categories] li:visible")).to_have_count(5)
    bench.press("ArrowDown", "ArrowDown", "Enter")
    expect(bench.page.locator("[data-categories] [aria-pressed=true]")).to_have_text("kind 11")
    bench.save()
    bench.press("/")
    bench.page.keyboard.type("nothing")
    expect(bench.page.get_by_text("No category has this in its name.")).to_be_visible()
    bench.page.get_by_placeholder("Find a category").fill("")
    box = bench.page.locator("[data-categories] li", has_text="kind 11").bounding_box()
    assert box["y"] < bench.page.locator("[data-categories] li").first.bounding_box()["y"], (
        "used last, on top"
    )
    bench.press("Escape")
    expect(bench.page.locator("[data-categories] li:visible")).to_have_count(14)
    (annotation,) = saved(api, image)
    categories = api("manager").get(f"/api/projects/{image['project']}/categories/").json()["results"]
    assert {row["id"]: row["name"] for row in categories}[annotation["category"]] == "kind 11"


def test_the_category_used_last_is_there_after_a_reload(bench: Bench, image):
    bench.open(image)
    bench.press("3")
    bench.page.reload()
    bench.wait_until_ready()
    expect(bench.page.locator("[data-categories] [aria-pressed=true]")).to_contain_text("kind 2")
