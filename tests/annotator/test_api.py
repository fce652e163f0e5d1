"""What holds for the API as a whole: one error shape, pages, filters, headers, signing in."""

from __future__ import annotations

import json
import shutil

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from rest_framework.test import APIClient

from annotator.models import LoginFailures, Project, User
from annotator.people import login_attempts
from annotator.projects import projects
from tests.annotator.world import Installation, annotation_body, client_of, encode_image, upload

PASSWORD = "correct horse battery"


@pytest.fixture
def dora(db, settings) -> User:
    settings.PASSWORD_HASHERS = [
        "django.contrib.auth.hashers.MD5PasswordHasher"
    ]  # the real one is slow on purpose
    return User.objects.create_user("dora", password=PASSWORD)


def sign_in(username: str, password: str):
    return APIClient().post("/api/auth/token/", {"username": username, "password": password}, format="json")


# --- signing in ---
def test_a_token_signs_in(dora):
    token = sign_in("dora", PASSWORD).json()["token"]
    client = APIClient()
    client.credentials(HTTP_AUTHORIZATION=f"Token {token}")
    assert client.get("/api/me/").json() == {"username": "dora", "is_staff": False}


def test_a_wrong_password_and_an_unknown_name_look_the_same(dora):
    wrong, unknown = sign_in("dora", "nope"), sign_in("nobody", "nope")
    assert (wrong.status_code, wrong.content) == (400, unknown.content)


def test_guessing_passwords_is_stopped_even_for_the_right_one(dora, settings):
    for _ in range(settings.LOGIN_FAILURES_MAX):
        assert sign_in("dora", "guess").status_code == 400
    response = sign_in("dora", PASSWORD)
    assert (response.status_code, response.json()["error"]["code"]) == (429, "throttled")
    assert sign_in("nobody", "guess").status_code == 400  # others are not locked out with her


def test_failures_are_counted_across_web_processes_and_forgotten_in_time(
    dora, settings, migrated_data_dir, tmp_path
):
    installation = Installation(shutil.copytree(migrated_data_dir, tmp_path / "data"))
    count = "from annotator.people.login_attempts import *\nfor _ in range(9): record_failure(None, 'Dora')"
    ask = "from annotator.people.login_attempts import *\nrecord_failure(None, 'dora'); print(is_blocked(None, 'DORA'))"
    installation.python(count)
    assert installation.python(ask).split()[-1] == "True"

    settings.LOGIN_FAILURES_WINDOW_S = -1
    for _ in range(settings.LOGIN_FAILURES_MAX + 1):
        sign_in("dora", "guess")
    assert sign_in("dora", PASSWORD).status_code == 200
    login_attempts.forget_old()
    assert not LoginFailures.objects.exists()


def test_signing_in_often_with_the_right_password_is_not_stopped(dora, settings):
    for _ in range(settings.LOGIN_FAILURES_MAX + 5):
        assert sign_in("dora", PASSWORD).status_code == 200


def test_a_token_can_be_asked_for_with_a_form(dora):
    response = APIClient().post(
        "/api/auth/token/",
        f"username=dora&password={PASSWORD}",
        content_type="application/x-www-form-urlencoded",
    )
    assert response.status_code == 200 and response.json()["token"]


def test_a_wrong_token_is_401(db):
    client = APIClient()
    client.credentials(HTTP_AUTHORIZATION="Token nope")
    response = client.get("/api/me/")
    assert (response.status_code, response.json()["error"]["code"]) == (401, "authentication_failed")
    assert response["WWW-Authenticate"] == "Token"


# --- errors ---
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


def test_images_are_listed_without_a_query_per_image(alice, project, image):
    client, url = client_of(alice), f"/api/projects/{project.pk}/images/"
    with CaptureQueriesContext(connection) as few:
        client.get(url)
    files = [upload(encode_image(seed=seed), f"{seed}.png") for seed in range(1, 9)]
    client.post(url, {"files": files}, format="multipart")
    with CaptureQueriesContext(connection) as many:
        assert client.get(url).json()["count"] == 9
    assert len(many) == len(few)


@pytest.mark.parametrize(
    ("query", "names"),
    [
        ("", ["photo.png", "second.png"]),
        ("state=not_started", ["second.png"]),
        ("state=in_progress&state=not_started", ["photo.png", "second.png"]),
        ("embedding_state=queued", ["photo.png", "second.png"]),
        ("embedding_state=ready", []),
        ("search=SEC", ["second.png"]),
        ("ordering=-name", ["second.png", "photo.png"]),
        ("ordering=-annotation_count", ["photo.png", "second.png"]),
    ],
)
def test_images_can_be_filtered_and_ordered(alice, project, annotation, second_image, query, names):
    rows = client_of(alice).get(f"/api/projects/{project.pk}/images/?{query}").json()["results"]
    assert [row["name"] for row in rows] == names


def test_images_can_be_found_by_category(alice, project, annotation, category, second_image):
    url = f"/api/projects/{project.pk}/images/?category={category.pk}"
    assert [row["name"] for row in client_of(alice).get(url).json()["results"]] == ["photo.png"]


@pytest.mark.parametrize("query", ["category=1e30", "category=-1", f"id_min={10**30}", "id_max=NaN"])
def test_a_filter_by_what_cannot_be_an_id_is_refused_in_words(alice, project, image, query):
    response = client_of(alice).get(f"/api/projects/{project.pk}/images/?{query}")
    assert (response.status_code, list(response.json()["error"]["fields"])) == (
        400,
        [query.partition("=")[0]],
    )


def test_an_image_row_has_what_the_contract_says(alice, image):
    row = client_of(alice).get(f"/api/images/{image.pk}/").json()
    assert list(row) == [
        *(
            "id",
            "project",
            "position",
            "name",
            "width",
            "height",
            "state",
            "embedding_state",
            "annotation_count",
        ),
        *("digest", "file_url", "thumbnail_url", "created_at"),
    ]
    assert (row["width"], row["height"]) == (8, 6)


# --- categories and members ---
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


def test_deleting_a_project_takes_everything_with_it(alice, project, annotation, ready_image, settings):
    assert client_of(alice).delete(f"/api/projects/{project.pk}/").status_code == 204
    assert Project.objects.count() == 0


# --- headers and schema ---
@pytest.mark.parametrize("url", ["/api/projects/", "/api/nothing/", "/admin/login/", "/api/docs/"])
def test_every_response_is_cross_origin_isolated(alice, url):
    response = client_of(alice).get(url)
    assert response["Cross-Origin-Opener-Policy"] == "same-origin"
    assert response["Cross-Origin-Embedder-Policy"] == "require-corp"
    assert response["Cross-Origin-Resource-Policy"] == "same-origin"


def test_inline_scripts_are_forbidden_but_in_the_api_docs(alice):
    def scripts(url):
        policy = client_of(alice).get(url)["Content-Security-Policy"]
        return next(part for part in policy.split(";") if part.strip().startswith("script-src"))

    assert "unsafe-inline" not in scripts("/admin/login/")
    assert "unsafe-inline" in scripts("/api/docs/")


def test_the_schema_describes_every_address(db):
    from django.core.management import call_command

    text = APIClient().get("/api/schema/", HTTP_ACCEPT="application/vnd.oai.openapi+json").content
    paths = json.loads(text)["paths"]
    assert "/api/images/{image_id}/embedding/" in paths
    call_command("spectacular", "--validate", "--fail-on-warn", "--file", "/dev/null")


def test_a_large_annotation_fits_into_a_request(bob, project, category, alice):
    """A mask of noise at 1000 x 1000 has half a million runs: more than Django's default limit of 2.5 MB may hold."""
    import io

    import numpy as np

    from annotator.media import intake
    from segmentation import rle

    image = intake.ingest_image(project, io.BytesIO(encode_image((1000, 1000))), "noise.png").image
    noise = np.random.default_rng(3).integers(0, 2, (1000, 1000)).astype(bool)
    body = annotation_body(category, segmentation=rle.encode(noise), prompt=None)
    response = client_of(bob).post(f"/api/images/{image.pk}/annotations/", body, format="json")
    assert response.status_code == 201
    assert response.json()["area"] == int(noise.sum())
