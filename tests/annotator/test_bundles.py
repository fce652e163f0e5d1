"""The bundle table mirrors what lies on disk; real `tiny` bundles with random weights."""

from __future__ import annotations

import hashlib
import shutil
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command

from annotator.bundles import catalogue, decoders
from annotator.bundles.errors import BundleRefused, DecoderMissing
from annotator.bundles.install import install_bundle
from annotator.bundles.sync import sync_bundles
from annotator.models import Bundle, EmbeddingJob
from annotator.projects import projects
from segmentation.quality import Quality, write_quality
from tests.annotator.world import client_of


def test_the_first_bundle_found_is_the_default(installed):
    installed("first")
    (bundle,) = sync_bundles().bundles
    assert sync_bundles().refused == {}
    row = Bundle.objects.get()
    assert (row.name, row.is_default, row.is_available, row.digest) == ("tiny", True, True, bundle.digest)


def test_there_is_exactly_one_default(installed):
    installed("first")
    installed("third")
    sync_bundles()
    catalogue.set_default(Bundle.objects.get(name="other"))
    sync_bundles()
    assert list(Bundle.objects.filter(is_default=True).values_list("name", flat=True)) == ["other"]


def test_new_weights_under_an_old_name_are_a_new_bundle_that_projects_move_to(installed, alice, image):
    installed("first")
    sync_bundles()
    old = Bundle.objects.get(name="tiny")
    catalogue.set_default(old)
    projects.update_project(image.project, bundle=old)
    installed("second")
    sync_bundles()
    old.refresh_from_db()
    new = Bundle.objects.available().get(name="tiny")
    image.project.refresh_from_db()
    assert (old.is_available, new.is_default, image.project.bundle) == (False, True, new)
    assert EmbeddingJob.objects.filter(image=image, bundle=new, state="queued").exists()
    assert not EmbeddingJob.objects.filter(bundle=old).exists()


def test_a_damaged_manifest_is_refused_and_the_others_stay(installed, own_folders):
    installed("first")
    installed("third")
    manifest = own_folders / "bundles" / "other" / "manifest.json"
    manifest.write_text(manifest.read_text().replace('"input_side"', '"input_size"'))
    report = sync_bundles()
    assert [bundle.name for bundle in report.bundles] == ["tiny"]
    assert "input_size" in str(report.refused)


@pytest.mark.parametrize("content", [b"\xff\xfe\x00{", None])
def test_a_manifest_that_cannot_be_read_is_refused_and_the_others_stay(installed, own_folders, content):
    """None: a folder is in its place."""
    installed("first")
    spoilt = own_folders / "bundles" / "spoilt" / "manifest.json"
    spoilt.parent.mkdir()
    spoilt.write_bytes(content) if content else spoilt.mkdir()
    report = sync_bundles()
    assert [bundle.name for bundle in report.bundles] == ["tiny"]


def test_weights_that_cannot_be_read_are_refused_in_words(installed, own_folders):
    installed("first")
    weights = own_folders / "bundles" / "tiny" / "weights.safetensors"
    weights.unlink()
    weights.mkdir()
    with pytest.raises(BundleRefused, match="cannot be read"):
        install_bundle("tiny")


def test_exchanged_weights_are_refused_at_installation(installed, own_folders, tiny_dirs):
    installed("first")
    shutil.copy(
        tiny_dirs / "second/tiny/weights.safetensors", own_folders / "bundles/tiny/weights.safetensors"
    )
    with pytest.raises(BundleRefused, match="sha256"):
        install_bundle("tiny")


def test_what_its_benchmark_found_is_listed_and_does_not_make_it_another_bundle(
    installed, own_folders, alice
):
    installed("first")
    folder = own_folders / "bundles/tiny"
    sync_bundles()
    (before,) = client_of(alice).get("/api/bundles/").json()["results"]
    assert before["quality"] is None
    write_quality(folder, Quality(one_click=0.5, box=0.75, masks=40))
    sync_bundles()
    (row,) = client_of(alice).get("/api/bundles/").json()["results"]
    assert row["quality"] == {"one_click": 0.5, "box": 0.75, "masks": 40}
    assert row["digest"] == before["digest"]
    for damaged in ("", "[]", '{"one_click": 2, "box": 0.5, "masks": 1}', '{"box": "x"}'):
        (folder / "quality.json").write_text(damaged)
        sync_bundles()
        assert Bundle.objects.get(name="tiny").quality is None, damaged


def test_a_bundle_that_does_not_exist_is_an_error_that_names_those_there_are(installed):
    installed("first")
    with pytest.raises(CommandError, match="tiny"):
        call_command("install_bundle", "unknown")


def test_a_bundle_may_keep_no_mask_for_a_clear_prompt(alice):
    none = {"count": 4, "single": None, "candidates": [1, 2, 3]}
    Bundle.objects.create(
        name="none", digest="6" * 64, family="none", input_side=64, embedding={}, manifest={"outputs": none}
    )
    rows = client_of(alice).get("/api/bundles/").json()["results"]
    assert [row["outputs"] for row in rows if row["name"] == "none"] == [none]


def test_installing_a_folder_copies_it_and_exports_its_decoder(installed, tiny_dirs, own_folders, alice):
    call_command("install_bundle", str(tiny_dirs / "third" / "other"), "--default")
    bundle = Bundle.objects.get(name="other")
    assert bundle.is_default
    assert (own_folders / f"bundles/by-digest/{bundle.digest}/weights.safetensors").is_file()
    decoder = decoders.local_decoder(bundle).read_bytes()
    assert decoders.local_decoder(bundle).with_suffix(".json").is_file()
    assert hashlib.sha256(decoder).hexdigest() == bundle.decoder_sha256

    (row,) = client_of(alice).get("/api/bundles/").json()["results"]
    assert (row["digest"], row["is_default"], row["low_res_side"]) == (bundle.digest, True, 256)
    assert row["outputs"] == {"count": 4, "single": 0, "candidates": [1, 2, 3]}
    assert row["fit"] == "pad"
    assert row["session_url"] == "/static/js/decoder/worker/sam/session.js"
    response = client_of(alice).get(row["decoder_url"])
    assert b"".join(response.streaming_content) == decoder
    assert "immutable" in response["Cache-Control"]
    assert client_of(alice).get(row["decoder_url"], HTTP_IF_NONE_MATCH=response["ETag"]).status_code == 304

    fast = client_of(alice).get(row["fast_decoder_url"])
    assert (
        b"".join(fast.streaming_content)
        == decoders.decoder_storage().open(decoders.package_name(bundle)).read()
    )
    assert "immutable" in fast["Cache-Control"]
    decoders.decoder_storage().delete(decoders.package_name(bundle))
    assert not decoders.is_exported(bundle), "prepare_site makes it again"
    (row,) = client_of(alice).get("/api/bundles/").json()["results"]
    assert row["fast_decoder_url"] is None
    assert client_of(alice).get("/api/bundles/other/decoder/fast/").status_code == 404


def test_a_decoder_that_was_not_exported_says_what_to_run(installed, alice):
    installed("first")
    sync_bundles()
    with pytest.raises(DecoderMissing, match="install_bundle tiny"):
        decoders.require_decoder(Bundle.objects.get())
    response = client_of(alice).get("/api/bundles/tiny/decoder/")
    assert (response.status_code, response.json()["error"]["code"]) == (503, "decoder_missing")


@pytest.mark.parametrize("name_of", [decoders.decoder_name, decoders.package_name])
def test_a_damaged_decoder_is_not_sent_and_made_anew_by_the_next_installation(
    installed, tiny_dirs, alice, name_of
):
    call_command("install_bundle", str(tiny_dirs / "third" / "other"), "--default")
    bundle = Bundle.objects.get(name="other")
    (row,) = client_of(alice).get("/api/bundles/").json()["results"]
    url = row["decoder_url" if name_of is decoders.decoder_name else "fast_decoder_url"]
    sound = b"".join(client_of(alice).get(url).streaming_content)
    path = Path(decoders.decoder_storage().path(name_of(bundle)))
    path.write_bytes(sound[:-100] + bytes(100))
    answer = client_of(alice).get(url)
    assert answer.status_code in (404, 503)
    assert "immutable" not in answer.get("Cache-Control", "")
    assert not decoders.is_exported(bundle)

    call_command("install_bundle", "other")
    bundle.refresh_from_db()
    assert decoders.is_exported(bundle)
    (row,) = client_of(alice).get("/api/bundles/").json()["results"]
    answer = client_of(alice).get(
        row["decoder_url" if name_of is decoders.decoder_name else "fast_decoder_url"]
    )
    assert "immutable" in answer["Cache-Control"]
    assert len(b"".join(answer.streaming_content)) == len(sound)


def test_a_bundle_whose_weights_are_damaged_keeps_no_other_from_being_made_ready(
    installed, tiny_dirs, own_folders, capsys
):
    shutil.copytree(tiny_dirs / "third" / "other", own_folders / "bundles" / "other")
    shutil.copytree(tiny_dirs / "first" / "tiny", own_folders / "bundles" / "tiny")
    weights = own_folders / "bundles" / "tiny" / "weights.safetensors"
    weights.write_bytes(weights.read_bytes()[:-10])
    call_command("prepare_site", "--skip-static", "--no-demo")
    said = capsys.readouterr().out
    assert "tiny cannot be used" in said and "weights" in said
    assert decoders.is_exported(Bundle.objects.get(name="other"))
    shutil.rmtree(own_folders / "bundles" / "other")
    with pytest.raises(CommandError, match="tiny cannot be used"):
        call_command("prepare_site", "--skip-static", "--no-demo")
