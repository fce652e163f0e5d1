"""A small bundle answers while the embedding of a project's own is not ready."""

from __future__ import annotations

import io
import json
import re

import pytest
from django.utils import timezone

from annotator.embeddings import stand_ins
from annotator.jobs import queue
from annotator.jobs.kinds import KINDS
from annotator.media import intake
from annotator.models import Bundle, EmbeddingJob
from tests.annotator.world import browser_of, client_of, encode_image, html

EMBEDDINGS = KINDS["embeddings"]


@pytest.fixture
def pocket(bundle) -> Bundle:
    return Bundle.objects.create(
        name="pocket",
        digest="e" * 64,
        title="Pocket",
        family="pocket",
        input_side=64,
        embedding={"image_embedding": [2, 4, 4]},
        manifest={},
        path="/nowhere",
    )


def ask(user, image, digest: str, region: str = ""):
    return client_of(user).get(f"/api/images/{image.pk}/embedding/", {"digest": digest, "region": region})


def claim(lane: str) -> EmbeddingJob | None:
    return queue.claim(EMBEDDINGS.takeable(lane), "worker")


def stand_in_of(user, image) -> str | None:
    row = browser_of(user).get(f"/images/{image.pk}/annotate/scene/").json()["stand_in"]
    return row and row["name"]


def test_a_stand_ins_embedding_is_made_on_demand_by_a_process_of_its_own(bob, image, second_image, pocket):
    assert claim("embeddings-quick") is None
    answer = ask(bob, image, pocket.digest)
    assert (answer.status_code, answer.json()["state"]) == (202, "queued")
    # The next image's is made ahead, and neither waits for the large ones, nor makes them wait.
    quick = [claim("embeddings-quick") for _ in range(3)]
    assert [job and job.image for job in quick] == [image, second_image, None]
    assert {job.bundle for job in quick[:2]} == {pocket}
    own = [claim("embeddings") for _ in range(3)]
    assert [job and job.bundle.name for job in own] == ["small", "small", None]


def test_asking_for_the_stand_ins_moves_the_images_own_forward(bob, image, second_image, pocket):
    ask(bob, second_image, pocket.digest)
    assert claim("embeddings").image == second_image


def test_the_page_fetches_first_what_answers_first(bob, image, bundle, pocket):
    def fetched_ahead() -> list[str]:
        page = html(browser_of(bob), f"/images/{image.pk}/annotate/")
        return re.findall(r'"/api/images/\d+/embedding/\?digest=(\w+)"', page)

    assert fetched_ahead() == [pocket.digest]
    EmbeddingJob.objects.update(state="failed", error="damaged")
    assert fetched_ahead() == [bundle.digest]
    EmbeddingJob.objects.update(state="ready")
    assert fetched_ahead() == [bundle.digest]


def test_the_next_images_are_prepared_only_where_their_own_is_not_ready(bob, image, second_image, pocket):
    EmbeddingJob.objects.filter(image=second_image).update(state="ready")
    ask(bob, image, pocket.digest)
    assert [job.image for job in EmbeddingJob.objects.filter(bundle=pocket)] == [image]


def test_a_region_is_answered_for_too(alice, bob, project, pocket):
    image = intake.ingest_image(project, io.BytesIO(encode_image((300, 400))), "large.png", alice).image
    assert ask(bob, image, pocket.digest, "64,96,128,128").status_code == 202
    assert claim("embeddings-quick").region == "64,96,128,128"


def test_a_project_of_the_small_bundle_itself_has_no_stand_in(bob, project, image, pocket):
    assert stand_in_of(bob, image) == "pocket"
    project.bundle = pocket
    project.save()
    assert stand_in_of(bob, image) is None
    assert ask(bob, image, pocket.digest).status_code == 202
    assert claim("embeddings-quick") is None
    claimed = [claim("embeddings") for _ in range(2)]
    assert pocket in [job.bundle for job in claimed if job]


@pytest.mark.parametrize("name", ["none", "small"])
def test_without_a_small_bundle_people_wait(bob, image, pocket, settings, name):
    settings.STAND_IN_BUNDLE = name
    assert stand_in_of(bob, image) is None
    assert ask(bob, image, pocket.digest).status_code == 409


def test_a_bundle_that_is_neither_is_refused(bob, image, pocket):
    answer = ask(bob, image, "c" * 64)
    assert (answer.status_code, answer.json()["error"]["code"]) == (409, "bundle_mismatch")


def test_the_stand_in_is_loaded_ahead_only_where_it_may_be_needed(project, image, pocket):
    assert stand_ins.needed_stand_in() == pocket
    project.bundle = pocket
    project.save()
    assert stand_ins.needed_stand_in() is None


def test_a_projects_settings_say_what_another_bundle_would_need(alice, project, image, second_image, pocket):
    EmbeddingJob.objects.filter(image=image).update(
        state="ready", duration_ms=3000, finished_at=timezone.now()
    )
    page = html(browser_of(alice), f"/projects/{project.pk}/settings/")
    needs = json.loads(re.search(r'<script id="bundle-needs"[^>]*>(.*?)</script>', page).group(1))
    assert needs["small"] == needs[""] == {"missing": 1, "queued": 1, "seconds": 3.0, "image_seconds": 3.0}
    assert needs["pocket"] == {"missing": 2, "queued": 0, "seconds": None, "image_seconds": None}


def test_a_failed_embedding_of_the_stand_in_is_tried_again(alice, bob, project, pocket):
    image = intake.ingest_image(project, io.BytesIO(encode_image((300, 400))), "large.png", alice).image
    for region in ("", "64,96,128,128"):
        ask(bob, image, pocket.digest, region)
        EmbeddingJob.objects.filter(bundle=pocket).update(state="failed", error="damaged")
        query = f"?digest={pocket.digest}&region={region}"
        answer = client_of(bob).post(f"/api/images/{image.pk}/embedding/{query}")
        assert (answer.status_code, answer.json()["state"]) == (202, "queued")
        assert EmbeddingJob.objects.filter(bundle=pocket, state="queued", region=region).count() == 1
        assert not EmbeddingJob.objects.exclude(bundle=pocket).exclude(region="").exists()
