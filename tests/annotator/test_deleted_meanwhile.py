"""Somebody deletes what somebody else is just writing to: 404 or 409, never 500.

Every endpoint that writes, of the table of roles: between the check of the right and the view's work, the row that the
address names is deleted, as another person's request might do it.
"""

from __future__ import annotations

import pytest
from django.urls import reverse

from annotator.api.base import scope
from annotator.models import Annotation, Category, Export, Image, Import, Project
from tests.annotator.test_roles import TABLE, world  # noqa: F401
from tests.annotator.world import client_of, encode_image, upload

pytestmark = pytest.mark.django_db(transaction=True)  # what a foreign key forbids is found at the commit

READS = {"GET"}
ALONE = {
    "token",
    "preferences",
    "projects",
    "bundle-default",
    "bundle-selftest",
    "bundle",
    "catalogue-install",
}
WRITES = [row for row in TABLE if row.method not in READS and row.name not in ALONE]
VICTIMS = {"project": Project, "image": Image, "category": Category, "export": Export, "import": Import}


def delete_at_the_door(monkeypatch, victim: str) -> list[str]:
    """Deletes all rows of a kind once a request has passed the check of its right; what was asked for, so far."""
    passed: list[str] = []
    require = scope.permissions.require

    def then_delete(user, right, project_id):
        require(user, right, project_id)
        if not passed:
            if victim == "project":
                Project.objects.all().delete()
            elif victim == "category":
                Annotation.objects.all().delete()
                Category.objects.all().delete()
            else:
                VICTIMS[victim]._base_manager.all().delete()
        passed.append(right)

    monkeypatch.setattr(scope.permissions, "require", then_delete)
    return passed


@pytest.mark.parametrize("victim", VICTIMS)
@pytest.mark.parametrize("row", WRITES, ids=lambda row: f"{row.method} {row.name}")
def test_what_is_deleted_meanwhile_is_no_fault_of_the_server(row, victim, world, alice, monkeypatch):  # noqa: F811
    url = reverse(f"api:{row.name}", kwargs=world["arguments"].get(row.name))
    body = world["bodies"].get((row.method, row.name))
    kwargs = {"data": body, "format": "json"} if body else {}
    if (row.method, row.name) == ("POST", "images"):
        kwargs = {"data": {"files": upload(encode_image(seed=7))}, "format": "multipart"}
    if (row.method, row.name) == ("POST", "imports"):
        kwargs = {"data": {"file": upload(b"{}", "a.json")}, "format": "multipart"}
    client = client_of(alice)
    delete_at_the_door(monkeypatch, victim)
    response = getattr(client, row.method.lower())(url, **kwargs)
    assert response.status_code < 500, (response.status_code, response.content)
    if response.status_code in (404, 409):
        assert response.json()["error"]["message"]
