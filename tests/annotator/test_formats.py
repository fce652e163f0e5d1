"""One more row in the table of formats, and everything that offers formats has it."""

from __future__ import annotations

import io
import json
import re
import zipfile

import pytest
from django.core.management import call_command
from rest_framework.test import APIClient

from annotator.jobs.kinds import KINDS
from annotator.models import Export
from annotator.worker.run_job import run_next
from exporters.registry import export_formats
from tests.annotator.world import browser_of, client_of, html
from tests.exporters.toy_format import TOY, registered


@pytest.fixture
def toy():
    with registered("toy", TOY) as row:
        yield row


def page_of(user, project) -> str:
    return html(browser_of(user), f"/projects/{project.pk}/exports/")


def body_schemas() -> dict:
    """By format, the schema of the body that starts an export."""
    text = APIClient().get("/api/schema/", HTTP_ACCEPT="application/vnd.oai.openapi+json").content
    schemas = json.loads(text)["components"]["schemas"]
    start = schemas["ExportStartRequest"]
    assert [body["$ref"] for body in start["oneOf"]] == list(start["discriminator"]["mapping"].values())
    return {name: schemas[ref.rpartition("/")[2]] for name, ref in start["discriminator"]["mapping"].items()}


def test_the_page_offers_its_options_and_says_what_is_lost(toy, alice, project):
    page = page_of(alice, project)
    assert '<option value="toy">Toy boxes</option>' in page
    fieldset = page[page.index('data-format="toy"') :]
    assert "Only the box of a mask is kept." in fieldset
    inputs = re.findall(r"<input [^>]*>", fieldset)
    chosen = {
        re.search(r'data-option="(\w+)"', tag)[1]
        for tag in inputs
        if "checked" in tag and "data-option" in tag
    }
    assert chosen == {"box", "with_authors"}
    assert ["corners" in tag for tag in inputs].count(True) == 1


def test_the_page_offers_every_format_of_the_table_and_no_other(alice, project):
    formats = re.search(r'<select id="export-format".*?</select>', page_of(alice, project))[0]
    assert re.findall(r'<option value="(\w+)">', formats) == list(export_formats())


def test_the_schema_has_a_body_for_each_format_with_its_options(toy, db):
    bodies = body_schemas()
    assert list(bodies) == list(export_formats())
    assert set(bodies["toy"]["properties"]) == {
        *("format", "states", "selection", "version"),
        *("box", "with_authors", "include_images"),
    }
    assert "Only the box of a mask is kept." in bodies["toy"]["description"]
    assert bodies["toy"]["properties"]["with_authors"]["default"] is True
    assert set(bodies["coco"]["properties"]) == {
        *("format", "states", "selection", "version"),
        *("segmentation", "tolerance", "holes", "include_images"),
    }
    call_command("spectacular", "--validate", "--fail-on-warn", "--file", "/dev/null")


def test_the_schema_knows_it_no_more_once_the_row_is_gone(db):
    with registered("toy", TOY):
        assert "toy" in body_schemas()
    assert "toy" not in body_schemas()


def test_the_api_makes_it_with_its_own_options_and_media_type(toy, alice, project, annotation):
    client = client_of(alice)
    response = client.post(
        f"/api/projects/{project.pk}/exports/",
        {"format": "toy", "box": "corners", "states": ["in_progress"]},
        format="json",
    )
    assert response.status_code == 202, response.json()
    export = Export.objects.get()
    assert export.options == {
        "box": "corners",
        "with_authors": True,
        "include_images": False,
        "states": ["in_progress"],
    }
    run_next(KINDS["exports"], "w")
    answer = client.get(f"/api/exports/{export.pk}/file/")
    assert answer["Content-Type"] == "application/x-toy"
    assert answer["Content-Disposition"].endswith('.toy"')
    with zipfile.ZipFile(io.BytesIO(b"".join(answer.streaming_content))) as archive:
        assert archive.read("photo.png.txt").split()[1:] == [b"2", b"1", b"5", b"3", b"bob"]
    page = page_of(alice, project)
    assert "Toy boxes, boxes by their corners, with authors" in page
    assert "images in progress" in page


@pytest.mark.parametrize("options", [{"box": "round"}, {"with_authors": "perhaps"}])
def test_the_api_refuses_what_the_format_s_options_cannot_be(toy, alice, project, options):
    response = client_of(alice).post(
        f"/api/projects/{project.pk}/exports/", {"format": "toy"} | options, format="json"
    )
    assert (response.status_code, list(response.json()["error"]["fields"])) == (400, list(options))


def test_the_command_has_its_arguments(toy, project, annotation, tmp_path, capsys):
    output = tmp_path / "out.toy"
    call_command(
        "export_dataset",
        "Cats",
        "--format",
        "toy",
        "--output",
        output,
        "--box",
        "corners",
        "--no-with-authors",
    )
    with zipfile.ZipFile(output) as archive:
        assert archive.read("photo.png.txt").split()[1:] == [b"2", b"1", b"5", b"3"]
    with pytest.raises(SystemExit):
        call_command("export_dataset", "--help")
    words = " ".join(capsys.readouterr().out.split())
    assert "toy: Toy boxes. Only the box of a mask is kept." in words
    assert "corners: As detectors want them" in words


def test_the_command_refuses_an_option_of_another_format(toy, project, annotation, tmp_path):
    from django.core.management import CommandError

    with pytest.raises(CommandError, match="Toy boxes has no option 'segmentation'"):
        call_command(
            "export_dataset", "Cats", "--format", "toy", "--output", tmp_path / "out", "--segmentation", "rle"
        )
    assert list(tmp_path.glob("out")) == []


def test_a_row_of_a_format_that_is_gone_is_still_listed_and_downloaded(alice, project, annotation):
    client = client_of(alice)
    with registered("toy", TOY):
        client.post(f"/api/projects/{project.pk}/exports/", {"format": "toy"}, format="json")
        run_next(KINDS["exports"], "w")
    export = Export.objects.get()
    assert export.state == "ready"
    assert client.get(f"/api/exports/{export.pk}/file/")["Content-Type"] == "application/octet-stream"
    assert "<h2>toy</h2>" in page_of(alice, project)
