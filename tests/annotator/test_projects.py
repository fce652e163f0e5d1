"""Lists of projects, and their end."""

from __future__ import annotations

from django.db import connection
from django.test.utils import CaptureQueriesContext

from annotator.models import Project
from annotator.projects import projects
from tests.annotator.world import client_of


# --- lists ---
def test_lists_come_in_pages(alice):
    for number in range(5):
        projects.create_project(alice, name=f"p{number}")
    page = client_of(alice).get("/api/projects/?page=2&page_size=2").json()
    assert (page["count"], [row["name"] for row in page["results"]]) == (5, ["p2", "p3"])
    assert page["next"] and page["previous"]
    assert len(client_of(alice).get("/api/projects/?page_size=100000").json()["results"]) == 5


def test_progress_is_counted_without_a_query_per_project(alice, project, image, annotation):
    client = client_of(alice)
    client.patch(f"/api/images/{image.pk}/", {"state": "done"}, format="json")
    (row,) = client.get("/api/projects/").json()["results"]
    counts = [row[f"{name}_count"] for name in ("image", "done", "in_progress", "annotation")]
    assert counts == [1, 1, 0, 1]
    assert (row["role"], row["bundle"]) == ("manager", "small")
    with CaptureQueriesContext(
        connection,
    ) as few:
        client.get("/api/projects/")
    for number in range(10):
        projects.create_project(alice, name=f"p{number}")
    with CaptureQueriesContext(connection) as many:
        client.get("/api/projects/")
    assert len(many) == len(few)


# --- categories and members ---
def test_deleting_a_project_takes_everything_with_it(alice, project, annotation, ready_image, settings):
    assert client_of(alice).delete(f"/api/projects/{project.pk}/").status_code == 204
    assert Project.objects.count() == 0
