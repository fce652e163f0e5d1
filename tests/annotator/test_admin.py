"""The admin panel, page by page."""

from __future__ import annotations

import io
import uuid
from datetime import timedelta

import numpy as np
import pytest
from django.contrib import admin
from django.core.files.base import ContentFile
from django.core.files.storage import default_storage
from django.urls import reverse
from django.utils import timezone
from PIL import Image as Pillow

from annotator.annotations import saving
from annotator.models import (
    Annotation,
    Category,
    EmbeddingJob,
    Export,
    Image,
    Membership,
    Project,
    User,
    WorkerHeartbeat,
)
from annotator.people import members
from annotator.projects import categories
from tests.annotator.world import annotation_body

OWN_MODELS = [
    (model._meta.app_label, model._meta.model_name)
    for model in admin.site._registry
    if model._meta.app_label in {"annotator", "auth"}
]


@pytest.fixture
def boss(db) -> User:
    return User.objects.create_superuser("boss", password="secret")


@pytest.fixture
def panel(client, boss):
    """A browser that is signed in as a superuser."""
    client.force_login(boss)
    return client


@pytest.fixture
def world(project, annotation, second_image, alice):
    """A row of everything."""
    Export.objects.create(project=project, format="coco", options={"segmentation": "rle"}, created_by=alice)
    WorkerHeartbeat.objects.create(
        name="w@here", hostname="here", pid=1, device="cpu", last_seen=timezone.now()
    )
    return project


def act(panel, model: str, action: str, *rows):
    return panel.post(
        reverse(f"admin:annotator_{model}_changelist"),
        {"action": action, "_selected_action": [row.pk for row in rows], "post": "yes"},
        follow=True,
    )


def page(panel, model: str, query: str = "") -> str:
    response = panel.get(reverse(f"admin:annotator_{model}_changelist") + query)
    assert response.status_code == 200
    return response.content.decode()


def picture_of(response) -> np.ndarray:
    assert response.status_code == 200, response.content
    assert response["Content-Type"] == "image/png"
    return np.asarray(Pillow.open(io.BytesIO(response.content))).astype(int)


@pytest.mark.parametrize(("app", "model"), OWN_MODELS, ids=lambda name: name)
def test_every_list_and_every_rows_page_opens(panel, world, app, model):
    listing = reverse(f"admin:{app}_{model}_changelist")
    assert panel.get(listing).status_code == 200
    assert panel.get(listing, {"q": "a"}).status_code == 200
    rows = [m for m in admin.site._registry if (m._meta.app_label, m._meta.model_name) == (app, model)][0]
    row = rows.objects.first()
    if row is not None:
        assert panel.get(reverse(f"admin:{app}_{model}_change", args=[row.pk])).status_code == 200


@pytest.mark.parametrize("model", ["image", "annotation", "embeddingjob", "export", "project"])
def test_a_list_asks_the_database_as_often_for_many_rows_as_for_one(
    panel, world, image, category, bob, model, django_assert_max_num_queries
):
    for _ in range(15):
        body = annotation_body(category) | {"id": uuid.uuid4()}
        saving.create(image, author=bob, **body)
    with django_assert_max_num_queries(25):
        page(panel, model)


def test_somebody_who_is_not_staff_sees_nothing(client, bob, annotation):
    client.force_login(bob)
    for address in (
        reverse("admin:index"),
        reverse("admin:annotator_annotation_changelist"),
        reverse("admin:annotator_annotation_overlay", args=[annotation.pk]),
    ):
        response = client.get(address)
        assert response.status_code == 302
        assert "/admin/login/" in response["Location"]


def test_staff_without_the_right_do_not_see_the_overlay(client, staff, annotation):
    client.force_login(staff)
    assert client.get(reverse("admin:annotator_annotation_overlay", args=[annotation.pk])).status_code == 403


def test_the_overview_shows_queue_and_workers(panel, world):
    text = panel.get(reverse("admin:index")).content.decode()
    assert "w@here" in text
    assert "Embeddings waiting" in text
    WorkerHeartbeat.objects.update(last_seen=timezone.now() - timedelta(minutes=5))
    assert "No worker is alive" in panel.get(reverse("admin:index")).content.decode()


# --- annotations ---


def test_the_overlay_tints_the_mask_in_the_categorys_color_and_nothing_else(panel, annotation, image):
    Category.objects.update(color="#00ff00")
    drawn = picture_of(panel.get(reverse("admin:annotator_annotation_overlay", args=[annotation.pk])))
    original = np.asarray(Pillow.open(image.file.open()).convert("RGB")).astype(int)
    assert drawn.shape == original.shape
    inside = np.zeros(original.shape[:2], bool)
    inside[1:3, 2:5] = True  # the rectangle of conftest; all of it is outline, two rows high
    assert np.array_equal(drawn[~inside], original[~inside])
    assert (drawn[inside] == (0, 255, 0)).all()


def test_the_thumbnail_shows_the_masks_surroundings(panel, annotation):
    address = reverse("admin:annotator_annotation_overlay", args=[annotation.pk])
    assert picture_of(panel.get(address, {"thumbnail": 1})).shape == (6, 8, 3)


def test_an_overlay_that_cannot_be_drawn_is_a_404(panel, annotation):
    assert panel.get(reverse("admin:annotator_annotation_overlay", args=[uuid.uuid4()])).status_code == 404
    Annotation.objects.update(segmentation={"size": [6, 8], "counts": "oooo"})
    address = reverse("admin:annotator_annotation_overlay", args=[annotation.pk])
    assert panel.get(address).status_code == 404


def test_deleting_an_annotation_is_soft_and_it_can_be_restored(panel, annotation):
    row = f"/admin/annotator/annotation/{annotation.pk}/change/"
    assert row in page(panel, "annotation")
    panel.post(reverse("admin:annotator_annotation_delete", args=[annotation.pk]), {"post": "yes"})
    annotation.refresh_from_db()
    assert annotation.deleted_at
    assert annotation.version == 2
    assert row not in page(panel, "annotation")
    assert row in page(panel, "annotation", "?deleted=yes")
    assert (
        "1 restored"
        in panel.post(
            reverse("admin:annotator_annotation_changelist") + "?deleted=yes",
            {"action": "restore", "_selected_action": [annotation.pk]},
            follow=True,
        ).content.decode()
    )
    annotation.refresh_from_db()
    assert annotation.deleted_at is None


def test_several_annotations_are_deleted_softly_at_once(panel, annotation):
    act(panel, "annotation", "delete_selected", annotation)
    annotation.refresh_from_db()
    assert annotation.deleted_at


# --- the queue ---


def test_failed_jobs_are_retried_and_waiting_ones_moved_to_the_front(panel, image, second_image):
    failed, waiting = EmbeddingJob.objects.order_by("image")
    EmbeddingJob.objects.filter(pk=failed.pk).update(state="failed", attempts=3, error="out of memory")
    assert "out of memory" in page(panel, "embeddingjob", "?state__exact=failed")
    assert (
        "1 failed embedding jobs wait"
        in act(panel, "embeddingjob", "retry_failed", failed, waiting).content.decode()
    )
    failed.refresh_from_db()
    assert (failed.state, failed.attempts, failed.error) == ("queued", 0, "")
    act(panel, "embeddingjob", "move_to_front", waiting)
    waiting.refresh_from_db()
    assert waiting.priority == EmbeddingJob.Priority.OPENED


def test_an_images_embedding_is_moved_to_the_front(panel, image, second_image):
    act(panel, "image", "move_to_front", second_image)
    job = EmbeddingJob.objects.get(image=second_image)
    assert job.priority == EmbeddingJob.Priority.OPENED


# --- deleting ---


@pytest.mark.django_db(transaction=True)
def test_deleting_an_image_takes_its_files_along(panel, image, annotation):
    act(panel, "image", "delete_selected", image)
    assert not Image.objects.exists()
    for name in (image.file.name, image.thumbnail.name):
        assert not default_storage.exists(name)


@pytest.mark.django_db(transaction=True)
def test_deleting_a_project_takes_everything_along(panel, project, annotation, image):
    export_name = default_storage.save("exports/1.json", ContentFile(b"{}"))
    Export.objects.create(project=project, format="coco", state="ready", file=export_name)
    confirmation = panel.get(reverse("admin:annotator_project_delete", args=[project.pk])).content.decode()
    assert "Are you sure" in confirmation
    panel.post(reverse("admin:annotator_project_delete", args=[project.pk]), {"post": "yes"})
    assert not Project.objects.exists()
    assert not Annotation.objects.exists()
    for name in (image.file.name, image.thumbnail.name, export_name):
        assert not default_storage.exists(name)


def test_a_category_with_annotations_cannot_be_deleted(panel, annotation, category):
    address = reverse("admin:annotator_category_delete", args=[category.pk])
    assert panel.post(address, {"post": "yes"}).status_code == 403
    act(panel, "category", "delete_selected", category)
    assert Category.objects.filter(pk=category.pk).exists()


def test_a_category_without_annotations_is_deleted(panel, project):
    category = categories.create_category(project, name="dog")
    panel.post(reverse("admin:annotator_category_delete", args=[category.pk]), {"post": "yes"})
    assert not Category.objects.exists()


def test_bundles_and_jobs_can_be_neither_added_nor_deleted(panel, image, bundle):
    for model, row in (("bundle", bundle), ("embeddingjob", EmbeddingJob.objects.get())):
        assert panel.get(reverse(f"admin:annotator_{model}_add")).status_code == 403
        assert panel.get(reverse(f"admin:annotator_{model}_delete", args=[row.pk])).status_code == 403


def test_a_running_export_is_stopped_before_it_is_deleted(panel, world):
    export = Export.objects.get()
    panel.post(reverse("admin:annotator_export_delete", args=[export.pk]), {"post": "yes"})
    assert not Export.objects.exists()


# --- people ---


def test_a_person_is_deactivated_and_their_work_keeps_their_name(panel, bob, boss, annotation):
    panel.post(
        reverse("admin:annotator_user_changelist"),
        {"action": "deactivate", "_selected_action": [bob.pk, boss.pk]},
    )
    bob.refresh_from_db()
    boss.refresh_from_db()
    assert not bob.is_active
    assert boss.is_active  # nobody locks themselves out
    annotation.refresh_from_db()
    assert annotation.author == bob


def test_a_new_project_remembers_who_made_it_and_a_new_bundle_queues_embeddings(panel, boss, image, bundle):
    other = type(bundle).objects.create(
        name="other", digest="c" * 64, family="sam", input_side=64, embedding={}, manifest={}
    )
    project = image.project
    empty_formsets = {
        f"{prefix}-{field}": "0"
        for prefix in ("memberships", "categories")
        for field in ("TOTAL_FORMS", "INITIAL_FORMS")
    }
    response = panel.post(
        reverse("admin:annotator_project_change", args=[project.pk]),
        {"name": "Cats", "description": "", "bundle": other.pk, "overlap": "allow"} | empty_formsets,
    )
    assert response.status_code == 302, response.content.decode()
    assert EmbeddingJob.objects.filter(image=image, bundle=other).exists()
    panel.post(
        reverse("admin:annotator_project_add"),
        {"name": "New", "description": "", "bundle": "", "overlap": "allow"} | empty_formsets,
    )
    assert Project.objects.get(name="New").created_by == boss


# --- members: a project keeps a manager, here too ---


def inline_data(project, *rows, prefix="memberships") -> dict:
    """What a project's page sends with one form for each of `rows`: (membership, changes)."""
    data = {
        "name": project.name,
        "description": "",
        "bundle": project.bundle_id,
        "overlap": project.overlap,
        f"{prefix}-TOTAL_FORMS": len(rows),
        f"{prefix}-INITIAL_FORMS": len(rows),
        "categories-TOTAL_FORMS": 0,
        "categories-INITIAL_FORMS": 0,
    }
    for number, (membership, changes) in enumerate(rows):
        row = {
            "id": membership.pk,
            "project": project.pk,
            "user": membership.user_id,
            "role": membership.role,
        }
        data |= {f"{prefix}-{number}-{name}": value for name, value in (row | changes).items()}
    return data


@pytest.mark.parametrize("change", [{"DELETE": "on"}, {"role": "viewer"}])
def test_a_projects_page_does_not_let_its_last_manager_go(panel, project, alice, bob, change):
    first, second = Membership.objects.get(user=alice), Membership.objects.get(user=bob)
    address = reverse("admin:annotator_project_change", args=[project.pk])
    page = panel.post(address, inline_data(project, (first, change), (second, {})))
    assert "keeps at least one manager" in page.content.decode()
    assert Membership.objects.get(user=alice).role == "manager"

    page = panel.post(address, inline_data(project, (first, change), (second, {"role": "manager"})))
    assert page.status_code == 302, "somebody else becomes manager in the same step"
    assert Membership.objects.get(user=bob).role == "manager"


@pytest.mark.parametrize("change", [{"DELETE": "on"}, {"role": "viewer"}])
def test_a_persons_page_does_not_take_the_last_manager_from_a_project(panel, project, alice, change):
    membership = Membership.objects.get(user=alice)
    row = {"id": membership.pk, "user": alice.pk, "project": project.pk, "role": "manager"} | change
    data = {f"memberships-0-{name}": value for name, value in row.items()}
    data |= {"memberships-TOTAL_FORMS": 1, "memberships-INITIAL_FORMS": 1, "username": "alice"}
    data |= {"date_joined_0": "2026-01-01", "date_joined_1": "00:00", "is_active": "on"}
    page = panel.post(reverse("admin:annotator_user_change", args=[alice.pk]), data)
    assert "keeps at least one manager" in page.content.decode()
    assert Membership.objects.get(user=alice).role == "manager"


def test_a_memberships_page_keeps_the_last_manager(panel, project, alice, bob):
    first, second = Membership.objects.get(user=alice), Membership.objects.get(user=bob)
    change = reverse("admin:annotator_membership_change", args=[first.pk])
    delete = reverse("admin:annotator_membership_delete", args=[first.pk])
    assert "keeps at least one manager" in panel.post(change, {"role": "viewer"}).content.decode()
    assert panel.post(delete, {"post": "yes"}).status_code == 403
    act(panel, "membership", "delete_selected", first, second)
    assert Membership.objects.filter(pk=first.pk, role="manager").exists()

    Membership.objects.filter(user__username="vera").update(role="manager")
    assert panel.post(delete, {"post": "yes"}).status_code == 302
    assert not Membership.objects.filter(pk=first.pk).exists()


def test_a_page_about_a_membership_that_is_gone_says_so(panel, project, alice, bob):
    first, second = Membership.objects.get(user=alice), Membership.objects.get(user=bob)
    data = inline_data(project, (first, {}), (second, {"role": "viewer"}))
    second.delete()
    page = panel.post(reverse("admin:annotator_project_change", args=[project.pk]), data)
    assert page.status_code == 200
    assert "Please correct the error" in page.content.decode()


def test_the_last_manager_who_can_sign_in_stays_whoever_else_is_called_manager(panel, project, alice, bob):
    Membership.objects.filter(user=bob).update(role="manager")
    User.objects.filter(pk=bob.pk).update(is_active=False)
    change = reverse("admin:annotator_membership_change", args=[Membership.objects.get(user=alice).pk])
    assert "keeps at least one manager" in panel.post(change, {"role": "viewer"}).content.decode()
    said = act(panel, "user", "deactivate", alice).content.decode()
    assert "is the only manager of Cats" in said and "0 deactivated" in said
    form = {"username": "alice", "date_joined_0": "2026-01-01", "date_joined_1": "00:00"}
    form |= {"memberships-TOTAL_FORMS": 0, "memberships-INITIAL_FORMS": 0}
    page = panel.post(reverse("admin:annotator_user_change", args=[alice.pk]), form)  # without is_active
    assert "Make somebody else manager" in page.content.decode()
    assert User.objects.get(pk=alice.pk).is_active

    User.objects.filter(pk=bob.pk).update(is_active=True)
    act(panel, "user", "deactivate", alice)
    assert not User.objects.get(pk=alice.pk).is_active
    members.remove_member(Membership.objects.get(user=alice))  # who cannot sign in is missed by nobody


def test_who_manages_a_project_alone_cannot_be_deleted_but_the_project_can(panel, project, alice):
    panel.post(reverse("admin:annotator_user_delete", args=[alice.pk]), {"post": "yes"})
    assert User.objects.filter(pk=alice.pk).exists()
    panel.post(reverse("admin:annotator_project_delete", args=[project.pk]), {"post": "yes"})
    assert not Project.objects.filter(pk=project.pk).exists()


def test_an_annotation_says_whether_it_was_deleted(panel, annotation):
    assert "live" in page(panel, "annotation") and "ready" not in page(panel, "annotation")
    saving.delete(annotation)
    assert "× deleted" in page(panel, "annotation", "?deleted=yes")
