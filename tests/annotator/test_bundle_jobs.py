"""Models installed and tested by the worker: asked for over the API, followed, cancelled."""

from __future__ import annotations

import hashlib
import io
from dataclasses import replace

import pytest
import torch
from django.utils import timezone

import annotator.pages.urls  # noqa: F401  (its pages take the real table before a test puts another in its place)
import segmentation.catalogue
from annotator.bundles import jobs
from annotator.jobs import queue
from annotator.jobs.errors import LeaseLost
from annotator.jobs.kinds import KINDS
from annotator.models import AcceptedLicence, Bundle, BundleJob, WorkerHeartbeat
from annotator.worker.run_job import run_next
from annotator.worker.runners import bundles as runner
from segmentation.families.sam.network import VARIANTS
from tests.annotator.world import browser_of, client_of, html
from tests.publisher import publishing
from tests.segmentation.original_sam import build_original

KIND = KINDS["bundles"]


@pytest.fixture(scope="module")
def checkpoint() -> bytes:
    """A small checkpoint in Meta's format."""
    stream = io.BytesIO()
    torch.save(build_original(VARIANTS["tiny"]).state_dict(), stream)
    return stream.getvalue()


@pytest.fixture
def publisher(db, checkpoint, own_folders, settings, monkeypatch):
    """A catalogue of three: a free one, one whose licence asks, and one without an address."""
    monkeypatch.setitem(VARIANTS, "vit_b", VARIANTS["tiny"])
    free = replace(
        segmentation.catalogue.member("sam-vit-b"),
        size=len(checkpoint),
        sha256=hashlib.sha256(checkpoint).hexdigest(),
    )
    rows = (
        free,
        replace(free, name="not-free", title="Not free", licence="No commercial use"),
        replace(free, name="by-hand", title="By hand", addresses=()),
    )
    monkeypatch.setattr(segmentation.catalogue, "members", lambda: rows)
    monkeypatch.setattr("annotator.pages.models.members", lambda: rows)
    monkeypatch.setattr("annotator.api.models.members", lambda: rows)
    monkeypatch.setattr("segmentation.catalogue.download.FIRST_PAUSE_S", 0)
    settings.DATA_DIR = own_folders
    with publishing(checkpoint) as publisher:
        settings.WEIGHTS_MIRROR = publisher.url
        yield publisher


def ask_for(client, name: str = "sam-vit-b", **body: bool | str):
    return client.post(f"/api/catalogue/{name}/install/", body, format="json")


def test_a_worker_installs_and_tests_what_was_asked_for(publisher, staff):
    client = client_of(staff)
    answer = ask_for(client)
    assert (answer.status_code, answer.json()["state"]) == (202, "queued")
    job = run_next(KIND, "w")
    found = client.get(f"/api/bundle-jobs/{job.pk}/").json()
    assert (found["state"], found["done"], found["error"]) == ("ready", len(publisher.content), "")
    assert found["result"]["device"] == "cpu" and found["result"]["encode_s"] > 0
    assert Bundle.objects.available().get(name="sam-vit-b").decoder_sha256
    rows = {row["name"]: row["is_installed"] for row in client.get("/api/catalogue/").json()}
    assert rows == {"sam-vit-b": True, "not-free": False, "by-hand": False}
    again = ask_for(client)
    assert (again.status_code, again.json()["error"]["code"]) == (400, "weights_unavailable")


def test_one_thing_at_a_time_is_done_with_a_model(publisher, staff):
    client = client_of(staff)
    ask_for(client)
    answer = ask_for(client)
    assert (answer.status_code, answer.json()["error"]["code"]) == (409, "bundle_busy")
    assert BundleJob.objects.count() == 1


def test_a_licence_is_accepted_once_and_recorded(publisher, staff):
    client = client_of(staff)
    answer = ask_for(client, "not-free")
    assert (answer.status_code, answer.json()["error"]["code"]) == (400, "licence_not_accepted")
    assert not BundleJob.objects.exists()
    assert ask_for(client, "not-free", accept_licence=True).status_code == 202
    accepted = AcceptedLicence.objects.get()
    assert (accepted.name, accepted.licence, accepted.accepted_by) == ("not-free", "No commercial use", staff)
    jobs.cancel(BundleJob.objects.get())
    assert ask_for(client, "not-free").status_code == 202


def test_a_digest_that_nobody_publishes_is_accepted_by_a_person(publisher, staff, monkeypatch):
    [free, *others] = segmentation.catalogue.members()
    rows = (replace(free, sha256=None, size=None), *others)
    monkeypatch.setattr(segmentation.catalogue, "members", lambda: rows)
    client = client_of(staff)
    found = hashlib.sha256(publisher.content).hexdigest()
    for accepted in ("", "0" * 64):
        assert ask_for(client, accept_digest=accepted).status_code == 202
        job = run_next(KIND, "w")
        job.refresh_from_db()
        assert (job.state, job.result) == ("failed", {"sha256": found}) and found in job.error
    page = html(browser_of(staff), "/models/")
    assert f'data-digest="{found}"' in page and f'data-copy="{found}"' in page
    assert f"<code>{found}</code>" in page and "--accept-digest" not in page
    assert ask_for(client, accept_digest=found).status_code == 202
    job = run_next(KIND, "w")
    job.refresh_from_db()
    assert (job.state, len(publisher.asked)) == ("ready", 1)
    assert ask_for(client, "not-free", accept_digest="x").status_code == 400


def test_a_model_without_an_address_says_what_to_do(publisher, staff, settings):
    settings.WEIGHTS_MIRROR = ""
    answer = ask_for(client_of(staff), "by-hand")
    assert answer.status_code == 400 and "--from-file" in answer.json()["error"]["message"]


def test_a_cancelled_download_is_gone_on_with(publisher, staff, own_folders, monkeypatch):
    """The cancellation comes from another process, between two chunks."""
    client = client_of(staff)
    job_id = ask_for(client).json()["id"]
    publisher.cut_after = [1000]
    monkeypatch.setattr(runner, "PROGRESS_INTERVAL_S", 0)
    seen = []

    def cancelled(job, **values):
        if values.get("done"):
            seen.append(values["done"])
            assert client.delete(f"/api/bundle-jobs/{job_id}/").status_code == 204
        update(job, **values)

    update = queue.update
    monkeypatch.setattr(queue, "update", cancelled)
    run_next(KIND, "w")
    job = BundleJob.objects.get()
    assert (job.state, seen) == ("cancelled", [1000])
    monkeypatch.setattr(queue, "update", update)
    assert ask_for(client).status_code == 202
    assert run_next(KIND, "w").pk != job.pk
    assert publisher.asked[-1] == "bytes=1000-"
    assert Bundle.objects.available().filter(name="sam-vit-b").exists()


def test_a_lost_connection_is_tried_again_and_a_wrong_file_is_not(publisher, staff):
    client = client_of(staff)
    ask_for(client)
    publisher.answers = [503] * 20
    run_next(KIND, "w")
    job = BundleJob.objects.get()
    assert job.state == "queued"
    page = html(browser_of(staff), "/models/")
    assert "Attempt 1 of 3 ended, another one follows:" in page and "answers 503" in page
    publisher.answers = []
    publisher.content = publisher.content[:-1] + b"x"
    BundleJob.objects.update(not_before=None)  # the pause between two attempts is over
    run_next(KIND, "w")
    job = BundleJob.objects.get()
    assert job.state == "failed" and "the published file has" in job.error
    page = html(browser_of(staff), "/models/")
    assert f"the published file has <code>{segmentation.catalogue.members()[0].sha256}</code>" in page
    assert "--from-file" not in job.error


def test_a_card_says_what_a_stalled_download_waits_for(publisher, staff, monkeypatch):
    ask_for(client_of(staff))
    publisher.answers = [503] * 2
    seen = []

    def looked_at(job, **values):
        update(job, **values)
        if "Connection lost" in values.get("stage", ""):
            seen.append((values["stage"], values["rate"], html(browser_of(staff), "/models/")))

    update = queue.update
    monkeypatch.setattr(queue, "update", looked_at)
    run_next(KIND, "w")
    lost = "Connection lost (the server answers 503), trying again now"
    assert [(stage, rate) for stage, rate, _ in seen] == [
        (f"{lost} (attempt 2 of 6)", 0),
        (f"{lost} (attempt 3 of 6)", 0),
    ]
    assert all(stage in page for stage, _, page in seen)
    job = BundleJob.objects.get()
    assert (job.state, job.stage) == ("ready", "")


def test_a_job_that_was_taken_over_writes_nothing(publisher, staff):
    jobs.install(segmentation.catalogue.members()[0], staff)
    job = queue.claim(KIND.takeable("bundles"), "w")
    BundleJob.objects.update(state="queued", **queue.NO_LEASE)
    with pytest.raises(LeaseLost):
        runner.run(job)
    assert not Bundle.objects.filter(name="sam-vit-b").exists()


def test_an_installed_bundle_is_tested_made_the_default_and_removed(publisher, staff):
    client = client_of(staff)
    ask_for(client)
    run_next(KIND, "w")
    assert client.post("/api/bundles/sam-vit-b/selftest/").status_code == 202
    run_next(KIND, "w")
    assert BundleJob.objects.get().result["max_logit_difference"] < 1e-3
    assert client.post("/api/bundles/sam-vit-b/default/").status_code == 204
    assert client.delete("/api/bundles/sam-vit-b/").status_code == 409
    ask_for(client, "not-free", accept_licence=True)
    run_next(KIND, "w")
    assert client.post("/api/bundles/not-free/default/").status_code == 204
    assert client.delete("/api/bundles/sam-vit-b/").status_code == 204
    assert client.get("/api/bundles/sam-vit-b/").status_code == 404


def test_a_queued_job_says_what_it_waits_for(publisher, staff, bundle):
    client = client_of(staff)
    ask_for(client)
    client.post(f"/api/bundles/{bundle.name}/selftest/")
    assert html(browser_of(staff), "/models/").count("Waits: no worker is alive.") == 2
    WorkerHeartbeat.objects.create(name="w", hostname="h", pid=1, last_seen=timezone.now())
    page = html(browser_of(staff), "/models/")
    assert "Waits: it is next" in page
    assert "done one after the other; before it: installing SAM ViT-B." in page


def test_managers_see_the_cards_and_admins_act(publisher, staff, alice, project):
    seen = html(browser_of(alice), "/models/")
    assert "SAM ViT-B" in seen and "data-install" not in seen and "data-use" in seen
    assert "data-install" in html(browser_of(staff), "/models/")


def test_managers_see_that_a_job_failed_and_admins_why(staff, alice, vera, project):
    job = BundleJob.objects.create(
        action="install", name="sam-vit-b", state="failed", error="No room in /srv/data/downloads."
    )
    seen = {user: client_of(user).get(f"/api/bundle-jobs/{job.pk}/") for user in (staff, alice, vera)}
    assert seen[staff].json()["error"] == "No room in /srv/data/downloads."
    assert seen[alice].json()["error"] == "It failed; whoever runs this server sees why."
    assert seen[vera].status_code == 403
    pages = {user: html(browser_of(user), "/models/") for user in (staff, alice, vera)}
    assert ["/srv/data" in pages[user] for user in (staff, alice, vera)] == [True, False, False]
    assert ["whoever runs this server sees why" in pages[user] for user in (alice, vera)] == [True, False]
