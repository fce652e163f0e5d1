"""`manage.py bundles`: published models by their names, from a server that stands for their publishers."""

from __future__ import annotations

import hashlib
import io
import re
import weakref
from dataclasses import replace

import numpy as np
import pytest
import safetensors
import torch
from django.core.management import CommandError, call_command
from safetensors.numpy import save

import segmentation.catalogue
from annotator.bundles import decoders, published, selftest
from annotator.bundles.encoders import open_encoder
from annotator.bundles.errors import BundleRefused
from annotator.bundles.selftest import self_test
from annotator.embeddings import store as embedding_store
from annotator.models import Bundle, EmbeddingJob
from segmentation.bundle import BUILT_IN_DIR
from segmentation.decoder.parity import compare_files
from segmentation.families.sam.network import VARIANTS
from tests.publisher import publishing
from tests.segmentation.original_sam import build_original

KERNELS = "its package's kernels, which run in browsers only, were not compared"


@pytest.fixture(scope="module")
def checkpoint() -> bytes:
    """A checkpoint in Meta's format that stands for ViT-B's, and is small."""
    stream = io.BytesIO()
    torch.save(build_original(VARIANTS["tiny"]).state_dict(), stream)
    return stream.getvalue()


@pytest.fixture
def publisher(db, checkpoint, own_folders, settings, monkeypatch):
    """It has the checkpoint under the name of ViT-B's; the catalogue says its length and digest."""
    monkeypatch.setitem(VARIANTS, "vit_b", VARIANTS["tiny"])
    row = segmentation.catalogue.member("sam-vit-b")
    row = replace(row, size=len(checkpoint), sha256=hashlib.sha256(checkpoint).hexdigest())
    free = replace(row, name="not-free", licence="no commercial use")
    monkeypatch.setattr(segmentation.catalogue, "members", lambda: (row, free))
    settings.DATA_DIR = own_folders
    with publishing(checkpoint) as publisher:
        settings.WEIGHTS_MIRROR = publisher.url
        yield publisher


def run(*arguments: str) -> str:
    said = io.StringIO()
    call_command("bundles", *arguments, stdout=said, stderr=io.StringIO())
    return said.getvalue()


def downloads(own_folders) -> list[str]:
    return sorted(path.name for path in (own_folders / "downloads").iterdir())


def test_a_model_is_installed_by_its_name_and_used(publisher, own_folders, image):
    assert "sam-vit-b is installed, the default: SAM ViT-B" in run(
        "install", "sam-vit-b"
    )  # the first one there is
    bundle = Bundle.objects.available().get(name="sam-vit-b")
    assert (bundle.family, bundle.manifest["licence"], bool(bundle.decoder_sha256)) == (
        "sam",
        "Apache-2.0",
        True,
    )
    assert downloads(own_folders) == []
    assert "installed  sam-vit-b" in run("list")
    run("use", "sam-vit-b", "--project", image.project.name)
    assert EmbeddingJob.objects.filter(image=image, bundle=bundle).exists()
    assert "New projects get sam-vit-b" in run("default", "sam-vit-b")


def test_what_was_fetched_is_gone_on_with_and_a_wrong_file_is_never_installed(
    publisher, own_folders, monkeypatch
):
    monkeypatch.setattr("segmentation.catalogue.download.FIRST_PAUSE_S", 0)
    whole, publisher.content = publisher.content, publisher.content[:-1] + b"x"
    with pytest.raises(CommandError, match="the published file has"):
        run("install", "sam-vit-b")
    assert (downloads(own_folders), Bundle.objects.filter(name="sam-vit-b").exists()) == ([], False)
    publisher.content, publisher.cut_after = whole, [1000] + [0] * 20
    with pytest.raises(CommandError, match="could not be fetched"):
        run("install", "sam-vit-b")
    publisher.cut_after.clear()
    run("install", "sam-vit-b")
    assert publisher.asked[-1] == "bytes=1000-"


def test_a_licence_that_is_not_free_has_to_be_accepted(publisher):
    with pytest.raises(CommandError, match="accept it: .* by --accept-licence"):
        run("install", "not-free")
    run("install", "not-free", "--accept-licence")
    assert Bundle.objects.available().filter(name="not-free").exists()


def test_a_file_at_hand_needs_no_network(publisher, checkpoint, own_folders, tmp_path):
    file = tmp_path / "mine.pth"
    file.write_bytes(checkpoint)
    run(
        "install",
        "--from-file",
        str(file),
        "--family",
        "sam",
        "--variant",
        "vit_b",
        "--name",
        "mine",
        "--default",
    )
    assert Bundle.objects.default().name == "mine"
    assert publisher.asked == [] and file.exists()


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["install"], "Name a model of"),
        (["install", "sam-vit-x"], "There is no published model 'sam-vit-x'"),
        (["install", "--from-file", "/nowhere.pth"], "There is no /nowhere.pth"),
        (["install", "--from-file", __file__], "Say whose weights they are"),
        (
            ["install", "--from-file", __file__, "--family", "sam", "--variant", "vit_b", "--name", "x"],
            "cut off, damaged or something else",
        ),
        (["default", "nothing"], "There is no bundle 'nothing'"),
    ],
)
def test_what_cannot_be_done_is_said(publisher, arguments, words):
    with pytest.raises(CommandError, match=words):
        run(*arguments)


def test_a_bundle_that_nobody_uses_is_removed_with_what_was_made_of_it(publisher, own_folders, image, bundle):
    run("install", "not-free", "--accept-licence", "--default")
    run("install", "sam-vit-b")
    vit = Bundle.objects.available().get(name="sam-vit-b")
    run("use", "sam-vit-b", "--project", image.project.name)
    with pytest.raises(CommandError, match=f"is used by {image.project.name}. Give them another model"):
        run("remove", "sam-vit-b")
    image.project.bundle = None
    image.project.save()
    run("default", "sam-vit-b")
    with pytest.raises(CommandError, match="Make another bundle the default one first"):
        run("remove", "sam-vit-b")
    embedding_store.save(vit.digest, image.digest, b"bytes")
    EmbeddingJob.objects.filter(bundle=vit, image=image).update(state="ready")
    run("default", "not-free")
    assert "sam-vit-b is removed with 1 embedding." in run("remove", "sam-vit-b")
    vit.refresh_from_db()
    assert (vit.is_available, vit.decoder_sha256) == (False, "")
    assert not EmbeddingJob.objects.filter(bundle=vit).exists()
    left = [path for path in own_folders.rglob("*") if path.is_file() and vit.digest in str(path)]
    assert left == []
    run("install", "sam-vit-b")  # the same bundle again
    vit.refresh_from_db()
    assert vit.is_available and vit.decoder_sha256


def test_a_bundle_tests_itself(publisher, own_folders):
    run("install", "sam-vit-b")
    bundle = Bundle.objects.get(name="sam-vit-b")
    old, other = (
        own_folders / "precisions" / f"{digest}-machine.json" for digest in (bundle.digest, "0" * 64)
    )
    old.parent.mkdir()
    for file in (old, other):
        file.write_text("{}")
    assert re.search(r"ok +sam-vit-b: [0-9.]+ s an image on cpu; its decoder differs", run("selftest"))
    assert (old.exists(), other.exists()) == (False, True)  # measured again
    [weights] = (own_folders / "bundles/by-digest" / bundle.digest).glob("*.safetensors")
    weights.write_bytes(weights.read_bytes()[:1000])
    with pytest.raises(CommandError, match="1 of 1 bundles do not work here"):
        run("selftest", "sam-vit-b")


def test_a_self_test_compares_what_of_the_package_python_can_run(publisher, own_folders):
    run("install", "sam-vit-b")
    bundle = Bundle.objects.get(name="sam-vit-b")
    assert re.search(r"its package's graphs by [0-9]e-0[4-9]$", run("selftest").strip())
    package = own_folders / "decoders" / decoders.package_name(bundle)
    whole = package.read_bytes()
    package.write_bytes(whole[:-1])
    with pytest.raises(CommandError, match="1 of 1 bundles do not work here"):
        run("selftest")
    with pytest.raises(
        BundleRefused, match="decoder package of sam-vit-b is damaged.*install_bundle sam-vit-b"
    ):
        self_test(bundle)

    # As the row says, and of another network: what no checksum finds.
    package.write_bytes(whole)
    with safetensors.safe_open(package, "numpy") as file:
        metadata, parts = file.metadata(), {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
    floats = parts["weights.bin"].view(np.float32).copy()
    parts["weights.bin"] = (floats * 1.1).view(np.uint8)
    package.write_bytes(save(parts, metadata))
    bundle.package_sha256 = hashlib.sha256(package.read_bytes()).hexdigest()
    bundle.save()
    with pytest.raises(BundleRefused, match="The decoder package of sam-vit-b differs from torch"):
        self_test(bundle)


def test_a_self_test_says_that_kernels_alone_are_not_compared(publisher, own_folders, settings):
    settings.BUNDLE_DIRS = [BUILT_IN_DIR, own_folders / "bundles"]
    call_command("install_bundle", "pocket", stdout=io.StringIO())
    said = run("selftest", "pocket")
    assert re.search(r"its decoder differs from the network by [0-9]e-0[4-9] of the logits' range", said)
    assert KERNELS in said


@pytest.mark.parametrize(
    ("difference", "has_kernels", "words"),
    [
        (None, False, ""),
        (2e-6, False, "its package's graphs by 2e-06"),
        (2e-6, True, f"its package's graphs by 2e-06; {KERNELS}"),
        (None, True, KERNELS),
    ],
)
def test_a_self_test_says_what_of_the_package_was_compared(difference, has_kernels, words):
    found = selftest.SelfTest("cpu", "", 1.0, 1e-6, difference, has_kernels)
    assert found.about_package == words


def test_a_self_test_holds_one_network_at_a_time(publisher, monkeypatch):
    run("install", "sam-vit-b")
    networks, alive = [], []

    def opened(bundle):
        encoder = open_encoder(bundle)
        networks.append(weakref.ref(encoder.model))
        return encoder

    def compared(*files):
        alive.append([network() is not None for network in networks])
        return compare_files(*files)

    monkeypatch.setattr(selftest, "open_encoder", opened)
    monkeypatch.setattr(selftest, "compare_files", compared)
    self_test(Bundle.objects.get(name="sam-vit-b"))
    assert alive == [[False]]


def test_a_model_named_for_make_run_is_the_default_before_the_demo_is_embedded(
    publisher, own_folders, monkeypatch
):
    monkeypatch.setenv("MODEL", "sam-vit-b")
    settings_of_the_repository = [BUILT_IN_DIR, own_folders / "bundles"]
    monkeypatch.setattr("django.conf.settings.BUNDLE_DIRS", settings_of_the_repository)
    for _ in range(2):  # the second time it is there
        call_command("prepare_site", "--skip-static", stdout=io.StringIO())
        assert Bundle.objects.default().name == "sam-vit-b"
    assert set(EmbeddingJob.objects.values_list("bundle__name", flat=True)) == {"sam-vit-b"}
    assert len(publisher.asked) == 1


@pytest.fixture
def prepare(publisher, own_folders, monkeypatch, settings):
    """`make run`'s part of it, with that MODEL; what it says."""
    settings.BUNDLE_DIRS = [BUILT_IN_DIR, own_folders / "bundles"]
    monkeypatch.setattr("segmentation.catalogue.download.FIRST_PAUSE_S", 0)

    def prepared(model: str) -> str:
        monkeypatch.setenv("MODEL", model)
        said = io.StringIO()
        call_command("prepare_site", "--skip-static", "--no-demo", stdout=said)
        return said.getvalue()

    return prepared


def test_a_default_that_somebody_chose_stays_at_the_next_start(prepare):
    prepare("sam-vit-b")
    assert Bundle.objects.default().name == "sam-vit-b"
    run("default", "pocket")
    said = prepare("sam-vit-b")
    assert Bundle.objects.default().name == "pocket"
    assert (
        "pocket stays the default, as somebody chose it; to change that: manage.py bundles default sam"
        in said
    )
    run("default", "sam-vit-b")
    run("install", "not-free", "--accept-licence")
    prepare("not-free")  # nobody has chosen since: the setting has another value
    assert Bundle.objects.default().name == "not-free"


@pytest.mark.parametrize(
    ("model", "words"),
    [
        ("not-free", "its licence, no commercial use, has to be .* install not-free --accept-licence"),
        ("sam-vit-x", "no published model 'sam-vit-x'"),
        ("sam-vit-b", "MODEL=sam-vit-b could not be installed: .*"),
    ],
)
def test_the_site_comes_up_without_a_model_that_cannot_be_installed(
    prepare, publisher, monkeypatch, model, words
):
    publisher.content = publisher.content[:-1] + b"x"
    said = prepare(model)
    assert re.search(words, said) and "The site comes up with pocket. To try again" in said
    assert Bundle.objects.default().name == "pocket"
    monkeypatch.setenv("MODEL_REQUIRED", "1")
    with pytest.raises(CommandError):
        prepare(model)


def test_an_installed_model_is_not_fetched_again_and_a_missing_decoder_is_made(publisher):
    run("install", "sam-vit-b")
    bundle = Bundle.objects.get(name="sam-vit-b")
    run("install", "sam-vit-b")
    decoders.decoder_storage().delete(decoders.decoder_name(bundle))
    assert not decoders.is_exported(bundle)
    run("install", "sam-vit-b")
    bundle.refresh_from_db()
    assert decoders.is_exported(bundle)
    assert len(publisher.asked) == 1


def test_a_file_that_lies_there_is_taken_only_where_it_is_the_published_one(publisher, own_folders):
    (own_folders / "downloads").mkdir()
    (own_folders / "downloads" / "sam_vit_b_01ec64.pth").write_bytes(publisher.content[:-1] + b"x")
    run("install", "sam-vit-b")
    assert publisher.asked == [""]
    assert Bundle.objects.available().filter(name="sam-vit-b").exists()


def test_another_file_does_not_get_a_published_models_name(publisher, tmp_path):
    file = tmp_path / "mine.pth"
    file.write_bytes(publisher.content + b"more")
    with pytest.raises(CommandError, match="is the name of SAM ViT-B, .* give yours another --name"):
        run(
            "install",
            "--from-file",
            str(file),
            "--family",
            "sam",
            "--variant",
            "vit_b",
            "--name",
            "sam-vit-b",
        )
    assert not Bundle.objects.filter(name="sam-vit-b").exists()
    published.require_published(file, "mine", "")
    published.require_published(file, "sam-vit-b", hashlib.sha256(file.read_bytes()).hexdigest())


@pytest.fixture
def unknown_digest(publisher, monkeypatch):
    """The row, of whose file nobody publishes the digest."""
    row = replace(segmentation.catalogue.members()[0], sha256=None, size=None)
    elsewhere = replace(row, name="by-hand", title="By hand", addresses=())
    monkeypatch.setattr(segmentation.catalogue, "members", lambda: (row, elsewhere))
    return publisher


def test_a_file_without_a_known_digest_is_read_before_it_is_offered(unknown_digest, own_folders):
    whole, unknown_digest.content = unknown_digest.content, b"<html>no</html>"
    with pytest.raises(CommandError, match=r"What came as .* is not SAM ViT-B.*\(15 bytes\)") as refused:
        run("install", "sam-vit-b")
    assert "--accept-digest" not in str(refused.value) and downloads(own_folders) == []
    unknown_digest.content = whole
    digest = hashlib.sha256(whole).hexdigest()
    with pytest.raises(CommandError, match=rf"The file that came, {len(whole) / 1e6:.1f} MB, has {digest}"):
        run("install", "sam-vit-b")
    run("install", "sam-vit-b", "--accept-digest", digest)
    assert len(unknown_digest.asked) == 2


def test_a_row_without_an_address_says_what_to_do(unknown_digest, settings):
    settings.WEIGHTS_MIRROR = ""
    words = "--from-file sam_vit_b_01ec64.pth --family sam --variant vit_b --name by-hand"
    assert re.search(rf"by hand +by-hand: By hand.*{words}", run("list"))
    with pytest.raises(CommandError, match=f"publisher's own page only.* manage.py bundles install {words}"):
        run("install", "by-hand")


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["install", "sam-vitb"], "There is no published model 'sam-vitb'. Did you mean sam-vit-b"),
        (["default", "sam-vit-c"], "There is no bundle 'sam-vit-c'. Did you mean sam-vit-b"),
        (["use", "sam-vit-c", "--project", "Cats"], "Did you mean sam-vit-b"),
    ],
)
def test_a_name_that_is_nearly_right_is_guessed(publisher, image, arguments, words):
    run("install", "sam-vit-b")
    with pytest.raises(CommandError, match=words):
        run(*arguments)


def test_a_folder_is_a_folder_and_a_file_a_file(publisher, tmp_path):
    (tmp_path / "a.pth").write_bytes(b"x")
    whose = ("--family", "sam", "--variant", "vit_b", "--name", "x")
    with pytest.raises(CommandError, match="a.pth is a file; give it with --from-file"):
        run("install", "--from-folder", str(tmp_path / "a.pth"), *whose)
    with pytest.raises(CommandError, match="is a folder; give it with --from-folder"):
        run("install", "--from-file", str(tmp_path), *whose)


def test_a_project_that_changes_hears_how_many_embeddings_are_to_be_made(publisher, image, own_folders):
    run("install", "sam-vit-b")
    said = run("use", "sam-vit-b", "--project", image.project.name)
    assert f"{image.project.name} uses sam-vit-b; 1 embedding is to be made (nothing of SAM ViT-B was" in said
    EmbeddingJob.objects.filter(image=image).update(state="ready")
    assert "every embedding that needs is there" in run("use", "sam-vit-b", "--project", image.project.name)


def test_a_removed_bundle_leaves_no_empty_folder(publisher, own_folders):
    run("install", "not-free", "--accept-licence", "--default")
    run("install", "sam-vit-b")
    run("default", "sam-vit-b")
    kept = Bundle.objects.default().digest
    run("remove", "not-free")
    assert {path.name for path in (own_folders / "bundles/by-digest").iterdir()} - {".part"} == {kept}
