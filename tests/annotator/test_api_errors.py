"""Every error of the API has one shape."""

from __future__ import annotations

import json

import pytest

from annotator.projects import projects
from tests.annotator.world import annotation_body, client_of


@pytest.mark.parametrize(
    ("method", "url", "status", "code"),
    [
        ("GET", "/api/nothing/", 404, "not_found"),
        ("GET", "/api/", 404, "not_found"),
        ("GET", "/api/projects", 404, "not_found"),
        ("GET", "/api/projects/0/", 404, "not_found"),
        ("GET", f"/api/images/{10**30}/", 404, "not_found"),
        ("GET", "/api/annotations/5/", 404, "not_found"),
        ("GET", "/api/bundles/none/", 404, "not_found"),
        ("GET", "/api/projects/?page=7", 404, "not_found"),
        ("PUT", "/api/projects/", 405, "method_not_allowed"),
        ("GET", "/api/projects/?ordering=password", 400, "invalid"),
        ("POST", "/api/projects/", 400, "parse_error"),
    ],
)
def test_every_error_has_the_same_shape(alice, method, url, status, code):
    body = b"" if method == "GET" else b"[" * 100_000  # nested deeper than any parser goes
    response = client_of(alice).generic(method, url, body, content_type="application/json")
    assert response.status_code == status
    error = response.json()["error"]
    assert error["code"] == code
    assert error["message"] and isinstance(error["fields"], dict)


def test_a_wrong_content_type_is_415(alice, project):
    response = client_of(alice).post(f"/api/projects/{project.pk}/images/", {"files": []}, format="json")
    assert (response.status_code, response.json()["error"]["code"]) == (415, "unsupported_media_type")


def test_invalid_fields_are_named(alice, project):
    response = client_of(alice).post(
        f"/api/projects/{project.pk}/categories/", {"color": "red", "coco_id": 0}, format="json"
    )
    assert response.status_code == 400
    assert set(response.json()["error"]["fields"]) == {"name", "color", "coco_id"}


def test_a_fault_of_ours_is_500_in_the_same_shape_and_tells_nothing(alice, monkeypatch):
    def fail(*args, **kwargs):
        raise RuntimeError("secret detail")

    monkeypatch.setattr(projects, "create_project", fail)
    response = client_of(alice).post("/api/projects/", {"name": "x"}, format="json")
    assert (response.status_code, response.json()["error"]["code"]) == (500, "internal_error")
    assert b"secret" not in response.content


def test_half_of_a_character_is_refused_wherever_it_stands(alice, project, image, category):
    half = json.loads('"\\ud83d"')
    project_url, annotations_url = f"/api/projects/{project.pk}/", f"/api/images/{image.pk}/annotations/"
    rle = annotation_body(category)["segmentation"]
    for url, body in (
        (project_url, {"name": half}),
        (project_url, {"bundle": half}),
        (annotations_url, annotation_body(category, bundle_digest=half)),
        (annotations_url, annotation_body(category, segmentation=rle | {"counts": half})),
        (annotations_url, annotation_body(category, prompt={half: 1})),
    ):
        method = "PATCH" if url == project_url else "POST"
        response = client_of(alice).generic(method, url, json.dumps(body), content_type="application/json")
        assert response.status_code == 400, (url, body)


def test_what_is_nested_deep_is_refused_by_its_field(alice, project, image, category):
    deep: list = []
    for _ in range(400):
        deep = [deep]
    for url, body in (
        (f"/api/projects/{project.pk}/", {"bundle": deep}),
        (f"/api/images/{image.pk}/annotations/", annotation_body(category, prompt=deep)),
        (f"/api/images/{image.pk}/annotations/", annotation_body(category, segmentation=deep)),
    ):
        method = client_of(alice).patch if url.startswith("/api/projects") else client_of(alice).post
        assert method(url, body, format="json").status_code == 400


def test_every_address_tells_what_it_takes(alice, project, image, annotation):
    for url in (
        f"/api/images/{image.pk}/embedding/",
        f"/api/images/{image.pk}/annotations/",
        f"/api/projects/{project.pk}/exports/",
        f"/api/projects/{project.pk}/images/",
        f"/api/annotations/{annotation.pk}/",
    ):
        assert client_of(alice).options(url).status_code == 200
