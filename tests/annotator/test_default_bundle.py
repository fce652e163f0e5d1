"""Another default bundle: which projects follow it, what that costs, and what is dropped of the former one."""

from __future__ import annotations

import io

import pytest
from django.core.management import call_command
from django.utils import timezone

from annotator.bundles import catalogue
from annotator.bundles.default_change import default_change
from annotator.embeddings import queue
from annotator.models import Bundle, EmbeddingJob, Project
from annotator.projects import projects
from tests.annotator.world import browser_of, client_of, html

ADDRESS = "/api/bundles/large/default/"


@pytest.fixture
def large(bundle):
    """Another bundle that is installed."""
    return Bundle.objects.create(
        **{"name": "large", "digest": "e" * 64, "title": "Large", "family": "sam", "input_side": 64},
        embedding={"image_embedding": [2, 4, 4]},
        manifest={"weights": {"file": "weights.safetensors"}},
        path="/nowhere",
    )


@pytest.fixture
def follower(image, second_image):
    """The images' project, which has no model of its own."""
    Project.objects.update(bundle=None)
    return image.project


def jobs_of(bundle: Bundle) -> dict[str, str]:
    return dict(EmbeddingJob.objects.filter(bundle=bundle).values_list("image__name", "state"))


def test_images_of_followers_are_queued_in_the_same_breath_and_what_nobody_wants_goes(
    follower, bundle, large, alice, image
):
    EmbeddingJob.objects.filter(image=image).update(state="ready")
    catalogue.set_default(large)
    assert jobs_of(large) == {"photo.png": "queued", "second.png": "queued"}
    assert jobs_of(bundle) == {"photo.png": "ready"}
    assert "No model is installed that" not in html(browser_of(alice), f"/projects/{follower.pk}/images/")


def test_jobs_of_projects_that_chose_the_former_default_stay(image, second_image, bundle, large):
    catalogue.set_default(large)
    assert jobs_of(bundle) == {"photo.png": "queued", "second.png": "queued"} and jobs_of(large) == {}


def test_the_small_bundle_goes_on_with_what_somebody_looks_at(follower, bundle, large, image, settings):
    settings.STAND_IN_BUNDLE = bundle.name
    queue.open_image(image)
    EmbeddingJob.objects.filter(image__name="second.png").update(priority=EmbeddingJob.Priority.UPLOADED)
    catalogue.set_default(large)
    assert jobs_of(bundle) == {"photo.png": "queued"}


def test_a_project_that_changes_leaves_no_jobs_behind_either(image, second_image, bundle, large):
    projects.update_project(image.project, bundle=large)
    assert jobs_of(bundle) == {} and len(jobs_of(large)) == 2
    projects.update_project(image.project, bundle=None)  # the default one
    assert len(jobs_of(bundle)) == 2 and jobs_of(large) == {}


def test_what_a_change_costs_is_said_before(follower, large, image):
    change = default_change(large)
    assert (change.projects, change.embeddings, change.seconds) == (1, 2, None)
    assert change.text == (
        "1 project has no model of its own and follows it: 2 embeddings are to be made (nothing of Large was measured "
        "yet, so nobody knows how long that takes)."
    )
    EmbeddingJob.objects.create(
        image=image, bundle=large, state="ready", queued_at=timezone.now(), duration_ms=90_000,
        finished_at=timezone.now(),
    )  # fmt: skip
    assert default_change(large).text == (
        "1 project has no model of its own and follows it: 1 embedding is to be made (about 2 min for one worker)."
    )


def test_a_change_that_nobody_follows_costs_nothing(image, large):
    assert default_change(large).text == "Every project has a model of its own and keeps it."


def test_the_page_asks_the_server_what_a_change_costs(follower, large, staff, alice):
    answer = client_of(staff).get(ADDRESS).json()
    assert (answer["projects"], answer["embeddings"], answer["seconds"]) == (1, 2, None)
    assert answer["text"].startswith("1 project has no model of its own")
    assert client_of(staff).post(ADDRESS).status_code == 204
    assert len(jobs_of(large)) == 2
    assert client_of(alice).post(ADDRESS).status_code == 403


def test_the_command_says_what_follows(follower, large, monkeypatch):
    monkeypatch.setattr("annotator.management.commands.bundles.sync_bundles", lambda: None)
    said = io.StringIO()
    call_command("bundles", "default", "large", stdout=said)
    assert (
        "New projects get large. 1 project has no model of its own and follows it: 2 embeddings"
        in said.getvalue()
    )
