"""What others make of the image on screen appears by itself."""

from __future__ import annotations

import pytest
from playwright.sync_api import expect

from tests.e2e.test_object_list import expect_names
from tests.e2e.test_several_objects import SQUARES, add, row
from tests.e2e.workbench_driver import ON_THE_TABLE, Bench, saved


@pytest.fixture
def image(make_project, api) -> dict:
    project = make_project("coffee.png")
    [image] = project.images
    for number, square in enumerate(SQUARES.values()):
        add(api, project, image, square, category=number % 2)
    return image


def test_a_second_tab_shows_what_the_first_one_saves_and_deletes(bench: Bench, image):
    bench.open(image)
    other = Bench(bench.page.context.new_page())
    other.open(image)
    expect(other.objects).to_have_count(3)
    bench.click(ON_THE_TABLE)
    bench.press("Enter")
    expect(other.objects).to_have_count(4, timeout=10_000)
    row(other, "person 2").click()
    other.press("Delete")
    expect(bench.objects).to_have_count(3, timeout=10_000)
    bench.press("Control+z")  # one's own mask, not the other tab's deletion
    expect(bench.objects).to_have_count(2)


def test_another_persons_change_is_there_when_one_comes_back(bench: Bench, api, image):
    bench.open(image)
    expect_names(bench, "cup 3", "person 2", "cup 1")
    mask = next(each for each in saved(api, image) if each["number"] == 1)
    changed = api("manager").patch(
        f"/api/annotations/{mask['id']}/", data={"name": "handle", "version": mask["version"]}
    )
    assert changed.ok
    bench.page.evaluate("dispatchEvent(new Event('focus'))")
    expect_names(bench, "cup 3", "person 2", "handle cup 1")
    row(bench, "handle").click()
    bench.press("2")  # starts from what the other one made: no conflict
    bench.wait_until_saved()
    assert next(each for each in saved(api, image) if each["number"] == 1)["name"] == "handle"


def test_a_category_that_another_one_made_has_its_name_here(bench: Bench, api, image):
    bench.open(image)
    expect_names(bench, "cup 3", "person 2", "cup 1")
    project = api("manager").get(f"/api/images/{image['id']}/").json()["project"]
    made = api("manager").post(f"/api/projects/{project}/categories/", data={"name": "spoon"})
    assert made.ok
    mask = next(each for each in saved(api, image) if each["number"] == 1)
    changed = api("manager").patch(
        f"/api/annotations/{mask['id']}/", data={"category": made.json()["id"], "version": mask["version"]}
    )
    assert changed.ok
    bench.page.evaluate("dispatchEvent(new Event('focus'))")
    expect_names(bench, "cup 3", "person 2", "spoon 1")
    row(bench, "cup 3").click()
    bench.press("3")
    expect_names(bench, "spoon 3", "person 2", "spoon 1")
    bench.wait_until_saved()
