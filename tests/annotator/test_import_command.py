"""`manage.py import_dataset`, run as a person runs it."""

from __future__ import annotations

import json

import pytest

from annotator.datasets import taking_in
from annotator.jobs import queue
from annotator.jobs.kinds import KINDS
from annotator.models import Annotation, Import
from annotator.projects import categories
from annotator.worker.run_job import run_next
from tests.annotator.test_commands import failure_of, run
from tests.annotator.test_imports import a_document, a_zip, three_images
from tests.annotator.world import encode_image, rectangle_rle


@pytest.fixture
def folder(tmp_path):
    """A data set of two images, one of which is `image`, and two categories."""
    document = a_document(
        ["photo.png", "new.png"],
        [{}, {"image_id": 2, "category_id": 2}, {"segmentation": rectangle_rle(top=3)}, {"category_id": 9}],
    )
    place = tmp_path / "sets" / "pets"
    (place / "images").mkdir(parents=True)
    (place / "instances.json").write_text(json.dumps(document))
    (place / "images" / "new.png").write_bytes(encode_image(seed=5))
    return place


def test_a_dry_run_prints_the_table_and_writes_nothing(folder, project, image, category):
    printed = run("import_dataset", "Cats", folder, "--dry-run")
    lines = [" ".join(line.split()) for line in printed.splitlines()]
    assert lines == [
        f"{folder}: COCO instances",
        "images: 1 new, 1 known, 0 missing, 0 not wanted, 0 refused",
        "annotations: 3 new, 0 here, 0 boxes, 0 unplaced",
        "category new here becomes",
        "cat 2 0 cat",
        "dog 1 0 a new category",
        "annotations[3] (id 4): category 9 is not listed",
    ]
    assert (Import.objects.count(), Annotation.objects.count(), project.images.count()) == (0, 0, 1)


def test_a_folder_comes_in_and_again_without_a_change(folder, project, image, category):
    printed = run("import_dataset", project.pk, folder)
    assert "3 annotations came in, 0 were there; 1 new images, 1 known ones, 0 refused" in printed
    assert "0 annotations came in, 3 were there; 0 new images" in run("import_dataset", project.pk, folder)
    assert Annotation.objects.count() == 3
    assert [row.phase for row in Import.objects.all()] == ["ready", "ready"]


def test_categories_are_mapped_and_left_out_by_name(folder, project, image, category):
    bird = categories.create_category(project, name="bird")
    run(
        "import_dataset",
        "Cats",
        folder,
        "--map",
        "CAT=Bird",
        "--skip",
        "dog",
        "--known-only",
        "--as",
        "to-check",
    )
    assert set(Annotation.objects.values_list("category", "to_check")) == {(bird.pk, True)}
    assert (project.categories.count(), project.images.count()) == (2, 1)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--map", "cat"], "not of the form"),
        (["--map", "cat=cow"], "Cats has no category 'cow'; it has: cat"),
        (["--map", "cow=cat"], "the file has no category 'cow'; it has: cat, dog"),
        (["--skip", "cow"], "the file has no category 'cow'"),
    ],
)
def test_what_makes_no_sense_is_said(folder, project, category, arguments, words):
    assert words in failure_of("import_dataset", "Cats", folder, *arguments)


def test_a_path_that_is_not_there_or_holds_no_dataset_is_said(project, tmp_path):
    assert "there is no" in failure_of("import_dataset", "Cats", tmp_path / "none")
    assert "look like no format" in failure_of("import_dataset", "Cats", tmp_path)


def test_one_that_was_killed_is_gone_on_with_by_a_worker(project, tmp_path, monkeypatch):
    class Killed(BaseException):
        pass

    def dies(job, source, progress):
        raise Killed

    path = tmp_path / "three.zip"
    path.write_bytes(three_images())
    monkeypatch.setattr("annotator.management.commands.import_dataset.take_in", dies)
    with pytest.raises(Killed):
        run("import_dataset", "Cats", path)
    assert (Import.objects.get().phase, project.images.count()) == ("running", 0)
    queue.end_leases(Import.objects.all())
    run_next(KINDS["imports"], "w")
    assert (Import.objects.get().phase, project.images.count()) == ("ready", 3)
    assert path.exists()


def test_one_that_is_stopped_by_hand_keeps_whole_images(project, tmp_path, monkeypatch):
    real, calls = taking_in.KnownImages.find, []

    def interrupted(known, record):
        calls.append(record)
        if len(calls) == 5:  # the second time that the second image is looked for
            raise KeyboardInterrupt
        return real(known, record)

    path = tmp_path / "three.zip"
    path.write_bytes(three_images())
    monkeypatch.setattr(taking_in.KnownImages, "find", interrupted)
    assert "whole images stay" in failure_of("import_dataset", "Cats", path)
    monkeypatch.undo()
    assert (Import.objects.get().phase, project.images.count()) == ("cancelled", 1)
    assert "2 annotations came in, 1 were there" in run("import_dataset", "Cats", path)


def test_an_image_that_cannot_come_in_ends_the_command_with_an_error(project, tmp_path):
    path = tmp_path / "set.zip"
    path.write_bytes(a_zip(a_document(["a.png"], [{}]), {"a.png": b"no picture"}))
    message = failure_of("import_dataset", "Cats", path)
    assert "image a.png:" in message and "1 images could not come in" in message
