"""From image to image: skipped, flagged, found by number or name, seen in the filmstrip, counted."""

from __future__ import annotations

import re

import pytest
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
    expect(page.locator("[data-image-name]")).to_have_text("coffee.png")
    expect(page.locator("[data-skipped]")).to_be_visible()
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


# --- filmstrip ---
TALL = {"width": 1440, "height": 1000}
MANY = 2000
ADD_FRAMES = """
from annotator.models import Image
image = Image.objects.get(pk={pk})
columns = ("project", "file", "thumbnail", "width", "height", "digest", "content_type", "size_bytes")
values = {{name: getattr(image, name) for name in columns}}
Image.objects.bulk_create(
    Image(**values, source="frame", name=f"frame_{{k}}.png", name_key=f"{{k:06d}}", position=100 + k)
    for k in range({count})
)
"""


@pytest.fixture
def tall(bench: Bench, api):
    """The bench in a window that has room for the filmstrip, and drafts that stay drafts."""
    bench.page.set_viewport_size(TALL)
    api("annotator").put("/api/me/preferences/", data={"accept_on_leave": False})
    yield bench
    api("annotator").put("/api/me/preferences/", data={})


def film_of(bench: Bench, image: dict):
    return bench.page.locator(f"[data-film-id='{image['id']}']")


def test_the_filmstrip_leads_through_the_list_and_shows_what_was_done(tall: Bench, make_project):
    project = make_project("coffee.png", "chelsea.png", "astronaut.png")
    coffee, chelsea, astronaut = project.images
    page = tall.page
    page.goto(f"/images/{coffee['id']}/annotate/?sort=name")
    tall.wait_until_ready()
    films = page.locator("[data-film-id]")
    expect(films).to_have_count(3)
    ids = [int(film.get_attribute("data-film-id")) for film in films.all()]
    assert sorted(ids, key=lambda pk: film_of(tall, {"id": pk}).bounding_box()["x"]) == [
        astronaut["id"],
        chelsea["id"],
        coffee["id"],
    ]
    expect(film_of(tall, coffee)).to_have_attribute("aria-current", "true")
    tall.click(ON_THE_CUP)
    expect(film_of(tall, coffee)).to_have_attribute("aria-label", "3: coffee.png, a mask not accepted")
    film_of(tall, chelsea).click()
    expect(page.locator("[data-image-name]")).to_have_text("chelsea.png")
    tall.wait_until_ready()
    assert "sort=name" in page.url
    expect(film_of(tall, chelsea)).to_have_attribute("aria-current", "true")
    expect(film_of(tall, coffee)).to_have_attribute("aria-label", "3: coffee.png, a mask not accepted")
    tall.press("Shift+q", "Enter")
    expect(film_of(tall, chelsea)).to_have_attribute("aria-label", "2: chelsea.png, flagged")
    tall.press("d")
    expect(film_of(tall, chelsea)).to_have_attribute("aria-label", "2: chelsea.png, done, flagged")
    expect(page.locator("[data-image-name]")).to_have_text("coffee.png")
    expect(page.locator("[data-save-state]")).to_contain_text("1 mask not accepted")


def test_thousands_of_images_are_a_few_nodes_and_a_number_leads_to_any(tall: Bench, make_project, site):
    coffee, _ = make_project("coffee.png", "chelsea.png").images
    site.manage("shell", "-v0", "-c", ADD_FRAMES.format(pk=coffee["id"], count=MANY))
    tall.open(coffee)
    page = tall.page
    films = page.locator(".film-frame")
    expect(page.locator("[data-film-id]").first).to_be_visible()
    assert films.count() < 60
    tall.press("Control+g")
    page.keyboard.type("1500")
    tall.press("Enter")
    expect(page.locator("[data-position]")).to_have_text(f"1500 of {MANY + 2}")
    current = page.locator("[data-film-id][aria-current]")
    expect(current).to_have_attribute("aria-label", "1500: frame_1497.png")
    expect(current).to_be_in_viewport()
    assert films.count() < 60
    tall.wait_until_ready()
    page.get_by_role("link", name="1502: frame_1499.png").click()
    expect(page.locator("[data-position]")).to_have_text(f"1502 of {MANY + 2}")


def test_the_filmstrip_is_put_away_for_good_and_is_off_where_there_is_no_room(tall: Bench, make_project):
    (coffee,) = make_project("coffee.png").images
    page = tall.open(coffee).page
    strip = page.locator("[data-filmstrip]")
    expect(page.locator("[data-film-id]")).to_have_count(1)
    with page.expect_response("**/api/me/preferences/"):
        tall.press("Shift+t")
    expect(strip).to_be_hidden()
    page.reload()
    tall.wait_until_ready()
    expect(strip).to_be_hidden()
    with page.expect_response("**/api/me/preferences/"):
        tall.press("Shift+t")
    expect(page.locator("[data-film-id]")).to_have_count(1)
    page.set_viewport_size({"width": 1440, "height": 860})
    expect(strip).to_be_hidden()
    asked = []
    page.on("request", lambda request: asked.append(request.url))
    page.reload()
    tall.wait_until_ready()
    page.set_viewport_size(TALL)
    assert not [url for url in asked if "/list/" in url]
    expect(page.locator("[data-film-id]")).to_have_count(1)


# --- finder ---
def test_an_image_is_found_by_a_part_of_its_name_in_the_list_that_is_open(bench: Bench, make_project):
    project = make_project("coffee.png", "chelsea.png", "coins.png")
    page = bench.page
    page.goto(f"/images/{project.images[1]['id']}/annotate/?search=c")
    bench.wait_until_ready()
    bench.press("Control+g")
    field = page.get_by_role("combobox", name="Number or name of an image")
    expect(field).to_be_focused()
    page.keyboard.type("dog")
    expect(page.get_by_text("No image of this list has this.")).to_be_visible()
    field.fill("CO")
    options = page.get_by_role("dialog").get_by_role("option")
    expect(options).to_have_count(2)
    bench.press("ArrowDown", "Enter")
    expect(page.locator("[data-image-name]")).to_have_text("coins.png")
    assert "search=c" in page.url
    bench.wait_until_ready()
    bench.press("Control+g")
    page.keyboard.type("1")
    bench.press("Enter")
    expect(page.locator("[data-image-name]")).to_have_text("coffee.png")


# --- progress ---
def test_the_position_opens_what_is_done_and_ones_own_day(bench: Bench, make_project, api):
    first, second = make_project("coffee.png", "chelsea.png").images
    api("manager").patch(f"/api/images/{second['id']}/", data={"state": "done"})
    page = bench.open(first).page
    bench.click(ON_THE_CUP)
    bench.save()
    page.locator("[data-position]").click()
    panel = page.locator("[data-progress]")
    figures = {name: panel.locator(f"[data-figure={name}]") for name in ("done", "open", "masks", "clicks")}
    expect(figures["done"]).to_have_text("1 of 2")
    expect(figures["open"]).to_have_text("1")
    expect(figures["masks"]).to_have_text("1")
    expect(figures["clicks"]).to_have_text("1")
    expect(panel.locator("[data-figure=seconds]")).to_have_text(re.compile(r"^\d+(\.\d)? s$"))
    bench.press("d")
    expect(figures["done"]).to_have_text("2 of 2")
    bench.press("Escape")
    expect(panel).to_be_hidden()
