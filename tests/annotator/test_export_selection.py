"""What is chosen of a project for an export: annotations, categories, parts; and the report of what the file loses."""

from __future__ import annotations

import datetime as dt
import io
import json
import uuid
import zipfile

import numpy as np
import pytest
from django.core.management import CommandError, call_command
from django.utils import timezone

from annotator.annotations import saving
from annotator.datasets import records
from annotator.datasets import selection as selections
from annotator.datasets.selection import EVERYTHING, selection_from, stored, words
from annotator.jobs import queue
from annotator.jobs.kinds import KINDS
from annotator.media import intake
from annotator.models import Annotation, Export, Image
from annotator.projects import categories
from annotator.worker.run_job import run_next
from segmentation import rle
from tests.annotator.world import BUNDLE_DIGEST, annotation_body, client_of, encode_image, rectangle_rle
from tests.exporters.toy_format import TOY, registered

EVENING = dt.datetime(2026, 5, 31, 20, 0, tzinfo=dt.UTC)


@pytest.fixture
def dog(project, category):
    return categories.create_category(project, name="dog")


@pytest.fixture
def make(image):
    """Saves one more annotation; `values` are columns that saving does not set."""

    def do(author, category, on=None, values=None, **changes) -> Annotation:
        body = annotation_body(category, **changes)
        made, _ = saving.create(on or image, author=author, **body | {"id": uuid.UUID(body["id"])})
        Annotation.objects.filter(pk=made.pk).update(**values or {})
        return made

    return do


def chosen(project, states=None, **selection) -> list[str]:
    """The uuids that an export with this selection holds."""
    dataset = records.build(project, selection_from(states, selection))
    return [record.uuid for image in dataset.images for record in image.annotations]


def body(project, **changes) -> dict:
    return {"format": "coco"} | changes


def post(user, project, address="exports/", **changes):
    return client_of(user).post(
        f"/api/projects/{project.pk}/{address}", body(project, **changes), format="json"
    )


# --- annotations ---


def test_annotations_are_chosen_by_author_model_time_size_and_estimate(
    project, alice, bob, category, dog, make
):
    large = rectangle_rle(height=4)
    first = make(bob, category, values={"created_at": EVENING, "bundle_digest": BUNDLE_DIGEST})
    second = make(alice, dog, segmentation=large, predicted_iou=0.4, values={"created_at": timezone.now()})
    by_hand = make(alice, dog, prompt=None, predicted_iou=None, values={"created_at": timezone.now()})
    keys = {str(first.pk): "first", str(second.pk): "second", str(by_hand.pk): "by hand"}

    def found(**selection) -> list[str]:
        return [keys[key] for key in chosen(project, **selection)]

    assert found() == ["first", "second", "by hand"]
    assert found(authors=["bob"]) == ["first"]
    assert found(bundles=[BUNDLE_DIGEST]) == ["first"]
    assert found(bundles=[""]) == ["second", "by hand"]
    assert found(created_until=EVENING) == []
    assert found(created_from=EVENING, created_until=EVENING + dt.timedelta(seconds=1)) == ["first"]
    assert found(min_area_px=12) == ["second"]
    # Masks without an estimate stay: nobody said that they are poor.
    assert found(min_predicted_iou=0.9) == ["first", "by hand"]
    assert found(categories=[{"id": dog.pk}]) == ["second", "by hand"]


def test_images_without_a_chosen_mask_are_left_out_where_that_is_wished(
    project, bob, alice, category, image, second_image, make
):
    make(bob, category)
    make(alice, category, on=second_image)
    names = [row.file_name for row in records.build(project, selection_from([], {"authors": ["bob"]})).images]
    assert names == ["photo.png", "second.png"]
    only = records.build(project, selection_from([], {"authors": ["bob"], "only_annotated": True}))
    assert [row.file_name for row in only.images] == ["photo.png"]
    assert (only.image_count, only.annotation_count) == (1, 1)


# --- categories ---


def test_categories_are_renamed_merged_ordered_left_out_and_renumbered(project, bob, category, dog, make):
    bird = categories.create_category(project, name="bird")
    for each in (category, dog, bird):
        make(bob, each)
    chosen_rows = [{"id": dog.pk, "name": "pet"}, {"id": category.pk, "name": "pet"}]

    def exported(**selection):
        dataset = records.build(project, selection_from([], selection))
        ids = [record.category_id for image in dataset.images for record in image.annotations]
        return [(row.id, row.name) for row in dataset.categories], ids

    ids = [category.coco_id, dog.coco_id, bird.coco_id]
    assert exported()[1] == ids
    assert exported(categories=chosen_rows) == ([(dog.coco_id, "pet")], [dog.coco_id] * 2)
    reordered = [{"id": bird.pk}, {"id": category.pk}, {"id": dog.pk}]
    assert exported(categories=reordered)[0] == [
        (bird.coco_id, "bird"),
        (category.coco_id, "cat"),
        (dog.coco_id, "dog"),
    ]
    assert exported(categories=reordered, renumber=True) == (
        [(1, "bird"), (2, "cat"), (3, "dog")],
        [2, 3, 1],
    )


# --- parts ---


@pytest.fixture
def album(project, alice):
    """Twenty images in five uploads of four."""
    return [
        intake.ingest_image(
            project, io.BytesIO(encode_image(seed=k)), f"{k}.png", alice, batch=f"upload {k // 4}"
        ).image
        for k in range(20)
    ]


def parts(project, by: str, **split) -> dict[str, str]:
    dataset = records.build(
        project, selection_from([], {"split": {"by": by, "train": 60, "val": 20, "test": 20, **split}})
    )
    return {row.file_name: row.split for row in dataset.images}


def test_images_have_no_part_unless_that_is_wished(project, image):
    assert {row.split for row in records.build(project).images} == {""}


def test_an_image_stays_in_its_part_when_others_come(project, alice, album):
    before = parts(project, "image")
    assert set(before.values()) == {"train", "val", "test"}
    assert before != parts(project, "image", seed=1)
    intake.ingest_image(project, io.BytesIO(encode_image(seed=99)), "late.png", alice)
    assert parts(project, "image").items() >= before.items()


def test_what_was_uploaded_together_stays_together(project, album):
    found = parts(project, "upload")
    by_upload = [{found[f"{k}.png"] for k in range(first, first + 4)} for first in range(0, 20, 4)]
    assert all(len(each) == 1 for each in by_upload)
    assert sorted(found.values()).count("train") == 12


def test_each_part_has_its_share_of_a_rare_category(project, bob, album, category, dog, make):
    for k, each in enumerate(album):
        make(bob, dog if k % 4 == 0 else category, on=each)
    found = parts(project, "category")
    rare = sorted(found[f"{k}.png"] for k in range(0, 20, 4))
    assert rare == ["test", "train", "train", "train", "val"]
    assert sorted(found.values()) == ["test"] * 4 + ["train"] * 12 + ["val"] * 4


# --- stored, and in words ---


def test_a_stored_selection_is_the_same_again(project, category):
    selection = selection_from(
        ["done"],
        {
            "authors": ["bob"],
            "bundles": [""],
            "created_from": EVENING,
            "min_area_px": 9,
            "min_predicted_iou": 0.5,
            "only_annotated": True,
            "categories": [{"id": category.pk, "name": "pet"}],
            "renumber": True,
            "split": {"by": "image", "train": 50, "val": 50, "test": 0, "seed": 3},
        },
    )
    assert selections.of_row(json.loads(json.dumps(stored(selection)))) == selection
    assert stored(EVERYTHING) == {"states": []}
    assert words(selection) == (
        "images done, with masks only, masks of bob, drawn with no model, from 2026-05-31 20:00 UTC, "
        "at least 9 pixels, predicted IoU from 0.5, 1 category, ids renumbered, train 50 %, val 50 % "
        "(image by image, seed 3)"
    )


@pytest.mark.parametrize(
    ("selection", "field"),
    [
        ({"autors": ["bob"]}, "selection.autors"),
        ({"authors": ["nobody-here"]}, "selection.authors"),
        ({"bundles": ["b"]}, "selection.bundles.0"),
        ({"min_area_px": 0}, "selection.min_area_px"),
        ({"min_predicted_iou": 2}, "selection.min_predicted_iou"),
        ({"min_predicted_iou": "NaN"}, "selection.min_predicted_iou"),
        ({"created_from": "yesterday"}, "selection.created_from"),
        (
            {"created_from": "2026-05-31T00:00:00Z", "created_until": "2026-05-30T00:00:00Z"},
            "selection.created_until",
        ),
        ({"categories": []}, "selection.categories"),
        ({"categories": [{"id": 2**40}]}, "selection.categories"),
        ({"categories": [{"id": 1, "color": "red"}]}, "selection.categories.0.color"),
        ({"split": {"by": "luck"}}, "selection.split.by"),
        ({"split": {"by": "image", "train": 90}}, "selection.split.train"),
        ({"split": {"by": "image", "seed": -1}}, "selection.split.seed"),
        ("everything", "selection.non_field_errors"),
    ],
)
def test_a_selection_that_makes_no_sense_is_refused_with_its_field(alice, project, selection, field):
    for address in ("exports/", "exports/preview/"):
        response = post(alice, project, address, selection=selection)
        assert response.status_code == 400, response.content
        assert list(response.json()["error"]["fields"])[:1] == [field]
    assert not Export.objects.exists()


def test_categories_of_another_project_are_unknown(alice, bob, project, image):
    from annotator.projects import projects

    foreign = categories.create_category(projects.create_project(bob, name="Dogs"), name="secret")
    response = post(alice, project, selection={"categories": [{"id": foreign.pk}]})
    assert (response.status_code, list(response.json()["error"]["fields"])) == (400, ["selection.categories"])
    assert "secret" not in response.content.decode()


# --- the report ---


@pytest.fixture
def ring(project, bob, category, make):
    mask = np.zeros((6, 8), bool)
    mask[1:5, 1:6] = True
    mask[2:4, 2:4] = False
    return make(bob, category, segmentation=rle.encode(mask))


def test_the_preview_says_what_would_be_lost_and_makes_nothing(alice, project, ring, category):
    response = post(alice, project, "exports/preview/", segmentation="polygon", holes="fill")
    assert response.status_code == 200, response.content
    report = response.json()
    assert report["measured"]["sentences"] == [
        "1 hole in 1 mask is filled.",
        "IoU of the outlines with the masks: 0.800 on average, 0.800 at worst.",
    ]
    assert report["measured"]["findings"]["worst_iou"] == 0.8
    assert (report["images"], report["annotations"], report["selected"]) == (1, 1, "all images")
    assert report["categories"] == [{"id": category.coco_id, "name": "cat", "annotations": 1}]
    assert report["losses"]
    assert not Export.objects.exists()


def test_the_preview_counts_what_is_selected(alice, project, album, category, make, bob):
    for each in album[:3]:
        make(bob, category, on=each)
    report = post(
        alice,
        project,
        "exports/preview/",
        selection={"only_annotated": True, "split": {"by": "upload", "train": 50, "val": 50, "test": 0}},
    ).json()
    assert (report["images"], report["annotations"]) == (3, 3)
    assert report["splits"] == {"train": 3, "val": 0}


def test_a_finished_export_has_its_report_and_says_it_on_the_page(alice, vera, project, ring):
    post(
        alice, project, segmentation="polygon", holes="fill", selection={"authors": ["bob"], "min_area_px": 2}
    )
    run_next(KINDS["exports"], "w")
    export = Export.objects.get()
    row = client_of(vera).get(f"/api/exports/{export.pk}/").json()
    report = client_of(vera).get(row["report_url"]).json()
    assert report["measured"]["sentences"][0] == "1 hole in 1 mask is filled."
    assert report["selection"] == {"authors": ["bob"], "min_area_px": 2}
    from tests.annotator.world import browser_of, html

    page = html(browser_of(vera), f"/projects/{project.pk}/exports/")
    assert "all images, masks of bob, at least 2 pixels" in page
    assert "1 hole in 1 mask is filled." in page


def test_a_zip_has_the_report_and_where_its_masks_come_from(alice, bob, project, ring):
    post(alice, project, include_images=True)
    run_next(KINDS["exports"], "w")
    export = Export.objects.get()
    content = b"".join(client_of(alice).get(f"/api/exports/{export.pk}/file/").streaming_content)
    assert len(content) == export.size_bytes
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        assert json.loads(archive.read("export_report.json")) == export.report
        (line,) = map(json.loads, archive.read("provenance.jsonl").decode().splitlines())
    assert (line["uuid"], line["author"], line["clicks"], line["time_spent_s"]) == (
        str(ring.pk),
        "bob",
        1,
        1.5,
    )
    assert line["prompt"]["point_coords"] == [[3.5, 2.0]]


def test_an_export_of_an_older_version_has_no_report(alice, project):
    export = Export.objects.create(project=project, format="coco", state="ready", options={"states": []})
    row = client_of(alice).get(f"/api/exports/{export.pk}/").json()
    assert row["report_url"] is None
    assert client_of(alice).get(f"/api/exports/{export.pk}/report/").status_code == 404


def test_exports_of_the_same_state_have_the_same_bytes(alice, project, ring):
    contents = []
    with registered("toy", TOY):
        for _ in range(2):
            post(
                alice,
                project,
                format="toy",
                include_images=True,
                selection={"split": {"by": "category", "seed": 4}},
            )
            run_next(KINDS["exports"], "w")
            export = Export.objects.first()
            contents.append(
                b"".join(client_of(alice).get(f"/api/exports/{export.pk}/file/").streaming_content)
            )
    assert contents[0] == contents[1]


# --- cancelled, and begun anew ---


@pytest.mark.parametrize("step", ["measuring", "writing", "side files"])
def test_cancelling_stops_an_export_at_every_step(step, alice, project, ring, monkeypatch):
    from annotator.datasets import exports
    from annotator.datasets.making import Plan
    from annotator.worker.runners import row_progress
    from exporters import side_files

    monkeypatch.setattr(row_progress, "PROGRESS_INTERVAL_S", 0)
    post(alice, project, include_images=True, segmentation="polygon", holes="fill")
    export = Export.objects.get()
    steps = {
        "measuring": (Plan, "report"),
        "writing": (Plan, "write"),
        "side files": (side_files, "add"),
    }
    place, name = steps[step]
    original = getattr(place, name)
    reached, ended = [], []

    def cancelled_meanwhile(*args, **kwargs):
        reached.append(step)
        exports.cancel_or_delete(export)
        result = original(*args, **kwargs)
        ended.append(step)
        return result

    monkeypatch.setattr(place, name, cancelled_meanwhile)
    run_next(KINDS["exports"], "w")
    export.refresh_from_db()
    assert (reached, ended, export.state, export.file.name) == ([step], [], "cancelled", "")


def test_an_export_whose_worker_died_while_writing_is_begun_anew_and_ends(alice, project, ring):
    post(alice, project, include_images=True)
    dead = queue.claim(Export.takeable(), "dead")
    queue.update(dead, done=1, total=3)
    Export.objects.update(lease_expires_at=timezone.now() - dt.timedelta(seconds=1))
    assert run_next(KINDS["exports"], "alive") == dead
    export = Export.objects.get()
    assert (export.state, export.attempts) == ("ready", 2)
    assert export.report["annotations"] == 1


# --- the command ---


def test_the_command_selects_and_says_what_is_lost(project, bob, category, dog, ring, make, tmp_path, capsys):
    make(bob, dog)
    output = tmp_path / "out.json"
    call_command(
        "export_dataset",
        "Cats",
        *("--output", output, "--segmentation", "polygon", "--holes", "fill"),
        *("--category", "cat=pet", "--renumber", "--author", "bob", "--min-area", "2"),
        *("--created-from", "2020-01-01", "--min-predicted-iou", "0.5", "--only-annotated"),
        *("--split", "image", "--shares", "100,0,0", "--seed", "7"),
    )
    document = json.loads(output.read_text())
    assert [(row["id"], row["name"]) for row in document["categories"]] == [(1, "pet")]
    assert [row["uuid"] for row in document["annotations"]] == [str(ring.pk)]
    said = capsys.readouterr().out
    assert "1 annotations on 1 images" in said
    assert "Images: train 1." in said
    assert "1 hole in 1 mask is filled." in said


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--category", "horse"], "no category 'horse'; it has cat"),
        (["--author", "nobody-here"], "There is no user nobody-here"),
        (["--split", "image", "--shares", "50,50,50"], "must make 100"),
    ],
)
def test_the_command_refuses_what_the_project_does_not_have(
    arguments, message, project, category, image, tmp_path
):
    with pytest.raises(CommandError, match=message):
        call_command("export_dataset", "Cats", "--output", tmp_path / "out.json", *arguments)
    assert list(tmp_path.glob("out*")) == []


@pytest.mark.parametrize(
    "arguments",
    [
        ["--created-from", "soon"],
        ["--min-area", "-1"],
        ["--min-predicted-iou", "nan"],
        ["--shares", "80,20"],
    ],
)
def test_the_command_refuses_values_in_words(arguments, project, tmp_path):
    with pytest.raises(CommandError, match=arguments[0]):
        call_command("export_dataset", "Cats", "--output", tmp_path / "out.json", *arguments)


def test_a_category_that_comes_while_an_export_runs_is_not_in_it(project, alice, bob, category, image, make):
    make(bob, category)
    dataset = records.build(project)
    make(bob, categories.create_category(project, name="late"))
    assert [record.category_id for row in dataset.images for record in row.annotations] == [category.coco_id]
    assert Image.objects.count() == 1


# --- versions ---


def test_a_version_is_exported_in_parts_and_reports_what_it_holds(alice, project, album, category, bob, make):
    from annotator.datasets import versions

    for each in album:
        make(bob, category, on=each)
    version = versions.create(project, alice, name="v3")
    run_next(KINDS["versions"], "w")
    split = {"by": "category", "train": 60, "val": 20, "test": 20}
    for _ in range(2):
        answer = post(
            alice,
            project,
            version=version.pk,
            format="coco",
            include_images=True,
            selection={"split": split},
        )
        assert answer.status_code == 202, answer.content
        run_next(KINDS["exports"], "w")
    contents = [
        b"".join(client_of(alice).get(f"/api/exports/{export.pk}/file/").streaming_content)
        for export in Export.objects.all()
    ]
    assert contents[0] == contents[1]
    report = Export.objects.first().report
    assert report["splits"] == {"train": 12, "val": 4, "test": 4}
    assert report["categories"] == [{"id": category.coco_id, "name": "cat", "annotations": 20}]
    assert report["selected"].startswith("version v3, train 60 %")
    preview = post(alice, project, "exports/preview/", version=version.pk, selection={"split": split}).json()
    assert preview["splits"] == report["splits"]


@pytest.mark.parametrize(
    ("chosen_of_it", "field"),
    [
        ({"states": ["done"]}, "states"),
        ({"selection": {"min_area_px": 5}}, "selection"),
        ({"selection": {"split": {"by": "upload"}}}, "selection.split"),
    ],
)
def test_nothing_but_a_split_is_chosen_of_a_version(chosen_of_it, field, alice, project, image):
    from annotator.datasets import versions

    version = versions.create(project, alice)
    run_next(KINDS["versions"], "w")
    response = post(alice, project, version=version.pk, **chosen_of_it)
    assert (response.status_code, list(response.json()["error"]["fields"])) == (400, [field])


@pytest.mark.parametrize(
    "options", [{"states": ["finished"]}, {"states": [], "selection": {"moon_phase": "full"}}]
)
def test_a_row_of_another_version_of_the_program_is_listed_and_fails_in_words(options, alice, project):
    from tests.annotator.world import browser_of, html

    export = Export.objects.create(
        project=project,
        format="coco",
        options={"segmentation": "rle", "include_images": False} | options,
    )
    page = html(browser_of(alice), f"/projects/{project.pk}/exports/")
    assert "a selection that is known no more" in page
    run_next(KINDS["exports"], "w")
    export.refresh_from_db()
    assert (export.state, export.attempts) == ("failed", 1)
    assert "moon_phase" in export.error or "finished" in export.error


def test_a_worker_killed_while_it_writes_side_files_leaves_an_export_that_the_next_one_makes(installation):
    installation.python(
        """
import io
from annotator.datasets import exports
from annotator.media import intake
from annotator.models import Project
from tests.annotator.world import encode_image

project = Project.objects.create(name="Killed")
intake.ingest_image(project, io.BytesIO(encode_image()), "photo.png")
exports.start(project, None, format="coco", include_images=True)
"""
    )
    with pytest.raises(AssertionError):  # the process ends by SIGKILL
        installation.python(
            """
import os, signal
from annotator.jobs.kinds import KINDS
from annotator.worker.run_job import run_next
from exporters import side_files

side_files.add = lambda *args: os.kill(os.getpid(), signal.SIGKILL)
run_next(KINDS["exports"], "killed")
"""
        )
    said = installation.python(
        """
import zipfile
from annotator.files import stored
from annotator.jobs import queue
from annotator.jobs.kinds import KINDS
from annotator.models import Export
from annotator.worker.run_job import run_next

assert Export.objects.get().state == "running"
queue.end_leases(Export.objects.all())
run_next(KINDS["exports"], "alive")
export = Export.objects.get()
print(export.state, export.attempts, sorted(zipfile.ZipFile(stored.open_file(export.file)).namelist()))
"""
    )
    files = "['annotations/instances.json', 'export_report.json', 'images/photo.png', 'provenance.jsonl']"
    assert said.strip() == f"ready 2 {files}"
