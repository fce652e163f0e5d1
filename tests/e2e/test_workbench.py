"""The annotate workbench in real Chromium: prompts, candidates, saving, undo, offline, conflicts, crashes."""

from __future__ import annotations

import io
import json
import re

import numpy as np
import pytest
from PIL import Image
from playwright.sync_api import BrowserContext, Error, expect

from segmentation import rle
from segmentation.predictor import load_predictor
from tests.e2e.conftest import PASSWORD, sign_in_as
from tests.e2e.workbench_driver import (
    ON_THE_CUP,
    ON_THE_SAUCER,
    ON_THE_TABLE,
    PHOTOS,
    Bench,
    saved,
)


def sign_in_again(bench: Bench, password: str) -> None:
    dialog = bench.page.get_by_role("dialog", name="Sign in again")
    dialog.get_by_label("Password").fill(password)
    dialog.get_by_role("button", name="Sign in").click()


# --- before any script ---


def test_the_buttons_are_there_before_any_script_and_stay_where_they_are(
    bench: Bench, browser, site, make_project
):
    image = make_project("coffee.png", "astronaut.png").images[0]
    where = """all => all.filter(node => node.checkVisibility()).map(node => {
        const {x, y, width, height} = node.getBoundingClientRect();
        return [node.dataset.action, node.getAttribute("aria-label"), node.title, x, y, width, height,
            node.querySelector("use").getAttribute("href")];
    })"""
    bench.open(image)
    bench.press("Escape")
    with_script = bench.page.locator(":is(.bench-top, .bench-rail) [data-action]").evaluate_all(where)
    context = browser.new_context(
        base_url=site.url,
        viewport={"width": 1440, "height": 900},
        java_script_enabled=False,
        storage_state=bench.page.context.storage_state(),
    )
    page = context.new_page()
    page.goto(f"/images/{image['id']}/annotate/")
    without = page.locator(":is(.bench-top, .bench-rail) [data-action]").evaluate_all(where)
    context.close()
    assert len(with_script) > 10
    assert without == with_script


# --- prompts and candidates ---


def test_one_point_offers_three_candidates_and_tab_picks_the_next(bench: Bench, make_project, api):
    image = make_project("coffee.png").images[0]
    bench.open(image).click(ON_THE_CUP)
    expect(bench.candidates).to_have_count(3)
    expect(bench.candidates.nth(1)).to_have_accessible_name(
        re.compile(r"^Mask candidate 2: .*(good|fair|poor)$")
    )
    expect(bench.candidates.nth(1)).to_have_attribute("title", re.compile(r"predicted IoU [.1]"))
    pictures = bench.candidates.locator("canvas").evaluate_all("all => all.map(one => one.toDataURL())")
    assert len(set(pictures)) == 3
    expect(bench.candidates.nth(0)).to_have_attribute("aria-pressed", "true")
    bench.press("Tab")
    expect(bench.candidates.nth(1)).to_have_attribute("aria-pressed", "true")
    bench.press("Tab", "Tab")
    expect(bench.candidates.nth(0)).to_have_attribute("aria-pressed", "true")
    bench.press("Shift+Tab")
    expect(bench.candidates.nth(2)).to_have_attribute("aria-pressed", "true")
    shown = bench.candidates.nth(2).get_attribute("title")
    bench.save()
    (annotation,) = saved(api, image)
    assert f"predicted IoU {annotation['predicted_iou']:.2f}".replace("0.", ".") in shown
    assert annotation["prompt"]["mask_indices"][0] in (1, 2, 3)


def test_the_saved_mask_is_the_predictors_for_a_box_and_points(bench: Bench, make_project, api):
    image = make_project("coffee.png").images[0]
    bench.open(image).click(ON_THE_CUP)
    bench.drag((150, 20), (470, 260))
    bench.click(ON_THE_SAUCER, modifiers="Alt")
    bench.press("2")
    bench.save()
    (annotation,) = saved(api, image)
    prompt = annotation["prompt"]
    assert prompt["point_labels"] == [1, 0]
    assert prompt["point_coords"] == [list(ON_THE_CUP), list(ON_THE_SAUCER)]
    assert prompt["box"] is not None and prompt["box_step"] == 1
    assert prompt["mask_indices"][1:] == [0, 0]

    predictor = load_predictor("pocket")
    predictor.set_image(np.asarray(Image.open(PHOTOS / "coffee.png").convert("RGB")))
    steps = [(1, None), (1, prompt["box"]), (2, prompt["box"])]  # points so far, box
    low_res = None
    for (points, box), index in zip(steps, prompt["mask_indices"], strict=True):
        masks, _, logits = predictor.predict(
            np.array(prompt["point_coords"][:points], float),
            np.array(prompt["point_labels"][:points]),
            None if box is None else np.array(box, float),
            low_res,
            multimask_output=index > 0,
        )
        pick = max(index - 1, 0)
        low_res, mask = logits[pick : pick + 1], masks[pick]
    in_browser = rle.decode(annotation["segmentation"])
    union = (in_browser | mask).sum()
    assert (in_browser & mask).sum() / union >= 0.99
    assert annotation["area"] == in_browser.sum()


def test_backspace_takes_the_last_point_back_and_escape_all(bench: Bench, make_project):
    bench.open(make_project("coffee.png").images[0]).click(ON_THE_CUP)
    one_point = bench.painted()
    bench.click(ON_THE_SAUCER, button="right")
    bench.press("Backspace")
    expect(bench.candidates).to_have_count(3)  # one point again
    bench.page.wait_for_timeout(100)
    assert bench.painted() == one_point
    bench.press("Escape")
    expect(bench.candidates).to_have_count(0)
    bench.page.wait_for_timeout(100)
    assert bench.painted() == 0


def test_fingers_leave_out_with_the_button_in_the_rail(bench: Bench, make_project, api):
    image = make_project("coffee.png").images[0]
    bench.open(image).click(ON_THE_CUP)
    bench.page.get_by_role("button", name="Clicks exclude").click()
    bench.click(ON_THE_SAUCER)
    bench.page.get_by_role("button", name="Save as cup").click()
    expect(bench.objects).to_have_count(1)
    bench.wait_until_saved()
    assert saved(api, image)[0]["prompt"]["point_labels"] == [1, 0]


def test_done_is_taken_back_by_its_own_key(bench: Bench, make_project, api):
    image = make_project("coffee.png").images[0]
    bench.open(image)
    done = bench.page.locator("[data-action=done]")
    for key, label, state in (("d", "Done", "done"), ("Shift+D", "Mark done", "in_progress")):
        with bench.page.expect_response(
            lambda answer: answer.request.method == "PATCH" and answer.url.endswith(f"/images/{image['id']}/")
        ):
            bench.press(key)
        expect(done).to_have_text(label)
        assert api("manager").get(f"/api/images/{image['id']}/").json()["state"] == state


# --- saving ---


def test_undo_and_redo_go_through_points_saves_categories_and_deletes(bench: Bench, make_project, api):
    project = make_project("coffee.png")
    image = project.images[0]
    bench.open(image).click(ON_THE_CUP)
    bench.save()
    bench.objects.locator("button").first.click()  # select it
    bench.press("2")  # its category
    expect(bench.objects).to_contain_text("person")
    bench.press("Delete")
    expect(bench.objects).to_have_count(0)

    message = bench.page.locator(".toast", has_text="Deleted person 1")
    expect(message).to_be_visible()
    bench.press("Control+z")  # the delete
    expect(bench.objects).to_contain_text("person")
    expect(message).to_have_count(0)
    bench.press("Control+z")  # the category
    expect(bench.objects).to_contain_text("cup")
    bench.press("Control+z")  # the save: the prompt is on screen again
    expect(bench.objects).to_have_count(0)
    expect(bench.candidates).to_have_count(3)
    bench.press("Control+z")  # the point
    expect(bench.candidates).to_have_count(0)
    bench.wait_until_saved()
    assert saved(api, image) == []

    bench.press(*["Control+Shift+z"] * 3)
    expect(bench.objects).to_contain_text("person")
    bench.wait_until_saved()
    assert [row["category"] for row in saved(api, image)] == [project.categories[1]["id"]]
    bench.press("Control+y")
    expect(bench.objects).to_have_count(0)
    bench.wait_until_saved()
    assert saved(api, image) == []


def test_a_saved_mask_is_selected_by_ctrl_click_and_its_prompt_continued_by_e(
    bench: Bench, make_project, api
):
    image = make_project("coffee.png").images[0]
    bench.open(image).click(ON_THE_CUP)
    bench.save()
    (before,) = saved(api, image)
    bench.page.reload()
    bench.wait_until_ready()
    expect(bench.objects).to_have_count(1)
    bench.page.keyboard.down("Control")
    bench.page.mouse.click(*bench.on_page(*ON_THE_CUP))
    bench.page.keyboard.up("Control")
    expect(bench.objects.locator("button").first).to_have_attribute("aria-pressed", "true")
    expect(bench.candidates).to_have_count(0)
    bench.press("e")
    expect(bench.candidates).to_have_count(3)  # its one point, decoded again
    bench.click(ON_THE_SAUCER, button="right")
    bench.press("Enter")
    bench.wait_until_saved()
    (after,) = saved(api, image)
    assert after["id"] == before["id"] and after["version"] == before["version"] + 1
    assert after["prompt"]["point_labels"] == [1, 0]
    assert after["prompt"]["mask_indices"][0] == before["prompt"]["mask_indices"][0]
    assert after["clicks"] == before["clicks"] + 1


def test_a_mask_counts_as_unsaved_from_the_key_on(bench: Bench, make_project):
    bench.open(make_project("coffee.png").images[0]).click(ON_THE_CUP)
    state = bench.page.evaluate(
        "() => { dispatchEvent(new KeyboardEvent('keydown', {key: 'Enter'}));"
        " return document.querySelector('[data-save-state]').dataset.saveState; }"
    )
    assert state == "saving"
    expect(bench.objects).to_have_count(1)
    bench.wait_until_saved()


def test_masks_made_offline_are_sent_when_the_server_is_back(
    bench: Bench, context: BrowserContext, make_project, api
):
    image = make_project("coffee.png").images[0]
    bench.open(image).click(ON_THE_CUP)
    context.set_offline(True)
    bench.press("Enter")
    bench.expect_save_state("unsaved")
    expect(bench.page.locator("[data-save-state]")).to_contain_text("1 saved on this computer, offline")
    bench.click(ON_THE_TABLE)
    bench.press("Enter")
    expect(bench.page.locator("[data-save-state]")).to_contain_text("2 saved on this computer")
    context.set_offline(False)
    bench.wait_until_saved()
    assert len(saved(api, image)) == 2


def test_a_mask_made_while_signed_out_is_sent_after_signing_in_again(
    bench: Bench, context: BrowserContext, make_project, api
):
    image = make_project("coffee.png").images[0]
    bench.open(image).click(ON_THE_CUP)
    context.clear_cookies(name="sessionid")
    bench.press("Enter")
    expect(bench.page.locator("[data-save-state]")).to_contain_text(
        "1 saved on this computer, you are signed out"
    )
    sign_in_again(bench, "wrong " + PASSWORD)
    dialog = bench.page.get_by_role("dialog", name="Sign in again")
    expect(dialog.get_by_role("alert")).to_contain_text("User name or password is wrong")
    sign_in_again(bench, PASSWORD)
    expect(dialog).to_be_hidden()
    bench.wait_until_saved()
    expect(bench.page.locator("[data-notice=signed-out]")).to_have_count(0)
    assert len(saved(api, image)) == 1


def test_saved_masks_that_cannot_be_fetched_are_not_called_none(
    bench: Bench, context: BrowserContext, make_project, api
):
    first, second = make_project("coffee.png", "astronaut.png").images
    bench.open(second).click((220, 250))
    bench.save()
    bench.open(first)
    context.clear_cookies()  # the one against forged requests too
    bench.press("n")
    expect(bench.page.get_by_role("dialog", name="Sign in again")).to_be_visible()
    sign_in_again(bench, PASSWORD)
    expect(bench.page.locator("[data-image-name]")).to_have_text("astronaut.png")
    expect(bench.objects).to_have_count(1)
    bench.page.route("**/api/images/*/annotations/*", lambda route: route.abort())
    bench.page.reload()
    expect(bench.page.locator("[data-object-count]")).to_have_text("not loaded")
    expect(bench.page.locator("[data-no-objects]")).to_be_hidden()
    bench.wait_until_ready()
    bench.page.mouse.click(*bench.on_page(220, 250))
    expect(bench.page.locator("[data-prompt-bar]")).to_contain_text("not loaded yet")
    expect(bench.candidates).to_have_count(0)
    bench.page.unroute_all()
    expect(bench.objects).to_have_count(1)
    bench.click((40, 40))
    expect(bench.candidates).to_have_count(3)


def test_a_mask_that_was_not_accepted_is_kept_however_the_image_is_left(
    bench: Bench, context: BrowserContext, make_project, api
):
    first, second = make_project("coffee.png", "astronaut.png").images

    def leave_by_reload() -> None:
        bench.page.reload()

    def leave_by_link() -> None:
        bench.page.locator(".bench-back").click()
        bench.page.wait_for_url("**/projects/**")
        bench.open(first)

    def leave_by_crash() -> None:
        with bench.page.expect_event("crash"), pytest.raises(Error):
            bench.page.goto("chrome://crash")
        bench.page.close()
        bench.page = context.new_page()
        bench.open(first)

    bench.open(first).click(ON_THE_TABLE)
    for leave in (leave_by_reload, leave_by_link, leave_by_crash):
        expect(bench.page.locator("[data-save-state]")).to_contain_text("1 mask not accepted")
        leave()
        bench.wait_until_ready()
        expect(bench.candidates).to_have_count(3)
    bench.press("d")  # accepts, then marks done
    expect(bench.page.locator("[data-image-name]")).to_have_text("astronaut.png")
    bench.wait_until_saved()
    assert len(saved(api, first)) == 1
    assert api("manager").get(f"/api/images/{first['id']}/").json()["state"] == "done"
    assert saved(api, second) == []


def test_looking_at_a_mask_is_not_editing_it(bench: Bench, make_project, api):
    image = make_project("coffee.png").images[0]
    bench.open(image).click(ON_THE_CUP)
    bench.save()
    (before,) = saved(api, image)
    bench.objects.locator("button").first.click()
    expect(bench.objects.locator("button").first).to_have_attribute("aria-pressed", "true")
    bench.click(ON_THE_TABLE)  # a new object
    bench.save()
    assert [row["version"] for row in saved(api, image)] == [1, 1]
    assert saved(api, image)[0]["segmentation"] == before["segmentation"]
    scale = bench.view["scale"]
    bench.objects.locator("button").first.dblclick()
    bench.page.wait_for_function(
        "scale => JSON.parse(document.querySelector('[data-stage]').dataset.viewFrame).scale !== scale",
        arg=scale,
    )
    bench.press("e")
    bar = bench.page.locator("[data-prompt-bar]")
    expect(bar).to_contain_text("Editing cup 2")
    expect(bar.get_by_role("button", name="Update cup 2")).to_be_visible()
    bench.press("Escape")
    expect(bar).not_to_contain_text("Editing")


def test_a_deleted_mask_is_brought_back_by_the_message_about_it(bench: Bench, make_project, api):
    first, _ = make_project("coffee.png", "astronaut.png").images
    bench.open(first).click(ON_THE_CUP)
    bench.save()
    bench.objects.get_by_role("button", name="Delete cup 1").click()
    expect(bench.objects).to_have_count(0)
    bench.press("n")  # the message stays, and works from the next image too
    expect(bench.page.locator("[data-image-name]")).to_have_text("astronaut.png")
    bench.wait_until_saved()
    assert saved(api, first) == []
    bench.page.get_by_role("button", name="Undo").last.click()
    bench.wait_until_saved()
    assert len(saved(api, first)) == 1


def test_a_mask_deleted_long_ago_is_restored_from_the_images_trash(bench: Bench, make_project, api):
    image = make_project("coffee.png").images[0]
    bench.open(image).click(ON_THE_CUP)
    bench.save()
    bench.objects.get_by_role("button", name="Delete cup 1").click()
    bench.wait_until_saved()
    bench.page.reload()
    bench.wait_until_ready()
    expect(bench.objects).to_have_count(0)
    bench.page.get_by_role("button", name="Deleted masks of this image").click()
    dialog = bench.page.get_by_role("dialog", name="Deleted masks of this image")
    expect(dialog).to_contain_text("deleted by annotator just now")
    dialog.get_by_role("button", name="Restore").click()
    expect(bench.objects).to_have_count(1)
    bench.wait_until_saved()
    assert len(saved(api, image)) == 1
    expect(dialog).to_be_hidden()
    bench.press("Control+z")
    bench.wait_until_saved()
    assert saved(api, image) == []
    bench.page.get_by_role("button", name="Deleted masks of this image").click()
    expect(dialog.get_by_role("button", name="Restore")).to_be_visible()


def test_unsaved_masks_outlive_the_page(bench: Bench, context: BrowserContext, make_project, api):
    image = make_project("coffee.png").images[0]
    bench.open(image).click(ON_THE_CUP)
    context.set_offline(True)
    bench.press("Enter")
    bench.expect_save_state("unsaved")
    # A crash leaves the page no chance to send anything more.
    with bench.page.expect_event("crash"), pytest.raises(Error):
        bench.page.goto("chrome://crash")
    bench.page.close()
    context.set_offline(False)
    assert saved(api, image) == []
    again = Bench(context.new_page()).open(image)
    expect(again.objects).to_have_count(1)
    again.wait_until_saved()
    assert len(saved(api, image)) == 1


@pytest.mark.parametrize(("choice", "category"), [("Keep mine", 1), ("Take theirs", 0)])
def test_a_conflict_asks_whose_change_stays(bench: Bench, make_project, api, choice: str, category: int):
    project = make_project("coffee.png")
    image = project.images[0]
    bench.open(image).click(ON_THE_CUP)
    bench.save()
    (row,) = saved(api, image)
    changed = api("manager").patch(f"/api/annotations/{row['id']}/", data={"version": 1, "clicks": 77})
    assert changed.ok, changed.text()
    bench.objects.locator("button").first.click()
    bench.press("2")
    bench.expect_save_state("unsaved")
    notice = bench.page.locator("[data-notice^=conflict]")
    expect(notice).to_contain_text("manager changed person 1 on coffee.png just now")
    bench.page.get_by_role("button", name=choice).click()
    bench.wait_until_saved()
    (row,) = saved(api, image)
    assert row["category"] == project.categories[category]["id"]
    expect(bench.objects).to_contain_text(("cup", "person")[category])


# --- images ---


def test_the_next_image_opens_without_loading_the_page_anew(bench: Bench, make_project, api):
    project = make_project("coffee.png", "astronaut.png")
    first, second = project.images
    bench.open(first)
    bench.page.evaluate("() => { window.isSamePage = true; }")
    bench.press("d")  # done, and on to the next
    bench.page.wait_for_url(re.compile(f"/images/{second['id']}/annotate/$"))
    bench.wait_until_ready()
    expect(bench.page.locator("[data-position]")).to_have_text("2 of 2")
    bench.click((220, 250))
    bench.save()
    assert len(saved(api, second)) == 1
    bench.page.go_back()
    expect(bench.page.locator("[data-image-name]")).to_have_text("coffee.png")
    expect(bench.objects).to_have_count(0)
    assert bench.page.evaluate("() => window.isSamePage")
    assert api("manager").get(f"/api/images/{first['id']}/").json()["state"] == "done"


def test_the_wheel_zooms_to_the_cursor(bench: Bench, make_project):
    bench.open(make_project("coffee.png").images[0])
    cursor = (350, 640)  # whole CSS pixels, as a wheel event reports them

    def under_cursor() -> list[float]:
        view = bench.view
        return [(cursor[k] - view["xy"[k]] - view[f"offset{'XY'[k]}"]) / view["scale"] for k in (0, 1)]

    place = under_cursor()
    before = bench.view["scale"]
    bench.page.mouse.move(*cursor)
    bench.page.mouse.wheel(0, -400)
    bench.page.wait_for_function(
        "scale => JSON.parse(document.querySelector('[data-stage]').dataset.viewFrame).scale > scale * 1.2",
        arg=before,
    )
    assert under_cursor() == pytest.approx(place, abs=0.01)
    bench.press("f")
    assert bench.view["scale"] == pytest.approx(before)


# --- the preview ---


def test_a_preview_follows_the_pointer_and_a_click_makes_it_the_mask(bench: Bench, make_project):
    bench.open(make_project("coffee.png").images[0])
    assert not bench.is_drawn_on(ON_THE_CUP)
    bench.page.mouse.move(*bench.on_page(*ON_THE_CUP))
    bench.wait_until_drawn_on(ON_THE_CUP)
    expect(bench.candidates).to_have_count(0)
    decodes = bench.count("decode")
    bench.click(ON_THE_CUP)
    expect(bench.candidates).to_have_count(3)
    assert bench.count("decode") == decodes, "the click needs no decode of its own"
    bench.press("Escape", "t")
    bench.page.mouse.move(*bench.on_page(*ON_THE_SAUCER), steps=4)
    bench.page.wait_for_timeout(300)
    assert bench.count("decode") == decodes, "switched off, it decodes nothing"
    bench.press("t")
    bench.page.mouse.move(*bench.on_page(*ON_THE_TABLE), steps=4)
    bench.page.mouse.move(*bench.on_page(*ON_THE_SAUCER), steps=4)
    bench.wait_until_drawn_on(ON_THE_SAUCER)


# --- how masks are drawn ---

# Without a GPU, Chromium's WebGL is software, which the page refuses as slower than a 2D canvas. Here it is hidden.
SOFTWARE_WEBGL_AS_GPU = """
const getExtension = WebGL2RenderingContext.prototype.getExtension;
WebGL2RenderingContext.prototype.getExtension = function (name) {
    return name === "WEBGL_debug_renderer_info" ? null : getExtension.call(this, name);
};
"""


def stage_picture(bench: Bench) -> np.ndarray:
    """(h, w, 3) int, what the stage looks like around the cup, without the panels over it."""
    bench.page.wait_for_timeout(100)
    (left, top), (right, bottom) = bench.on_page(150, 100), bench.on_page(450, 330)
    clip = {"x": left, "y": top, "width": right - left, "height": bottom - top}
    return np.asarray(Image.open(io.BytesIO(bench.page.screenshot(clip=clip))).convert("RGB")).astype(int)


@pytest.mark.parametrize(("pixel_ratio", "zooms"), [(1, 0), (2, 2)])
def test_webgl_draws_what_the_2d_canvas_draws_and_gives_way_to_it_when_the_gpu_is_lost(
    browser, site, make_project, pixel_ratio, zooms
):
    context = browser.new_context(
        base_url=site.url, viewport={"width": 1440, "height": 900}, device_scale_factor=pixel_ratio
    )
    bench = Bench(context.new_page())
    sign_in_as(bench.page, "annotator")
    image = make_project("coffee.png").images[0]

    def open_zoomed() -> None:
        bench.open(image)
        for _ in range(zooms):
            bench.press("+")

    open_zoomed()
    bench.click(ON_THE_CUP)
    expect(bench.page.locator("canvas[data-sheet=candidate]")).to_have_count(0)
    by_canvas, painted = stage_picture(bench), bench.painted()
    bench.press("Escape")

    bench.page.add_init_script(SOFTWARE_WEBGL_AS_GPU)
    open_zoomed()
    without_mask = stage_picture(bench)
    bench.click(ON_THE_CUP)
    assert bench.painted() < 0.1 * painted, "the prompt's own canvas has the point only"
    by_webgl = stage_picture(bench)
    of_mask = (np.abs(by_canvas - without_mask).max(2) > 16).sum()
    # A fill of another strength differs by more everywhere, the outlines' smooth edges in few places.
    differs = (np.abs(by_webgl - by_canvas).max(2) > 16).sum()
    assert of_mask > 0.05 * by_canvas[..., 0].size
    assert differs < 0.05 * of_mask, (differs, of_mask)

    bench.press("Escape", "t")
    assert np.abs(stage_picture(bench) - without_mask).max() <= 2, "nothing is left of it"

    bench.click(ON_THE_CUP)
    bench.page.locator("canvas[data-sheet=candidate]").evaluate(
        "canvas => canvas.getContext('webgl2').getExtension('WEBGL_lose_context').loseContext()"
    )
    expect(bench.page.locator("canvas[data-sheet=candidate]")).to_have_count(0)
    assert np.abs(stage_picture(bench) - by_canvas).max() <= 2
    assert bench.painted() == painted
    context.close()


# --- when something is missing or breaks ---


def test_a_crashed_decoder_is_replaced_and_the_prompt_decoded_again(bench: Bench, make_project, api):
    image = make_project("coffee.png").images[0]
    bench.open(image).click(ON_THE_CUP)
    decodes = bench.count("decode")
    decoder = next(worker for worker in bench.page.workers if "decoder-worker" in worker.url)
    decoder.evaluate("() => { setTimeout(() => { throw new Error('boom'); }); }")
    bench.page.wait_for_function("n => performance.getEntriesByName('decode').length > n", arg=decodes)
    expect(bench.candidates).to_have_count(3)
    bench.click(ON_THE_SAUCER, button="right")
    bench.save()
    assert saved(api, image)[0]["prompt"]["point_labels"] == [1, 0]


def test_an_embedding_of_another_model_is_refused(bench: Bench, make_project):
    image = make_project("coffee.png").images[0]

    def with_another_digest(route) -> None:
        answer = route.fetch()
        body = answer.body()
        digest = json.loads(body[8 : 8 + int.from_bytes(body[:8], "little")])["__metadata__"]["bundle_digest"]
        route.fulfill(response=answer, body=body.replace(digest.encode(), b"0" * len(digest)))

    bench.page.route("**/embedding/?digest=*", with_another_digest)
    bench.page.goto(f"/images/{image['id']}/annotate/")
    notice = bench.page.locator("[data-notice=embedding]")
    expect(notice).to_contain_text("was made by the model 000000000000", timeout=30_000)
    bench.page.unroute_all()
    notice.get_by_role("button", name="Try again").click()
    bench.wait_until_ready()
    expect(notice).to_have_count(0)


def test_a_picture_damaged_on_the_server_is_said_once_and_waited_for_no_longer(
    bench: Bench, make_project, site
):
    image = make_project("coffee.png").images[0]
    stored = max(
        (path for path in site.data_dir.rglob("*") if path.is_file() and path.suffix == ".png"),
        key=lambda path: path.stat().st_mtime,
    )
    stored.write_bytes(stored.read_bytes()[:200])
    bench.page.goto(f"/images/{image['id']}/annotate/")
    expect(bench.page.locator("[data-notice=picture]")).to_contain_text("upload it again", timeout=30_000)
    expect(bench.page.locator("[data-stage]")).to_have_attribute("data-state", "failed")
    expect(bench.page.locator("[data-notice]")).to_have_count(1)


def test_a_project_without_categories_says_what_is_missing(bench: Bench, make_project):
    bench.open(make_project("coffee.png", categories=()).images[0]).click(ON_THE_CUP)
    bench.press("Enter")
    expect(bench.page.locator("[data-no-categories]")).to_be_visible()
    expect(bench.page.locator("[data-prompt-bar]")).to_contain_text("category")
    expect(bench.objects).to_have_count(0)


def test_a_stranger_does_not_get_the_page(bench: Bench, make_project, api):
    image = make_project("coffee.png").images[0]
    members = api("manager").get(f"/api/projects/{image['project']}/members/").json()["results"]
    mine = next(row for row in members if row["username"] == "annotator")
    assert api("manager").delete(f"/api/members/{mine['id']}/").status == 204
    answer = bench.page.goto(f"/images/{image['id']}/annotate/")
    assert answer is not None and answer.status == 404


def test_a_viewer_looks_and_changes_nothing(bench: Bench, make_project, api):
    image = make_project("coffee.png").images[0]
    members = api("manager").get(f"/api/projects/{image['project']}/members/").json()["results"]
    mine = next(row for row in members if row["username"] == "annotator")
    assert api("manager").patch(f"/api/members/{mine['id']}/", data={"role": "viewer"}).ok
    bench.page.goto(f"/images/{image['id']}/annotate/")
    expect(bench.page.locator("[data-model-state]")).to_have_text("read only")
    expect(bench.page.locator("[data-action=tool-prompt]")).to_have_count(0)
    expect(bench.page.locator("[data-action=done]")).to_have_count(0)
    bench.page.mouse.click(*bench.on_page(*ON_THE_CUP))
    bench.press("Enter")
    expect(bench.objects).to_have_count(0)
    assert saved(api, image) == []


def test_numbers_of_objects_stay_when_an_earlier_one_is_deleted(bench: Bench, make_project):
    bench.open(make_project("coffee.png").images[0])
    for place in (ON_THE_CUP, ON_THE_SAUCER, ON_THE_TABLE):
        bench.click(place)
        bench.save()
    names = bench.page.locator("[data-annotation-id] .bench-name")
    expect(names).to_have_text(["cup 3", "cup 2", "cup 1"])
    bench.objects.nth(1).click()
    bench.press("Delete")
    expect(names).to_have_text(["cup 3", "cup 1"])
    bench.wait_until_saved()
    bench.click(ON_THE_SAUCER)
    bench.save()
    bench.page.reload()
    bench.wait_until_ready()
    expect(names).to_have_text(["cup 4", "cup 3", "cup 1"])
