"""Exports as background jobs, run here in the test's own process."""

from __future__ import annotations

import io
import json
import uuid
import zipfile
from datetime import timedelta

import numpy as np
import pytest
from django.core.files.storage import default_storage
from django.utils import timezone

from annotator.annotations import saving
from annotator.datasets import exports, formats, records
from annotator.jobs import queue
from annotator.jobs.kinds import KINDS
from annotator.models import Export, Image
from annotator.worker.run_job import run_next
from exporters.records import AnnotationRecord, DatasetRecord
from segmentation import rle
from tests.annotator.world import annotation_body, client_of, encode_image, rectangle_rle


@pytest.fixture
def start(alice, project):
    def do(**options) -> Export:
        response = client_of(alice).post(
            f"/api/projects/{project.pk}/exports/", {"format": "coco"} | options, format="json"
        )
        assert response.status_code == 202, response.json()
        return Export.objects.get(pk=response.json()["id"])

    return do


def download(user, export: Export) -> bytes:
    response = client_of(user).get(f"/api/exports/{export.pk}/file/")
    assert response.status_code == 200
    return b"".join(response.streaming_content)


def annotations_of(dataset: DatasetRecord) -> list[AnnotationRecord]:
    return [record for image in dataset.images for record in image.annotations]


def test_an_export_is_made_and_downloaded(start, alice, annotation, category):
    export = start()
    assert run_next(KINDS["exports"], "w") == export
    row = client_of(alice).get(f"/api/exports/{export.pk}/").json()
    assert (row["state"], row["progress"], row["error"]) == ("ready", 1.0, "")
    content = download(alice, export)
    assert len(content) == row["size_bytes"]
    (exported,) = json.loads(content)["annotations"]
    assert (exported["category_id"], exported["bbox"]) == (category.coco_id, [2, 1, 3, 2])
    assert np.array_equal(rle.decode(exported["segmentation"]), rle.decode(rectangle_rle()))


def test_a_download_has_a_telling_name_and_is_an_attachment(start, alice, annotation):
    export = start()
    run_next(KINDS["exports"], "w")
    disposition = client_of(alice).get(f"/api/exports/{export.pk}/file/")["Content-Disposition"]
    assert disposition.startswith('attachment; filename="Cats-coco-') and disposition.endswith('.json"')


def test_images_are_put_into_a_zip(start, alice, annotation):
    export = start(include_images=True)
    run_next(KINDS["exports"], "w")
    with zipfile.ZipFile(io.BytesIO(download(alice, export))) as archive:
        assert archive.read("images/photo.png") == encode_image()


def test_only_images_in_the_chosen_states_are_exported(start, alice, annotation, second_image):
    export = start(states=["not_started"])
    run_next(KINDS["exports"], "w")
    exported = json.loads(download(alice, export))
    assert [image["file_name"] for image in exported["images"]] == ["second.png"]
    assert exported["annotations"] == []


@pytest.mark.parametrize(("overlap", "areas"), [("allow", [6, 6]), ("newest", [4, 6]), ("oldest", [6, 4])])
def test_shared_pixels_are_exported_as_the_project_wishes(
    alice, project, image, category, annotation, overlap, areas
):
    """`annotation` is a rectangle of 3 x 2 pixels at (2, 1); a second one begins two pixels further right."""
    mask = np.roll(rle.decode(rectangle_rle()), 2, axis=1)
    body = annotation_body(category, segmentation=rle.encode(mask), prompt=None)
    saving.create(image, author=alice, **body | {"id": uuid.UUID(body["id"])})
    answer = client_of(alice).patch(f"/api/projects/{project.pk}/", {"overlap": overlap}, format="json")
    assert answer.json()["overlap"] == overlap
    project.refresh_from_db()
    assert [record.area for record in annotations_of(records.build(project))] == areas
    assert (
        client_of(alice).patch(f"/api/projects/{project.pk}/", {"overlap": "both"}, format="json").status_code
        == 400
    )


def test_deleted_annotations_are_not_exported(project, annotation):
    saving.delete(annotation)
    assert list(annotations_of(records.build(project))) == []


def test_records_come_in_batches_without_losing_any(project, alice, annotation, second_image, monkeypatch):
    monkeypatch.setattr(records, "BATCH_IMAGES", 1)
    dataset = records.build(project)
    assert [image.file_name for image in dataset.images] == ["photo.png", "second.png"]
    assert [record.uuid for record in annotations_of(dataset)] == [str(annotation.pk)]


def test_each_image_carries_its_own_annotations_numbered_in_the_projects_order(
    project, bob, annotation, category, image, second_image
):
    saving.create(
        second_image,
        author=bob,
        id=uuid.uuid4(),
        category=category.pk,
        segmentation=rectangle_rle(),
        prompt={"point_coords": [[3, 2]], "point_labels": [1]},
        predicted_iou=0.5,
    )
    Image.objects.filter(pk=image.pk).update(position=second_image.position + 1)
    first, second = records.build(project).images
    assert [record.id for record in (*first.annotations, *second.annotations)] == [1, 2]
    assert (first.id, second.id) == (second_image.pk, image.pk)
    (record,) = first.annotations
    assert (record.author, record.category_id, record.predicted_iou) == ("bob", category.coco_id, 0.5)
    assert record.prompt["point_coords"] == [[3, 2]]
    assert record.created_at is not None


def test_a_pass_over_the_images_alone_reads_no_annotation(
    project, annotation, second_image, django_assert_num_queries
):
    dataset = records.build(project)
    with django_assert_num_queries(2):  # one batch, and one that shows that there is no more
        assert len(list(dataset.images)) == 2
    with django_assert_num_queries(3):
        assert len(annotations_of(dataset)) == 1


def test_the_exported_name_has_the_stored_files_extension(project, alice):
    from annotator.media import intake

    image = intake.ingest_image(project, io.BytesIO(encode_image(format="TIFF")), "scan.v2.tif").image
    assert records.stored_name(image) == "scan.v2.png"


@pytest.mark.parametrize(
    "options",
    [
        {"format": "yolo3"},
        {"segmentation": "points"},
        {"states": ["finished"]},
        {"include_images": "maybe"},
        {"split": "0.8"},
    ],
)
def test_unknown_options_are_refused(alice, project, options):
    response = client_of(alice).post(
        f"/api/projects/{project.pk}/exports/", {"format": "coco"} | options, format="json"
    )
    assert (response.status_code, list(response.json()["error"]["fields"])[0].split(".")[0]) == (
        400,
        next(iter(options)),
    )


def test_a_waiting_export_is_cancelled_then_deleted(start, alice):
    export = start()
    url = f"/api/exports/{export.pk}/"
    assert client_of(alice).delete(url).status_code == 204
    assert client_of(alice).get(url).json()["state"] == "cancelled"
    assert run_next(KINDS["exports"], "w") is None
    assert client_of(alice).delete(url).status_code == 204
    assert client_of(alice).get(url).status_code == 404


def test_cancelling_stops_an_export_at_work_and_leaves_no_file(start, project, annotation, monkeypatch):
    export = start()
    original = formats.chosen_by

    def cancelled_meanwhile(*args):
        exports.cancel_or_delete(export)
        return original(*args)

    monkeypatch.setattr(formats, "chosen_by", cancelled_meanwhile)
    run_next(KINDS["exports"], "w")
    export.refresh_from_db()
    assert export.state == "cancelled"
    assert (
        not default_storage.exists(f"exports/{project.pk}")
        or not default_storage.listdir(f"exports/{project.pk}")[1]
    )


def test_deleting_a_finished_export_deletes_its_file(
    start, alice, annotation, django_capture_on_commit_callbacks
):
    export = start()
    run_next(KINDS["exports"], "w")
    export.refresh_from_db()
    with django_capture_on_commit_callbacks(execute=True):
        client_of(alice).delete(f"/api/exports/{export.pk}/")
    assert not default_storage.exists(export.file.name)


def test_an_export_that_finishes_while_it_is_deleted_leaves_no_file(
    start, annotation, django_capture_on_commit_callbacks
):
    seen_before = start()
    run_next(KINDS["exports"], "w")
    name = Export.objects.get().file.name
    with django_capture_on_commit_callbacks(execute=True):
        exports.cancel_or_delete(seen_before)
    assert not Export.objects.exists()
    assert not default_storage.exists(name)


def test_an_export_that_breaks_says_why_and_is_tried_three_times(start, annotation, image):
    default_storage.delete(image.file.name)
    export = start(include_images=True)
    for _ in range(3):
        assert run_next(KINDS["exports"], "w") == export
        Export.objects.filter(state="queued").update(not_before=timezone.now())
    export.refresh_from_db()
    assert (export.state, export.attempts) == ("failed", 3)
    assert "photo.png" in export.error
    assert run_next(KINDS["exports"], "w") is None


def test_an_export_of_a_dead_worker_is_made_by_the_next(start, alice, annotation):
    export = start()
    queue.claim(Export.takeable(), "dead")
    Export.objects.update(lease_expires_at=timezone.now() - timedelta(seconds=1))
    assert run_next(KINDS["exports"], "alive") == export
    assert download(alice, export)


def test_old_exports_are_cleaned_away(start, annotation, settings):
    start()
    run_next(KINDS["exports"], "w")
    assert exports.delete_old() == 0
    Export.objects.update(finished_at=timezone.now() - timedelta(days=settings.EXPORT_KEEP_DAYS + 1))
    assert exports.delete_old() == 1


def test_a_process_killed_between_an_exports_file_and_its_row_leaves_nothing_that_is_not_swept(installation):
    with pytest.raises(AssertionError):  # the process ends by SIGKILL
        installation.python(
            """
import os, signal
from annotator.datasets import exports
from annotator.jobs import queue
from annotator.jobs.kinds import KINDS
from annotator.models import Project
from annotator.worker.run_job import run_next

exports.start(Project.objects.create(name="Killed"), None, format="coco")
queue.finish = lambda *args, **kwargs: os.kill(os.getpid(), signal.SIGKILL)
run_next(KINDS["exports"], "killed")
"""
        )
    folder = installation.data_dir / "media" / "exports"
    assert len(list(folder.rglob("*.json"))) == 1
    installation.python("from annotator.datasets import exports; exports.sweep_unowned(min_age_s=-1)")
    assert not list(folder.rglob("*.json"))


def test_a_missing_picture_is_named_and_no_path_of_the_server_is(start, alice, image, second_image):
    export = start(include_images=True)
    default_storage.delete(str(second_image.file))
    run_next(KINDS["exports"], "w")
    export.refresh_from_db()
    assert "second.png" in export.error and f"number {second_image.pk}" in export.error
    assert "images/" not in export.error and "DATA_DIR" not in export.error
    assert (export.state, export.attempts) == ("queued", 1) and export.not_before > timezone.now()


def test_an_export_waits_while_all_pictures_are_away(start, image, second_image):
    export = start(include_images=True)
    for each in (image, second_image):
        default_storage.delete(str(each.file))
    run_next(KINDS["exports"], "w")
    export.refresh_from_db()
    assert (export.state, export.attempts) == ("queued", 0) and "away" in export.error
