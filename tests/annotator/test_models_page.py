"""The page of models."""

from __future__ import annotations

import re
from datetime import timedelta

import pytest
from django.utils import timezone

from annotator.embeddings.figures import figures_of, needs_of, pace
from annotator.jobs import report
from annotator.models import Bundle, BundleJob, EmbeddingJob, Image, WorkerHeartbeat
from annotator.projects import projects
from segmentation.catalogue import members
from tests.annotator.world import browser_of, html


def test_the_models_page_says_when_no_worker_lives(alice, staff, bundle):
    page = html(browser_of(alice), "/models/")
    assert "No worker is alive" in page
    assert bundle.digest[:12] in page
    assert "manage.py worker" in html(browser_of(staff), "/models/")


def test_only_staff_see_which_machines_work(alice, staff, bundle):
    now = timezone.now()
    WorkerHeartbeat.objects.create(name="worker-1@gpu-box", hostname="gpu-box", pid=1, last_seen=now)
    assert "gpu-box" in html(browser_of(staff), "/models/")
    assert "gpu-box" not in html(browser_of(alice), "/models/")


def test_the_time_per_image_leaves_out_pictures_that_were_computed_before(alice, project, image, bundle):
    twin = projects.create_project(alice, name="Twin", bundle=bundle)
    Image.objects.filter(pk=image.pk).update(digest="d" * 64)
    copied = Image.objects.get(pk=image.pk)
    copied.pk, copied.project = None, twin
    copied.save()
    EmbeddingJob.objects.all().delete()
    now = timezone.now()
    for row, duration_ms, minute in ((image, 400, 0), (copied, 2, 1)):
        EmbeddingJob.objects.create(
            image=row,
            bundle=bundle,
            state="ready",
            duration_ms=duration_ms,
            queued_at=now,
            finished_at=now + timedelta(minutes=minute),
        )
    assert "400 ms (median)" in html(browser_of(alice), "/models/")


def test_embeddings_of_images_in_the_trash_do_not_count_as_waiting(image, second_image, bundle):
    assert (figures_of(bundle).waiting, report.counts()["embeddings"]["queued"]) == (2, 2)
    Image.objects.filter(pk=image.pk).update(deleted_at=timezone.now())
    assert (figures_of(bundle).waiting, report.counts()["embeddings"]["queued"]) == (1, 1)


def test_admins_see_what_was_fetched_and_not_installed(staff, alice, bundle, settings, own_folders):
    settings.DATA_DIR = own_folders
    (own_folders / "downloads").mkdir()
    (own_folders / "downloads" / "sam_vit_b_01ec64.pth.part").write_bytes(bytes(3 << 20))
    (own_folders / "downloads" / "tmpconverting").mkdir()
    (own_folders / "downloads" / "tmpconverting" / "weights.safetensors").write_bytes(bytes(3 << 20))
    assert "3.1\xa0MB" in html_of(staff) and "Fetched, not installed yet" not in html_of(alice)


def self_tested(bundle, encode_s: float) -> None:
    result = {"device": "cpu", "precision_reason": "it is quick", "encode_s": encode_s}
    BundleJob.objects.create(
        action="selftest", name=bundle.name, state="ready", finished_at=timezone.now(), result=result
    )


def test_a_self_test_says_how_long_an_image_takes_until_one_was_embedded(alice, project, image, bundle):
    assert needs_of(project, bundle)["seconds"] is None
    self_tested(bundle, 2.5)
    needs = needs_of(project, bundle)
    assert (needs["missing"], needs["queued"], needs["seconds"], needs["image_seconds"]) == (1, 1, 2.5, 2.5)
    page = html(browser_of(alice), "/models/")
    assert "2.5 s (self-test)" in page and "2.50 s an image on cpu (it is quick)," in page
    EmbeddingJob.objects.update(state="ready", duration_ms=4000, finished_at=timezone.now())
    page = html(browser_of(alice), "/models/")
    assert "4.0 s (median)" in page and "2.5 s (self-test)" in page


def test_a_self_test_of_a_bundle_that_is_gone_says_nothing_of_its_namesake(project, bundle):
    self_tested(bundle, 2.5)
    Bundle.objects.filter(pk=bundle.pk).update(created_at=timezone.now() + timedelta(minutes=1))
    bundle.refresh_from_db()
    assert figures_of(bundle).image_ms is None


def test_the_pace_leaves_out_the_time_in_which_nothing_was_to_be_done(project, image, second_image):
    now = timezone.now()
    for job, minutes in zip(EmbeddingJob.objects.all(), (9, 1), strict=True):
        EmbeddingJob.objects.filter(pk=job.pk).update(
            state="ready", duration_ms=2000, finished_at=now - timedelta(minutes=minutes)
        )
    assert pace(1).images_per_minute == pytest.approx(30)


def test_a_model_that_cannot_be_removed_says_why_and_who_uses_it(alice, staff, project, bundle):
    hidden = projects.create_project(staff, name="Out of sight", bundle=bundle)
    projects.update_project(project, bundle=bundle)
    page = html(browser_of(staff), "/models/")
    why = f"used by {project.name} and {hidden.name}: give them another model first"
    assert f"Cannot be removed: {why}" in page or f"; {why}" in page
    assert "data-remove" not in page
    seen = html(browser_of(alice), "/models/")
    assert re.search(rf'<a href="/projects/{project.pk}/"\s*>{project.name}</a\s*>', seen)
    assert "Out of sight" not in seen and "1 more" in seen


def test_a_licence_can_be_read_before_it_is_accepted(staff, bundle):
    page = html_of(staff)
    assert 'data-licence-text="https://github.com/chongzhou96/EdgeSAM/blob/master/LICENSE"' in page
    assert 'data-licence-text="https://spdx.org/licenses/AGPL-3.0.html"' in page
    micro = page[page.index('data-model="micro-sam-vit-b-lm"') :]
    assert micro.index('data-licence-text=""') < micro.index('data-publisher="https://github.com/') < 600


def test_a_model_card_is_shown_to_those_who_are_signed_in(alice, client, bundle, tmp_path):
    assert browser_of(alice).get("/models/small/card/").status_code == 404
    (tmp_path / "MODEL_CARD.md").write_text("# Small, made for tests")
    Bundle.objects.filter(pk=bundle.pk).update(path=str(tmp_path))
    assert browser_of(alice).get("/models/small/card/").content.decode() == "# Small, made for tests"
    assert "/models/small/card/" in html_of(alice)
    assert browser_of(alice).get("/models/nowhere/card/").status_code == 404
    assert client.get("/models/small/card/").status_code == 302


def test_published_models_stand_under_headings_with_some_recommended(alice, bundle):
    page = html(browser_of(alice), "/models/")
    headings = re.findall(r"<h3>(.*?)</h3>", page)
    assert len(headings) == len({row.group for row in members()}) >= 5
    assert page.index("Recommended without a GPU") < page.index("#model-mobile-sam") < page.index("<h3>")
    assert all(f'id="model-{row.name}"' in page for row in members())


def html_of(user) -> str:
    return browser_of(user).get("/models/").content.decode()
