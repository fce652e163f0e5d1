"""Every endpoint times every role: one table says what each gets."""

from __future__ import annotations

import io
import uuid
from dataclasses import dataclass

import pytest
from django.urls import reverse

from annotator.api.urls import urlpatterns
from annotator.datasets.examination import examine
from annotator.models import BundleJob, DatasetVersion, Export, Import, Membership
from annotator.people import invitations
from annotator.projects import categories, projects
from exporters.source import FileSource
from segmentation.catalogue import members
from tests.annotator.world import annotation_body, client_of, encode_image, upload

ROLES = ("anonymous", "stranger", "viewer", "annotator", "manager", "staff")


@dataclass(frozen=True)
class Row:
    method: str
    name: str
    expected: tuple[int, int, int, int, int, int]  # as in ROLES


READ = (401, 404, 200, 200, 200, 200)


def read(success: int = 200):
    return (401, 404, success, success, success, success)


def annotate(success: int):
    return (401, 404, 403, success, success, success)


def manage(success: int):
    return (401, 404, 403, 403, success, success)


def signed_in(success: int):
    return (401, *[success] * 5)


def admin(success: int):
    return (401, 403, 403, 403, 403, success)


def anybody(success: int):
    return (success,) * 6


TABLE = [
    Row("POST", "token", anybody(400)),  # the body has no such user
    Row("GET", "me", signed_in(200)),
    Row("POST", "timings", signed_in(204)),
    Row("PATCH", "me", signed_in(200)),
    Row("GET", "me-tokens", signed_in(200)),
    Row("POST", "me-tokens", signed_in(403)),  # whoever signs in with a token makes none
    Row("DELETE", "me-token", signed_in(404)),  # nobody's
    Row("POST", "images-mark", annotate(200)),
    Row("POST", "images-delete", manage(200)),
    Row("GET", "preferences", signed_in(200)),
    Row("PUT", "preferences", signed_in(200)),
    Row("PATCH", "preferences", signed_in(200)),
    Row("GET", "projects", signed_in(200)),
    Row("POST", "projects", signed_in(201)),
    Row("GET", "project", read()),
    Row("PATCH", "project", manage(200)),
    Row("DELETE", "project", manage(204)),
    Row("GET", "progress", read()),
    Row("GET", "categories", read()),
    Row("POST", "categories", manage(201)),
    Row("POST", "categories-list", manage(201)),
    Row("GET", "category", read()),
    Row("PATCH", "category", manage(200)),
    Row("DELETE", "category", manage(204)),
    Row("GET", "members", read()),
    Row("POST", "members", manage(201)),
    Row("GET", "invitations", manage(200)),
    Row("POST", "invitations", manage(201)),
    Row("DELETE", "invitation", manage(204)),
    Row("GET", "member", read()),
    Row("PATCH", "member", manage(200)),
    Row("DELETE", "member", manage(204)),
    Row("GET", "images", read()),
    Row("POST", "images", manage(201)),
    Row("POST", "partial-uploads", manage(412)),  # without the protocol's version
    # An upload is for the person who began it: nobody else finds it, whatever the role.
    Row("PATCH", "partial-upload", signed_in(412)),  # likewise
    Row("DELETE", "partial-upload", signed_in(412)),
    Row("POST", "partial-upload-finish", (401, *[404] * 5)),
    Row("GET", "trash-images", manage(200)),
    Row("POST", "trash-images-restore", manage(200)),
    Row("POST", "trash-images-remove", manage(200)),
    Row("GET", "trash-annotations", manage(200)),
    Row("GET", "image", read()),
    Row("PATCH", "image", annotate(200)),
    Row("DELETE", "image", manage(204)),
    Row("GET", "image-file", read()),
    Row("GET", "image-thumbnail", read()),
    Row("GET", "image-tile", read(404)),  # it is small
    Row("GET", "embedding", read(202)),
    Row("POST", "embedding", annotate(409)),  # it has not failed
    Row("GET", "annotations", read()),
    Row("POST", "annotations", annotate(201)),
    Row("GET", "annotation", read()),
    Row("PATCH", "annotation", annotate(200)),
    Row("DELETE", "annotation", annotate(204)),
    Row("POST", "annotation-restore", annotate(200)),
    Row("GET", "exports", read()),
    Row("POST", "exports", manage(202)),
    Row("GET", "export", read()),
    Row("DELETE", "export", manage(204)),
    Row("GET", "export-file", read(409)),  # it is not ready
    Row("GET", "export-report", read(409)),  # likewise
    Row("POST", "export-link", manage(409)),  # likewise
    Row("GET", "export-by-link", anybody(404)),  # nobody signed it
    Row("POST", "exports-preview", manage(200)),
    Row("GET", "dataset-versions", read()),
    Row("POST", "dataset-versions", manage(202)),
    Row("GET", "dataset-version", read()),
    Row("PATCH", "dataset-version", manage(200)),
    Row("DELETE", "dataset-version", manage(204)),
    Row("GET", "dataset-version-difference", read(409)),  # it is not ready
    Row("GET", "imports", manage(200)),
    Row("POST", "imports", manage(202)),
    Row("GET", "import", manage(200)),
    Row("PATCH", "import", manage(200)),
    Row("DELETE", "import", manage(204)),
    Row("POST", "import-start", manage(202)),
    Row("GET", "import-problems", manage(404)),  # there are none
    Row("GET", "bundles", signed_in(200)),
    Row("GET", "bundle", signed_in(200)),
    Row("DELETE", "bundle", admin(409)),  # it lies in a folder
    Row("GET", "bundle-default", signed_in(200)),
    Row("POST", "bundle-default", admin(204)),
    Row("POST", "bundle-selftest", admin(202)),
    Row("GET", "bundle-job", (401, 403, 403, 403, 200, 200)),
    Row("DELETE", "bundle-job", admin(204)),
    Row("GET", "catalogue", signed_in(200)),
    Row("POST", "catalogue-install", admin(202)),
    Row("GET", "bundle-decoder", signed_in(503)),  # it has not been exported
    Row("GET", "bundle-fast-decoder", signed_in(404)),  # likewise
    Row("GET", "schema", anybody(200)),
    Row("GET", "docs", anybody(200)),
    Row("GET", "unknown", anybody(404)),
]


@pytest.fixture
def world(project, category, image, annotation, alice, charlie):
    """Alice's project with one of everything, and the arguments and bodies that name them."""
    spare = categories.create_category(project, name="dog")
    vera = Membership.objects.get(project=project, user__username="vera")
    invitation = invitations.make(project, alice, role="viewer", days=7, uses=1)
    export = Export.objects.create(
        project=project,
        format="coco",
        options={"segmentation": "rle", "include_images": False, "states": []},
    )
    version = DatasetVersion.objects.create(project=project, name="First")
    empty = FileSource(io.BytesIO(b'{"images": [], "annotations": []}'), "a.json")
    found = examine(empty, project).found
    brought = Import.objects.create(project=project, name="a.json", state="ready", found=found)
    of_import = {"import_id": brought.pk}
    job = BundleJob.objects.create(action="selftest", name="another")
    of_project, of_image = {"project_id": project.pk}, {"image_id": image.pk}
    of_annotation = {"annotation_id": annotation.pk}
    return {
        "arguments": {
            "project": of_project,
            "progress": of_project,
            "categories": of_project,
            "categories-list": of_project,
            "members": of_project,
            "me-token": {"token_id": 999_999},
            "invitations": of_project,
            "invitation": {"invitation_id": invitation.pk},
            "images": of_project,
            "images-mark": of_project,
            "images-delete": of_project,
            "partial-uploads": of_project,
            "partial-upload": {"upload_id": uuid.uuid4()},
            "partial-upload-finish": {"upload_id": uuid.uuid4()},
            "trash-images": of_project,
            "trash-images-restore": of_project,
            "trash-images-remove": of_project,
            "trash-annotations": of_project,
            "exports": of_project,
            "dataset-versions": of_project,
            "dataset-version": {"version_id": version.pk},
            "dataset-version-difference": {"version_id": version.pk},
            "imports": of_project,
            "import": of_import,
            "import-start": of_import,
            "import-problems": of_import,
            "category": {"category_id": spare.pk},
            "member": {"member_id": vera.pk},
            "image": of_image,
            "image-file": of_image,
            "image-thumbnail": of_image,
            "image-tile": {**of_image, "level": 0, "column": 0, "row": 0},
            "embedding": of_image,
            "annotations": of_image,
            "annotation": of_annotation,
            "annotation-restore": of_annotation,
            "export": {"export_id": export.pk},
            "export-file": {"export_id": export.pk},
            "export-report": {"export_id": export.pk},
            "export-link": {"export_id": export.pk},
            "export-by-link": {"token": "made-up"},
            "exports-preview": of_project,
            "bundle": {"name": "small"},
            "bundle-default": {"name": "small"},
            "bundle-selftest": {"name": "small"},
            "bundle-job": {"job_id": job.pk},
            "catalogue-install": {"name": members()[0].name},
            "bundle-decoder": {"name": "small"},
            "bundle-fast-decoder": {"name": "small"},
        },
        "bodies": {
            ("POST", "token"): {"username": "nobody", "password": "wrong"},
            ("POST", "projects"): {"name": "Dogs"},
            ("POST", "images-mark"): {"ids": [], "state": "done"},
            ("POST", "images-delete"): {"ids": []},
            ("POST", "trash-images-restore"): {"ids": []},
            ("POST", "trash-images-remove"): {"ids": []},
            ("PATCH", "project"): {"description": "Only cats."},
            ("POST", "timings"): {"decode_ms": [4.5]},
            ("POST", "categories"): {"name": "bird"},
            ("POST", "categories-list"): {"categories": [{"name": "bird"}]},
            ("PATCH", "category"): {"color": "#00ff00"},
            ("PATCH", "me"): {"first_name": "Vera"},
            ("POST", "me-tokens"): {"name": "Nightly", "expires_in_days": 7},
            ("POST", "invitations"): {"role": "viewer"},
            ("POST", "members"): {"username": "charlie", "role": "viewer"},
            ("PATCH", "member"): {"role": "annotator"},
            ("PATCH", "image"): {"state": "done"},
            ("POST", "annotations"): annotation_body(category),
            ("PATCH", "annotation"): {"version": 1, "clicks": 5},
            ("POST", "exports"): {"format": "coco"},
            ("POST", "exports-preview"): {"format": "coco"},
            ("PATCH", "dataset-version"): {"note": "sent"},
            ("PATCH", "import"): {"to_check": True},
        },
    }


@pytest.mark.parametrize("row", TABLE, ids=lambda row: f"{row.method} {row.name}")
@pytest.mark.parametrize("role", ROLES)
def test_a_role_gets_what_the_table_says(row, role, world, alice, bob, vera, charlie, staff):
    users = dict(zip(ROLES, (None, charlie, vera, bob, alice, staff), strict=True))
    if row.name == "unknown":
        url = "/api/nothing/here/"
    else:
        url = reverse(f"api:{row.name}", kwargs=world["arguments"].get(row.name))
    body = world["bodies"].get((row.method, row.name))
    kwargs = {"data": body, "format": "json"} if body else {}
    if (row.method, row.name) == ("POST", "images"):
        kwargs = {"data": {"files": upload(encode_image(seed=7))}, "format": "multipart"}
    if (row.method, row.name) == ("POST", "imports"):
        kwargs = {"data": {"file": upload(b"{}", "a.json")}, "format": "multipart"}
    response = getattr(client_of(users[role]), row.method.lower())(url, **kwargs)

    assert response.status_code == row.expected[ROLES.index(role)], getattr(response, "content", "")
    if response.status_code >= 400:
        error = response.json()["error"]
        assert set(error) == {"code", "message", "fields"}
        assert error["code"] and error["message"]


def test_the_table_names_every_endpoint_and_every_method():
    in_table = {(row.name, row.method) for row in TABLE}
    served = set()
    for pattern in urlpatterns:
        view = pattern.callback.view_class
        methods = {name.upper() for name in view.http_method_names if hasattr(view, name)} - {
            "OPTIONS",
            "HEAD",
        }
        served |= {(pattern.name, method) for method in methods or {"GET"}}
    assert in_table == served


def test_a_stranger_finds_nothing_in_lists(charlie, project, image, annotation):
    assert client_of(charlie).get("/api/projects/").json()["count"] == 0


def test_a_disabled_user_is_nobody(bob, project):
    client = client_of(bob)
    bob.is_active = False
    bob.save()
    assert client.get(f"/api/projects/{project.pk}/").status_code == 401


def test_another_projects_manager_cannot_reach_in(charlie, project, image, annotation):
    other = projects.create_project(charlie, name="Charlie's")
    client = client_of(charlie)
    assert client.get(f"/api/projects/{other.pk}/").status_code == 200
    for url in (
        f"/api/images/{image.pk}/",
        f"/api/images/{image.pk}/embedding/",
        f"/api/annotations/{annotation.pk}/",
    ):
        assert client.get(url).status_code == 404


def test_staff_are_managers_everywhere(staff, project):
    assert client_of(staff).get(f"/api/projects/{project.pk}/").json()["role"] == "manager"


def test_a_session_needs_the_csrf_token_to_write(alice, project):
    from rest_framework.test import APIClient

    client = APIClient(enforce_csrf_checks=True)
    client.force_login(alice)
    response = client.post("/api/projects/", {"name": "x"}, format="json")
    assert response.status_code == 403
    assert response.json()["error"]["code"] == "permission_denied"


def test_the_stranger_leaves_no_trace(charlie, image, annotation, category):
    client = client_of(charlie)
    client.delete(f"/api/annotations/{annotation.pk}/")
    client.post(f"/api/images/{image.pk}/annotations/", annotation_body(category), format="json")
    client.patch(f"/api/images/{image.pk}/", {"state": "done"}, format="json")
    annotation.refresh_from_db()
    image.refresh_from_db()
    assert annotation.deleted_at is None
    assert image.annotations.count() == 1
    assert image.state == "in_progress"


def test_ids_made_by_the_client_do_not_tell_of_other_projects(charlie, annotation, bundle):
    """Posting a foreign annotation's id onto an own image says "taken" and nothing else."""
    own = projects.create_project(charlie, name="Charlie's")
    category = categories.create_category(own, name="thing")
    client = client_of(charlie)
    uploaded = client.post(
        f"/api/projects/{own.pk}/images/", {"files": upload(encode_image(seed=9))}, format="multipart"
    )
    image_id = uploaded.json()["results"][0]["id"]
    body = annotation_body(category, id=str(annotation.pk))
    response = client.post(f"/api/images/{image_id}/annotations/", body, format="json")
    assert response.status_code == 409
    assert response.json()["error"]["code"] == "id_taken"
    assert "current" not in response.json()
    assert str(uuid.UUID(str(annotation.pk))) not in response.json()["error"]["message"]
