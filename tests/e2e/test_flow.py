"""From image to image: skipped, flagged, found by number or name, seen in the filmstrip, counted."""

from __future__ import annotations

from playwright.sync_api import expect

from tests.e2e.workbench_driver import ON_THE_CUP, Bench


def row_of(api, image: dict) -> dict:
    return api("manager").get(f"/api/images/{image['id']}/").json()


def test_an_image_is_skipped_by_two_keys_and_the_toast_takes_it_back(bench: Bench, make_project, api):
    first, second = make_project("coffee.png", "chelsea.png").images
    bench.open(first)
    bench.press("Shift+n", "1")
    expect(bench.page.locator("[data-image-name]")).to_have_text("chelsea.png")
    bench.wait_until_ready()
    assert row_of(api, first)["skip_reason"] == "blurred"
    toast = bench.page.locator(".toast", has_text="Skipped coffee.png")
    toast.get_by_role("button", name="Undo").click()
    expect(bench.page.locator("[data-image-name]")).to_have_text("coffee.png")
    expect(bench.page.locator("[data-skipped]")).to_be_hidden()
    bench.wait_until_ready()
    assert row_of(api, first)["state"] == "not_started"


def test_another_reason_needs_words_and_is_shown_and_counts_as_dealt_with(bench: Bench, make_project, api):
    project = make_project("coffee.png", "chelsea.png")
    first, second = project.images
    page = bench.open(first).page
    bench.press("Shift+n", "4")
    note = page.get_by_role("textbox", name="In words")
    expect(note).to_be_focused()
    bench.press("Enter")
    expect(page.get_by_role("dialog")).to_be_visible()  # it waits for the words
    page.keyboard.type("a test shot")
    bench.press("Enter")
    expect(page.locator("[data-image-name]")).to_have_text("chelsea.png")
    bench.wait_until_ready()
    bench.press("p")
    expect(page.locator("[data-skipped]")).to_have_text("Skippeda test shot")
    bench.wait_until_ready()
    bench.press("Alt+n")
    expect(page.locator("[data-image-name]")).to_have_text("chelsea.png")
    bench.wait_until_ready()
    bench.press("d")
    expect(page.locator(".toast", has_text="Every image of this list is done or skipped")).to_be_visible()
    page.goto(f"/projects/{project.id}/")
    expect(page.locator("[data-live=progress]")).to_contain_text("1 of 2 done")
    expect(page.get_by_role("link", name="Continue")).to_have_count(0)
    page.get_by_role("link", name="1 skipped").click()
    expect(page.locator(".tile")).to_have_count(1)
    expect(page.get_by_title("a test shot")).to_have_text("Skipped")


def test_an_open_mask_stays_as_a_draft_on_an_image_that_is_skipped(bench: Bench, make_project, api):
    first, _ = make_project("coffee.png", "chelsea.png").images
    api("annotator").put("/api/me/preferences/", data={"accept_on_leave": False})
    try:
        bench.open(first)
        bench.click(ON_THE_CUP)
        bench.press("Shift+n", "3")
        expect(bench.page.locator("[data-image-name]")).to_have_text("chelsea.png")
        bench.wait_until_ready()
        bench.press("p")
        expect(bench.page.locator("[data-save-state]")).to_contain_text("1 mask not accepted")
        expect(bench.page.locator("[data-skipped]")).to_contain_text("not sure what to annotate")
    finally:
        api("annotator").put("/api/me/preferences/", data={})


def test_a_flag_with_a_note_is_seen_by_others_and_goes_again(bench: Bench, make_project, sign_in, api):
    project = make_project("coffee.png", "chelsea.png")
    first = project.images[0]
    page = bench.open(first).page
    bench.press("Shift+q")
    page.keyboard.type("two cups?")
    bench.press("Enter")
    expect(page.locator("[data-flagged]")).to_have_text("Flaggedtwo cups?")
    expect(page.locator("[data-image-name]")).to_have_text("coffee.png")
    page.context.clear_cookies()
    sign_in("manager")
    page.goto(f"/projects/{project.id}/")
    page.get_by_label("Flag", exact=True).select_option("true")
    page.wait_for_url("**flagged=true**")
    expect(page.locator(".tile")).to_have_count(1)
    expect(page.get_by_title("Flagged by annotator: two cups?")).to_be_visible()
    page.get_by_role("link", name="Annotate coffee.png").click()
    bench.wait_until_ready()
    bench.press("Shift+q")
    expect(page.get_by_role("dialog")).to_contain_text("Flagged by annotator")
    page.get_by_role("button", name="Remove the flag").click()
    expect(page.locator("[data-flagged]")).to_be_hidden()
    toast = page.locator(".toast", has_text="Removed the flag of coffee.png")
    toast.get_by_role("button", name="Undo").click()
    expect(page.locator("[data-flagged]")).to_have_text("Flaggedtwo cups?")


def test_several_images_are_skipped_and_flagged_in_the_gallery(bench: Bench, make_project, api):
    project = make_project("coffee.png", "chelsea.png")
    page = bench.page
    page.goto(f"/projects/{project.id}/")
    for name in ("coffee.png", "chelsea.png"):
        page.get_by_role("checkbox", name=f"Select {name}").check(force=True)
    page.get_by_role("button", name="Skip…").click()
    page.get_by_role("radio", name="Nothing to annotate").check()
    page.get_by_role("dialog").get_by_role("button", name="Skip").click()
    expect(page.locator(".tile [title='Nothing to annotate']")).to_have_count(2)
    page.get_by_role("checkbox", name="Select coffee.png").check(force=True)
    page.get_by_role("button", name="Flag…").click()
    page.get_by_role("textbox", name="Note").fill("why?")
    page.get_by_role("dialog").get_by_role("button", name="Flag", exact=True).click()
    expect(page.locator(".tile .flagged")).to_have_count(1)
    assert [row_of(api, image)["flag_note"] for image in project.images] == ["why?", ""]
