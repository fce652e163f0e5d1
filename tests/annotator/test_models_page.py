"""The page of models."""

from __future__ import annotations

from datetime import timedelta

from django.utils import timezone

from annotator.embeddings.figures import figures_of
from annotator.jobs import report
from annotator.models import EmbeddingJob, Image, WorkerHeartbeat
from annotator.projects import projects
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
    assert "3.0\xa0MB" in html_of(staff) and "Fetched, not installed yet" not in html_of(alice)


def html_of(user) -> str:
    return browser_of(user).get("/models/").content.decode()
