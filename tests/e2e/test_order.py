"""From the gallery through its list, image by image, and what stands at the list's end."""

from __future__ import annotations

import re

from playwright.sync_api import Page, Route, expect

from tests.e2e.workbench_driver import Bench


def tiles(page: Page) -> list[str]:
    return page.locator(".tile-name").all_text_contents()


def test_the_gallerys_order_and_filter_lead_through_the_workbench_and_back(bench: Bench, make_project):
    project = make_project("coffee.png", "chelsea.png", "astronaut.png")
    page = bench.page
    page.goto(f"/projects/{project.id}/")
    page.get_by_label("Order").select_option("name")
    page.wait_for_url("**sort=name**")
    assert tiles(page) == ["astronaut.png", "chelsea.png", "coffee.png"]
    page.get_by_label("State").select_option("not_started")
    page.wait_for_url("**state=not_started**")
    page.get_by_role("link", name="Annotate astronaut.png").click()
    bench.wait_until_ready()
    expect(page.locator("[data-position]")).to_have_text("1 of 3")
    bench.press("n")
    expect(page.locator("[data-image-name]")).to_have_text("chelsea.png")
    assert "sort=name" in page.url and "state=not_started" in page.url
    bench.wait_until_ready()
    bench.press("d")
    expect(page.locator("[data-image-name]")).to_have_text("coffee.png")
    bench.wait_until_ready()
    bench.press("d")
    toast = page.locator(".toast", has_text="the list's last image")
    toast.get_by_role("button", name="Go to the first of them").click()
    expect(page.locator("[data-image-name]")).to_have_text("astronaut.png")
    bench.wait_until_ready()
    bench.press("d")
    toast = page.locator(".toast", has_text="Every image of this list is done")
    toast.get_by_role("button", name="Back to the project").click()
    page.wait_for_url(re.compile(r"/projects/\d+/\?"))
    expect(page.get_by_text("No image fits these filters")).to_be_visible()


def test_alt_n_goes_to_the_next_image_that_is_not_done(bench: Bench, make_project, api):
    first, second, third = make_project("coffee.png", "chelsea.png", "astronaut.png").images
    api("manager").patch(f"/api/images/{second['id']}/", data={"state": "done"})
    bench.open(first)
    bench.press("Alt+n")
    bench.page.wait_for_url(f"**/images/{third['id']}/annotate/")
    bench.wait_until_ready()
    bench.press("Alt+n")
    bench.page.wait_for_url(f"**/images/{first['id']}/annotate/")


def test_files_of_one_upload_stand_in_the_order_of_their_names(page: Page, sign_in, make_project):
    from tests.e2e.workbench_driver import PHOTOS

    project = make_project()
    sign_in("manager")
    page.goto(f"/projects/{project.id}/")
    picture = (PHOTOS / "coffee.png").read_bytes()
    others = [(PHOTOS / name).read_bytes() for name in ("chelsea.png", "astronaut.png", "rocket.jpg")]
    named = zip(["f10.png", "f2.png", "F1.png", "f3.jpg"], [picture, *others], strict=True)
    files = [{"name": name, "mimeType": "image/png", "buffer": content} for name, content in named]
    held: list[Route] = []

    def hold_the_last(route: Route) -> None:
        if b"f3.jpg" in (route.request.post_data_buffer or b""):
            held.append(route)
        else:
            route.continue_()

    page.route("**/api/projects/*/images/", hold_the_last)
    page.locator("[data-files]").set_input_files(files)
    expect(page.locator(".tile-name")).to_have_text(["F1.png", "f2.png", "f10.png"])  # in the middle of it
    [last] = held
    last.continue_()
    expect(page.locator(".tile-name")).to_have_text(["F1.png", "f2.png", "f3.jpg", "f10.png"])
    page.reload()
    assert tiles(page) == ["F1.png", "f2.png", "f3.jpg", "f10.png"]
