"""Categories of a project."""

from __future__ import annotations

from annotator.projects import categories
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
    assert client_of(alice).delete(url).status_code == 204


def test_two_changes_of_a_category_at_one_time_do_not_undo_each_other(category):
    """As the labels page sends them: a name and, before the answer has come, a supercategory."""
    first, second = type(category).objects.get(), type(category).objects.get()
    categories.update_category(first, name="lion")
    categories.update_category(second, supercategory="beast")
    category.refresh_from_db()
    assert (category.name, category.supercategory) == ("lion", "beast")
