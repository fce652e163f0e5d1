"""The list of objects: names, locks, pictures, order, alone, and rows that cost nothing out of sight."""

from __future__ import annotations

import pytest
from playwright.sync_api import expect

from tests.e2e.test_several_objects import SQUARES, add, alpha_on, centre, row
from tests.e2e.workbench_driver import Bench, Project, saved


@pytest.fixture
def image(make_project, api) -> dict:
    """Three squares: cup 1, person 2 and cup 3, which is the smallest."""
    project: Project = make_project("coffee.png")
    [image] = project.images
    for number, square in enumerate(SQUARES.values()):
        add(api, project, image, square, category=number % 2)
    return image


def expect_names(bench: Bench, *names: str) -> None:
    expect(bench.objects.locator(".bench-name")).to_have_text(list(names))


def test_an_object_gets_a_name_of_its_own(bench: Bench, api, image):
    bench.open(image)
    row(bench, "cup 1").focus()
    bench.press("Enter", "F2")
    bench.page.keyboard.type("The  tall one")
    bench.press("Enter")
    expect(row(bench, "The tall one")).to_be_focused()
    bench.wait_until_saved()
    assert [each["name"] for each in saved(api, image)] == ["The tall one", "", ""]
    bench.press("F2")
    bench.page.keyboard.type("something else")
    bench.press("Escape")
    expect_names(bench, "cup 3", "person 2", "The tall one cup 1")
    bench.page.reload()
    bench.wait_until_ready()
    expect(row(bench, "The tall one")).to_have_count(1)
    bench.press("Control+z")
    expect(row(bench, "cup 1")).to_have_count(1)
    bench.wait_until_saved()
    assert [each["name"] for each in saved(api, image)] == ["", "", ""]


def test_a_locked_object_stays_as_it_is_until_it_is_unlocked(bench: Bench, api, image):
    bench.open(image)
    before = saved(api, image)[0]
    row(bench, "cup 1").click()
    bench.press("Alt+l")
    toasts = bench.page.locator(".toasts")
    bench.wait_until_saved()
    assert saved(api, image)[0]["is_locked"]
    for key in ("Delete", "2", "e", "Shift+S"):
        bench.press(key)
        expect(toasts).to_contain_text("This object is locked. Unlock it first.")
        expect(bench.objects).to_have_count(3)
        toasts.evaluate("toasts => toasts.replaceChildren()")
    bench.press("Control+a", "Delete")
    expect(toasts).to_contain_text("1 of the 3 objects is locked and stays as it is.")
    expect(bench.objects).to_have_count(1)
    bench.wait_until_saved()
    [left] = saved(api, image)
    assert (left["segmentation"], left["category"]) == (before["segmentation"], before["category"])
    bench.page.get_by_role("button", name="Unlock cup 1").click()
    row(bench, "cup 1").click()
    bench.press("Delete")
    expect(bench.objects).to_have_count(0)


def test_the_selected_objects_are_shown_alone(bench: Bench, image):
    bench.open(image)
    row(bench, "cup 1").click()
    bench.press("Alt+s")
    bench.page.wait_for_timeout(100)
    assert alpha_on(bench, (110, 140)) > 0 and alpha_on(bench, centre("c")) == 0
    row(bench, "cup 3").click()
    bench.page.wait_for_timeout(100)
    assert alpha_on(bench, (110, 140)) == 0 and alpha_on(bench, centre("c")) > 0
    bench.press("Escape")  # with nothing selected, all are there
    bench.page.wait_for_timeout(100)
    assert alpha_on(bench, (110, 140)) > 0 and alpha_on(bench, centre("c")) > 0


def test_the_list_has_the_order_that_one_chose_and_shift_follows_it(bench: Bench, image):
    bench.open(image)
    order = bench.page.get_by_label("Order of the objects")
    expect_names(bench, "cup 3", "person 2", "cup 1")
    order.select_option("By category")
    expect_names(bench, "cup 3", "cup 1", "person 2")
    row(bench, "cup 3").click()
    row(bench, "cup 1").click(modifiers=["Shift"])
    expect(bench.page.locator(".bench-object.is-selected")).to_have_count(2)
    bench.page.reload()
    bench.wait_until_ready()
    expect_names(bench, "cup 3", "cup 1", "person 2")
    order.select_option("By number")
    expect_names(bench, "cup 1", "person 2", "cup 3")


def test_an_object_has_its_picture_and_may_have_a_color_of_its_own(bench: Bench, api, image):
    bench.open(image)
    picture = row(bench, "cup 1").locator("canvas")
    alphas = picture.evaluate(
        "canvas => { const {data} = canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height);"
        " return [data[3], data[4 * (canvas.width * canvas.height / 2 + canvas.width / 2) + 3]]; }"
    )
    assert alphas[0] < 128 and alphas[1] == 255  # the object itself, its surroundings faint
    row(bench, "cup 1").click()
    bench.page.locator("[data-own-color]").evaluate(
        "field => { field.value = '#00ff00'; field.dispatchEvent(new Event('change')); }"
    )
    bench.wait_until_saved()
    assert saved(api, image)[0]["color"] == "#00ff00"
    bench.press("Alt+c")
    bench.wait_until_saved()
    assert saved(api, image)[0]["color"] == ""


def test_rows_are_put_in_an_order_of_ones_own_by_dragging_and_by_keys(bench: Bench, api, image):
    bench.open(image)
    bench.page.get_by_label("Order of the objects").select_option("My order")
    expect_names(bench, "cup 3", "person 2", "cup 1")
    expect(bench.page.locator("[data-objects]")).to_have_attribute("data-movable", "")
    box = row(bench, "cup 1").bounding_box()
    goal = row(bench, "cup 3").bounding_box()
    mouse = bench.page.mouse
    mouse.move(box["x"] + 60, box["y"] + 12)
    mouse.down()
    mouse.move(box["x"] + 60, box["y"], steps=4)
    mouse.move(goal["x"] + 60, goal["y"] + 4, steps=8)
    bench.page.wait_for_timeout(300)
    mouse.up()
    expect_names(bench, "cup 1", "cup 3", "person 2")
    row(bench, "person 2").click()
    bench.press("Alt+ArrowUp")
    expect_names(bench, "cup 1", "person 2", "cup 3")
    bench.wait_until_saved()
    bench.page.reload()
    bench.wait_until_ready()
    expect_names(bench, "cup 1", "person 2", "cup 3")
    bench.press("Control+z", "Control+z")
    expect_names(bench, "cup 3", "person 2", "cup 1")
    bench.wait_until_saved()
    assert [each["rank"] for each in saved(api, image)] == [None, None, None]
