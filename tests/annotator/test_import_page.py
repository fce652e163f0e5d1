"""The imports page in the words that a person reads, at every stage of an import."""

from __future__ import annotations

import re

from annotator.datasets import imports
from annotator.jobs.kinds import KINDS
from annotator.models import Import, User
from annotator.worker.run_job import run_next
from tests.annotator.test_imports import a_document, bring, start  # noqa: F401  (fixtures)
from tests.annotator.world import browser_of, html


def words_of(user: User, project) -> str:
    page = re.sub(
        r"<option.*?</option>", "", html(browser_of(user), f"/projects/{project.pk}/imports/"), flags=re.S
    )
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", "", page))


def test_the_formats_have_spaces_between_them(alice, project):
    assert "COCO instances, YOLO segmentation, YOLO boxes, Pascal VOC" in words_of(alice, project)


def test_a_finished_import_says_what_was_left_out(alice, bring, start, project, image):  # noqa: F811
    document = a_document(
        ["photo.png", "gone.png"],
        [{}, {"category_id": 2}, {"category_id": 9}, {"image_id": 2}, {"segmentation": [[1, 1, 5, 5]]}],
    )
    row = bring(document, "a.json")
    start(row, mapping={"2": "skip"})
    words = words_of(alice, project)
    assert "1 annotation came in" in words
    assert "Left out: 1 annotation of a skipped category (dog)" in words
    assert "1 annotation on images that did not come in" in words
    assert "Neither in the project nor in the file: gone.png" in words
    assert "2 problems: what is named here did not come in" in words
    assert row["problems_url"] in html(browser_of(alice), f"/projects/{project.pk}/imports/")


def test_an_import_of_everything_says_nothing_of_what_was_left_out(alice, bring, start, project, image):  # noqa: F811
    start(bring(a_document(["photo.png"], [{}]), "a.json"))
    assert "Left out" not in words_of(alice, project)


def test_one_that_starts_does_not_show_the_steps_of_its_examination(bring, project, image):  # noqa: F811
    row = bring(a_document(["photo.png"], [{}]), "a.json")
    started = imports.start(Import.objects.get(pk=row["id"]))
    assert (started.done, started.total) == (0, 0)


def test_one_that_was_stopped_offers_to_go_on(alice, bring, project, image):  # noqa: F811
    row = Import.objects.get(pk=bring(a_document(["photo.png"], [{}]), "a.json")["id"])
    assert "Import 1 annotation" in words_of(alice, project)
    address = f"/projects/{project.pk}/imports/"
    assert "data-ask" not in html(browser_of(alice), address)
    imports.start(row)
    imports.cancel_or_delete(row)
    # "Delete" stands where "Cancel" stood: a second click must not take away what could still go on.
    assert "data-ask" in html(browser_of(alice), address)
    assert "Go on with the import" in words_of(alice, project)
    imports.start(row)
    run_next(KINDS["imports"], "w")
    assert "1 annotation came in" in words_of(alice, project)


def test_a_folder_of_the_server_is_offered_to_admins_where_there_are_some(
    alice, staff, project, settings, tmp_path
):
    address = f"/projects/{project.pk}/imports/"
    settings.IMPORT_ROOTS = []
    assert "data-import-path" not in html(browser_of(staff), address)
    settings.IMPORT_ROOTS = [tmp_path]
    assert "data-import-path" not in html(browser_of(alice), address)
    page = html(browser_of(staff), address)
    assert "data-import-path" in page and str(tmp_path) in page
