"""Every error of the API has one shape."""

from __future__ import annotations

import json

import pytest

from annotator.projects import projects
from tests.annotator.world import annotation_body, browser_of, client_of


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


def test_a_nul_character_is_refused_wherever_it_stands(alice, project, image, category):
    project_url, annotations_url = f"/api/projects/{project.pk}/", f"/api/images/{image.pk}/annotations/"
    for url, body in (
        (project_url, {"name": "a\0b"}),
        (project_url, {"bundle": "\0"}),
        (project_url, {"\0": 1}),
        (annotations_url, annotation_body(category, bundle_digest="\0")),
        (annotations_url, annotation_body(category, prompt={"\0": 1})),
    ):
        method = "PATCH" if url == project_url else "POST"
        response = client_of(alice).generic(method, url, json.dumps(body), content_type="application/json")
        assert (response.status_code, response.json()["error"]["code"]) == (400, "parse_error"), (url, body)
    kept = {"description": r"a backslash, then u0000: \u0000, and two: \\u0000"}
    assert (
        client_of(alice).patch(project_url, kept, format="json").json()["description"] == kept["description"]
    )


@pytest.mark.parametrize(
    "numeral", ["9" * 400, "9" * 19, "-" + "9" * 400, str(2**31), str(2**63), "1e999", "NaN"]
)
def test_numbers_that_no_column_can_hold_are_refused(alice, project, image, category, numeral):
    client = client_of(alice)
    annotation = json.dumps(annotation_body(category))
    for url, body in (
        (f"/api/projects/{project.pk}/categories/", '{"name": "n", "coco_id": %s}'),
        (f"/api/projects/{project.pk}/categories/", '{"name": "n", "position": %s}'),
        (f"/api/projects/{project.pk}/images/mark/", '{"ids": [%s], "state": "done"}'),
        (
            f"/api/images/{image.pk}/annotations/",
            annotation[:-1].replace('"clicks": 1', '"clicks": %s') + "}",
        ),
        (
            f"/api/images/{image.pk}/annotations/",
            annotation.replace('"time_spent_s": 1.5', '"time_spent_s": %s'),
        ),
        (f"/api/images/{image.pk}/annotations/", annotation.replace("[3.5, 2.0]", "[%s, 2.0]")),
        (
            f"/api/images/{image.pk}/annotations/",
            annotation.replace('"predicted_iou": 0.9', '"predicted_iou": %s'),
        ),
        (
            f"/api/images/{image.pk}/annotations/",
            annotation.replace(f'"category": {category.pk}', '"category": %s'),
        ),
    ):
        assert "%s" in body
        response = client.generic("POST", url, body % numeral, content_type="application/json")
        assert response.status_code < 500, (url, body, response.content)


def test_a_category_follows_one_with_the_largest_numbers(alice, project, category):
    client, url = client_of(alice), f"/api/projects/{project.pk}/categories/"
    largest = {"name": "last", "coco_id": 2**31 - 1, "position": 2**31 - 1}
    assert client.post(url, largest, format="json").status_code == 201
    made = client.post(url, {"name": "after"}, format="json")
    assert made.status_code == 201, made.content
    assert (made.json()["coco_id"], made.json()["position"]) == (2, 2**31 - 1)


@pytest.mark.parametrize(
    "url",
    [
        "/?search=%00",
        "/projects/1/images/?search=%00",
        "/projects/1/images/?person=a%00",
        "/login/%00",
        "/admin/?q=%00",
    ],
)
def test_an_address_with_a_nul_is_400(alice, url):
    browser = browser_of(alice)
    assert browser.get(url).status_code == 400
    api = client_of(alice).get("/api/bundles/%00/")
    assert (api.status_code, api.json()["error"]["code"]) == (400, "bad_request")


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
