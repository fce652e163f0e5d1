"""Embeddings of regions: who may ask, what is made, what is kept."""

from __future__ import annotations

import io
from datetime import timedelta

import numpy as np
import pytest
from django.core.files.storage import default_storage
from django.utils import timezone

from annotator.bundles import sync
from annotator.embeddings import queue as embedding_queue
from annotator.embeddings import regions, store
from annotator.embeddings.figures import figures_of
from annotator.files import unowned
from annotator.jobs import queue
from annotator.media import intake, removal
from annotator.media.pixels import read_pixels
from annotator.models import Bundle, EmbeddingJob, Image
from annotator.worker import run_job
from annotator.worker.postponed import Postponed
from segmentation.embedding_file import read_embedding
from segmentation.regions import Region
from tests.annotator.world import annotation_body, client_of, encode_image, rectangle_rle

HW = (300, 400)
REGION = "64,96,128,128"


@pytest.fixture
def image(project, alice) -> Image:
    return intake.ingest_image(project, io.BytesIO(encode_image(HW)), "large.png", alice).image


@pytest.fixture
def url(image) -> str:
    return f"/api/images/{image.pk}/embedding/?region={REGION}"


def job_of(region: str) -> EmbeddingJob:
    return EmbeddingJob.objects.get(region=region)


def claim() -> EmbeddingJob | None:
    return queue.claim(EmbeddingJob.takeable(), "w")


def keep(image: Image, region: str, days_ago: int = 0) -> EmbeddingJob:
    """A region's embedding that is there, in the database and in storage."""
    job = regions.open_region(image, regions.region_of(region, image))
    store.save(job.bundle.digest, image.digest, b"bytes", region)
    asked_at = timezone.now() - timedelta(days=days_ago)
    EmbeddingJob.objects.filter(pk=job.pk).update(state="ready", asked_at=asked_at)
    return job


def test_a_region_that_somebody_asks_for_goes_first(bob, url, image, second_image):
    response = client_of(bob).get(url)
    assert (response.status_code, response.json()["state"], response.json()["position"]) == (202, "queued", 0)
    assert claim().region == REGION


def test_a_region_that_is_foreseen_goes_last_until_somebody_asks_for_it(bob, url, image, second_image):
    assert client_of(bob).get(url + "&ahead=true").json()["position"] == 2
    assert client_of(bob).get(url).json()["position"] == 0
    assert client_of(bob).get(url + "&ahead=true").json()["position"] == 0


def test_those_who_only_look_cannot_make_work(vera, charlie, url):
    assert client_of(vera).get(url).status_code == 403
    assert client_of(charlie).get(url).status_code == 404
    assert not EmbeddingJob.objects.of_regions().exists()


@pytest.mark.parametrize("region", ["1,2,3", "0,0,400,300", "0,0,32,128", "300,0,128,128", "all"])
@pytest.mark.parametrize("method", ["get", "post"])
def test_what_is_no_region_of_the_image_is_refused(bob, image, region, method):
    response = getattr(client_of(bob), method)(f"/api/images/{image.pk}/embedding/?region={region}")
    error = response.json()["error"]
    assert (response.status_code, error["code"], list(error["fields"])) == (400, "invalid_region", ["region"])


def test_the_worker_encodes_the_regions_pixels(installed, alice):
    installed("first")
    sync.sync_bundles()
    Bundle.objects.filter(name="tiny").update(is_default=True)
    project = alice.memberships.create(role="manager", project=_project()).project
    image = intake.ingest_image(project, io.BytesIO(encode_image(HW)), "large.png", alice).image
    url = f"/api/images/{image.pk}/embedding/?region={REGION}"
    client_of(alice).get(url)
    run_job.run(claim(), Postponed())
    response = client_of(alice).get(url)
    assert response.status_code == 200
    file = read_embedding(b"".join(response.streaming_content))
    assert (file.image_hw, file.region) == (HW, Region(64, 96, 128, 128))

    from annotator.worker.runners.embeddings import _encoder_for

    crop = read_pixels(image)[96 : 96 + 128, 64 : 64 + 128]
    for name, tensor in _encoder_for(job_of(REGION).bundle, "w").encode(crop).items():
        np.testing.assert_array_equal(file.tensors[name], tensor)
    assert client_of(alice).get(url, HTTP_IF_NONE_MATCH=response["ETag"]).status_code == 304
    assert (
        client_of(alice).get(f"/api/images/{image.pk}/embedding/").status_code == 202
    )  # the whole one is not made


def _project():
    from annotator.models import Project

    return Project.objects.create(name="p")


def test_a_region_whose_embedding_failed_is_tried_again(bob, url):
    client_of(bob).get(url)
    queue.fail(claim(), "no memory", permanent=True)
    assert client_of(bob).get(url).json()["state"] == "failed"
    assert client_of(bob).post(url).json()["state"] == "queued"


def test_regions_leave_the_states_and_figures_of_images_alone(bob, url, image, bundle):
    keep(image, REGION)
    embedding_queue.ensure_missing()
    assert EmbeddingJob.objects.of_whole_images().count() == 1
    listed = client_of(bob).get(f"/api/images/{image.pk}/").json()
    assert listed["embedding_state"] == "queued"
    assert (figures_of(bundle).ready, figures_of(bundle).waiting) == (0, 1)


def test_of_too_many_regions_those_go_that_nobody_asked_for_longest(
    image, monkeypatch, django_capture_on_commit_callbacks
):
    monkeypatch.setattr(regions, "KEPT_PER_IMAGE", 3)
    with django_capture_on_commit_callbacks(execute=True):
        for days_ago, x in ((4, 0), (3, 32), (9, 64), (1, 96)):
            keep(image, f"{x},0,128,128", days_ago)
    kept = sorted(EmbeddingJob.objects.of_regions().values_list("region", flat=True))
    assert kept == ["0,0,128,128", "32,0,128,128", "96,0,128,128"]
    folder = store.file_name(job_of("96,0,128,128").bundle.digest, "").rpartition("/")[0]
    assert len(default_storage.listdir(folder)[1]) == 3


def test_of_what_is_foreseen_only_the_latest_waits(image):
    for x in (0, 32, 64, 96):
        regions.open_region(image, Region(x, 0, 128, 128), is_ahead=True)
    waiting = EmbeddingJob.objects.of_regions().order_by("pk").values_list("region", flat=True)
    assert list(waiting) == ["64,0,128,128", "96,0,128,128"]


def test_a_region_that_is_being_made_is_not_forgotten(image, monkeypatch):
    monkeypatch.setattr(regions, "KEPT_PER_IMAGE", 1)
    regions.open_region(image, Region(0, 0, 128, 128))
    assert claim().region == "0,0,128,128"
    regions.open_region(image, Region(32, 0, 128, 128))
    assert EmbeddingJob.objects.of_regions().count() == 2


def test_a_region_that_nobody_came_back_to_is_forgotten_with_its_file(
    image, django_capture_on_commit_callbacks
):
    old, new = keep(image, "0,0,128,128", days_ago=31), keep(image, "32,0,128,128", days_ago=29)
    with django_capture_on_commit_callbacks(execute=True):
        assert regions.forget_old() == 1
    digests = old.bundle.digest, image.digest
    assert not default_storage.exists(store.file_name(*digests, old.region))
    assert default_storage.exists(store.file_name(*digests, new.region))


def test_an_image_takes_the_embeddings_of_its_regions_along(image, django_capture_on_commit_callbacks):
    job = keep(image, REGION)
    with django_capture_on_commit_callbacks(execute=True):
        removal.delete_images([image])
    assert not default_storage.exists(store.file_name(job.bundle.digest, image.digest, REGION))


def test_files_of_regions_that_a_row_owns_are_not_swept(image):
    job = keep(image, REGION)
    name = store.file_name(job.bundle.digest, image.digest, REGION)
    assert store.sweep_unused(min_age_s=0) == []
    unowned.note([name])
    EmbeddingJob.objects.filter(pk=job.pk).delete()
    assert store.sweep_unused(min_age_s=0) == [name]


def test_a_prompt_keeps_the_region_that_it_was_made_in(bob, image, category):
    prompt = {"point_coords": [[100, 150]], "point_labels": [1], "region": [64, 96, 128, 128]}
    body = annotation_body(category, segmentation=rectangle_rle(HW), prompt=prompt)
    response = client_of(bob).post(f"/api/images/{image.pk}/annotations/", body, format="json")
    assert response.status_code == 201
    assert response.json()["prompt"]["region"] == [64, 96, 128, 128]


def test_a_prompt_without_a_region_is_stored_as_it_always_was(bob, image, category):
    prompt = {"point_coords": [[100, 150]], "point_labels": [1], "region": None}
    body = annotation_body(category, segmentation=rectangle_rle(HW), prompt=prompt)
    response = client_of(bob).post(f"/api/images/{image.pk}/annotations/", body, format="json")
    assert "region" not in response.json()["prompt"]


@pytest.mark.parametrize(
    "region", [[0, 0, 400, 300], [0, 0, 10, 128], [300, 0, 128, 128], [0, 0, 128], "0,0,128,128"]
)
def test_a_prompt_in_what_is_no_region_is_refused(bob, image, category, region):
    prompt = {"point_coords": [[100, 150]], "point_labels": [1], "region": region}
    body = annotation_body(category, segmentation=rectangle_rle(HW), prompt=prompt)
    response = client_of(bob).post(f"/api/images/{image.pk}/annotations/", body, format="json")
    error = response.json()["error"]
    assert (response.status_code, error["code"]) == (400, "invalid_prompt")
    assert "region" in error["message"]
