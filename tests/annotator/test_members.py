"""Members of a project."""

from __future__ import annotations

from tests.annotator.world import client_of


def test_the_last_manager_stays(alice, project):
    members = client_of(alice).get(f"/api/projects/{project.pk}/members/").json()["results"]
    assert [(row["username"], row["role"]) for row in members] == [
        ("alice", "manager"),
        ("bob", "annotator"),
        ("vera", "viewer"),
    ]
    url = f"/api/members/{members[0]['id']}/"
    for response in (
        client_of(alice).delete(url),
        client_of(alice).patch(url, {"role": "viewer"}, format="json"),
    ):
        assert (response.status_code, response.json()["error"]["code"]) == (409, "last_manager")


def test_a_member_is_added_once_and_by_a_name_that_exists(alice, project):
    url = f"/api/projects/{project.pk}/members/"
    for username in ("bob", "nobody"):
        response = client_of(alice).post(url, {"username": username, "role": "viewer"}, format="json")
        assert (response.status_code, list(response.json()["error"]["fields"])) == (400, ["username"])
