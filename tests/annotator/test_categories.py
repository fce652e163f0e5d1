"""Categories of a project."""

from __future__ import annotations

import pytest

from annotator.models import Category
from annotator.projects import categories, projects
from tests.annotator.world import (
    client_of,
)


def test_categories_get_the_next_coco_id_a_color_and_a_place(alice, project):
    url = f"/api/projects/{project.pk}/categories/"
    rows = [client_of(alice).post(url, {"name": name}, format="json").json() for name in ("cat", "dog")]
    assert [row["coco_id"] for row in rows] == [1, 2]
    assert [row["position"] for row in rows] == [0, 1]
    assert rows[0]["color"] != rows[1]["color"]


def test_a_categorys_name_is_unique_in_its_project_whatever_its_case(alice, project, category):
    url = f"/api/projects/{project.pk}/categories/"
    response = client_of(alice).post(url, {"name": "CAT"}, format="json")
    assert (response.status_code, list(response.json()["error"]["fields"])) == (400, ["name"])


def test_a_category_in_use_is_not_deleted(alice, annotation, category):
    url = f"/api/categories/{category.pk}/"
    response = client_of(alice).delete(url)
    assert (response.status_code, response.json()["error"]["code"]) == (409, "category_in_use")
    client_of(alice).delete(f"/api/annotations/{annotation.pk}/")
    answer = client_of(alice).delete(url)  # the mask in the trash could not come back without it
    assert (answer.status_code, "(1 in the trash)" in answer.json()["error"]["message"]) == (409, True)
    other = categories.create_category(category.project, name="other")
    assert client_of(alice).delete(f"{url}?move_to={other.pk}").status_code == 204


def test_a_name_is_one_line_and_turns_no_text_around_it(alice, project):
    url = f"/api/projects/{project.pk}/categories/"
    made = client_of(alice).post(url, {"name": " big\u202e\n\x07cat \u200d"}, format="json").json()
    assert made["name"] == "big cat \u200d"  # joins letters and pictures of letters: that stays
    refused = client_of(alice).post(url, {"name": "\u202e"}, format="json")
    assert (refused.status_code, list(refused.json()["error"]["fields"])) == (400, ["name"])
    listed = client_of(alice).post(f"{url}list/", {"categories": [{"name": "\u2067dog"}]}, format="json")
    assert [row["name"] for row in listed.json()["created"]] == ["dog"]
    renamed = client_of(alice).patch(f"/api/projects/{project.pk}/", {"name": "A\u202eB"}, format="json")
    assert renamed.json()["name"] == "AB"


def test_two_changes_of_a_category_at_one_time_do_not_undo_each_other(category):
    """As the labels page sends them: a name and, before the answer has come, a supercategory."""
    first, second = type(category).objects.get(), type(category).objects.get()
    categories.update_category(first, name="lion")
    categories.update_category(second, supercategory="beast")
    category.refresh_from_db()
    assert (category.name, category.supercategory) == ("lion", "beast")


def test_a_category_is_deleted_and_its_annotations_moved_to_another(alice, project, annotation, category):
    other = categories.create_category(project, name="other")
    before = annotation.version
    answer = client_of(alice).delete(f"/api/categories/{category.pk}/?move_to={other.pk}")
    assert answer.status_code == 204
    annotation.refresh_from_db()
    assert (annotation.category, annotation.version, annotation.updated_by) == (other, before + 1, alice)
    assert not Category.objects.filter(pk=category.pk).exists()


def test_who_deleted_a_mask_and_when_stays_when_its_category_is_merged(
    alice, bob, project, annotation, category
):
    other = categories.create_category(project, name="other")
    client_of(bob).delete(f"/api/annotations/{annotation.pk}/")
    annotation.refresh_from_db()
    assert client_of(alice).delete(f"/api/categories/{category.pk}/?move_to={other.pk}").status_code == 204
    before = (annotation.updated_at, annotation.updated_by)
    annotation.refresh_from_db()
    assert (annotation.category, annotation.updated_at, annotation.updated_by) == (other, *before)


@pytest.mark.parametrize("move_to", ["itself", "another project's", "0", "x", str(10**30)])
def test_annotations_move_only_to_another_category_of_the_project(alice, annotation, category, move_to):
    theirs = categories.create_category(projects.create_project(alice, name="Other"), name="theirs")
    target = {"itself": category.pk, "another project's": theirs.pk}.get(move_to, move_to)
    answer = client_of(alice).delete(f"/api/categories/{category.pk}/?move_to={target}")
    assert answer.status_code == 400
    annotation.refresh_from_db()
    assert annotation.category == category


def test_a_list_adds_what_is_new_in_its_order(alice, project, category):
    rows = [{"name": "car", "supercategory": "vehicle"}, {"name": category.name.upper()}, {"name": "Car"}]
    answer = client_of(alice).post(
        f"/api/projects/{project.pk}/categories/list/", {"categories": rows}, format="json"
    )
    assert answer.status_code == 201
    assert [(row["name"], row["supercategory"]) for row in answer.json()["created"]] == [("car", "vehicle")]
    assert answer.json()["left_out"] == [category.name.upper(), "Car"]


@pytest.mark.parametrize("bad", [{"name": ""}, {"name": 101 * "x"}, {"name": "a\0b"}, {}])
def test_of_a_list_with_a_name_that_cannot_be_nothing_is_added(alice, project, bad):
    answer = client_of(alice).post(
        f"/api/projects/{project.pk}/categories/list/", {"categories": [{"name": "car"}, bad]}, format="json"
    )
    assert answer.status_code == 400
    assert not project.categories.filter(name="car").exists()


def test_a_list_that_is_too_long_says_how_long_it_may_be(alice, project):
    rows = [{"name": f"part {number}"} for number in range(1001)]
    answer = client_of(alice).post(
        f"/api/projects/{project.pk}/categories/list/", {"categories": rows}, format="json"
    )
    assert answer.status_code == 400
    assert "At most 1000 categories are added at once" in answer.json()["error"]["message"]
