"""Management commands, run as a person runs them."""

from __future__ import annotations

import hashlib
import io
import json
import sys
import zipfile
from datetime import timedelta
from pathlib import Path

import numpy as np
import pytest
from django.core.files.storage import default_storage
from django.core.management import CommandError, call_command
from django.utils import timezone
from PIL import Image as Pillow
from pycocotools.coco import COCO

from annotator.bundles import catalogue, decoders
from annotator.bundles.sync import sync_bundles
from annotator.embeddings import store as embedding_store
from annotator.models import Annotation, Bundle, EmbeddingJob, Image, Project, User, WorkerHeartbeat
from annotator.operations import demo, doctor
from annotator.worker.runners import embeddings
from segmentation import masks, openvino_package, precision
from segmentation.embedding_file import read_embedding
from segmentation.predictor import load_predictor
from segmentation.testing.tiny import make_tiny_bundle
from tests.annotator.world import encode_image

needs_openvino = pytest.mark.skipif(
    openvino_package.version() is None, reason="OpenVINO is not installed (the extra `openvino`)"
)


def run(name: str, *arguments: object) -> str:
    """What the command printed."""
    out = io.StringIO()
    call_command(name, *map(str, arguments), stdout=out, stderr=out)
    return out.getvalue()


def failure_of(name: str, *arguments: object) -> str:
    """What the command printed, with the error it ended with as the last line."""
    out = io.StringIO()
    with pytest.raises(CommandError) as error:
        call_command(name, *map(str, arguments), stdout=out, stderr=out)
    return f"{out.getvalue()}\n{error.value}"


@pytest.fixture(scope="module")
def tiny_bundle_folder(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("bundles")
    make_tiny_bundle(folder / "tiny")
    return folder


@pytest.fixture
def tiny(db, settings, tiny_bundle_folder):
    """The tiny bundle as the installation's default, without its decoder."""
    settings.BUNDLE_DIRS = [tiny_bundle_folder]
    sync_bundles()
    return catalogue.by_name("tiny")


@pytest.fixture
def tiny_project(tiny) -> Project:
    return Project.objects.create(name="Tiny things")


@pytest.fixture
def photo_folder(tmp_path) -> Path:
    """Two pictures, one of them in a folder below, and things that lie beside pictures."""
    folder = tmp_path / "photos"
    (folder / "below").mkdir(parents=True)
    (folder / "a.png").write_bytes(encode_image(seed=1))
    (folder / "below" / "b.jpg").write_bytes(encode_image(seed=2, format="JPEG"))
    (folder / "readme.txt").write_text("about these pictures")
    (folder / ".hidden.png").write_bytes(encode_image(seed=3))
    return folder


# --- PROJECT ---


def test_a_project_is_named_by_its_id_or_its_name(tiny_project, tmp_path):
    for name in (tiny_project.pk, "Tiny things", "tiny THINGS"):
        assert "0 annotations" in run("export_dataset", name, "--output", tmp_path / "out.json")


def test_an_unknown_project_lists_those_there_are(tiny_project, tmp_path):
    assert "'Tiny things'" in failure_of("export_dataset", "Tin", "--output", tmp_path / "out.json")


def test_two_projects_of_one_name_ask_for_the_id(tiny_project, tmp_path):
    other = Project.objects.create(name="Tiny things")
    message = failure_of("export_dataset", "Tiny things", "--output", tmp_path / "out.json")
    assert str(tiny_project.pk) in message
    assert str(other.pk) in message


# --- import_images ---


def test_a_folder_is_imported_with_everything_below_it_and_only_once(tiny_project, photo_folder):
    assert "2 new, 0 known already, 1 skipped" in run("import_images", "Tiny things", photo_folder)
    assert sorted(Image.objects.values_list("name", flat=True)) == ["a.png", "b.jpg"]
    assert "0 new, 2 known already" in run("import_images", "Tiny things", photo_folder)
    assert Image.objects.count() == 2
    assert EmbeddingJob.objects.filter(state="queued").count() == 2


def test_one_bad_file_fails_alone_and_the_command_says_so(tiny_project, photo_folder):
    (photo_folder / "broken.jpg").write_bytes(b"no picture")
    message = failure_of("import_images", "Tiny things", photo_folder)
    assert f"{photo_folder / 'broken.jpg'}: This is not an image" in message
    assert "2 new" in message
    assert "1 failed" in message
    assert Image.objects.count() == 2


def test_a_zip_is_imported_and_a_bad_entry_is_named(tiny_project, tmp_path):
    path = tmp_path / "photos.zip"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("one.png", encode_image(seed=1))
        archive.writestr("two.png", encode_image(seed=2)[:60])
    assert f"{path}: two.png" in failure_of("import_images", "Tiny things", path)
    assert Image.objects.get().name == "one.png"


def test_a_path_that_is_not_there_stops_before_anything_is_imported(tiny_project, photo_folder):
    assert "nowhere" in failure_of("import_images", "Tiny things", photo_folder, "/nowhere")
    assert not Image.objects.exists()


# --- export_dataset ---


def test_an_export_is_read_by_pycocotools(project, annotation, tmp_path):
    output = tmp_path / "cats.json"
    assert "1 annotations on 1 images" in run("export_dataset", "Cats", "--output", output)
    coco = COCO(str(output))
    row = coco.loadAnns(coco.getAnnIds())[0]
    mask = coco.annToMask(row)
    assert (mask.sum(), row["area"], row["bbox"]) == (6, 6, [2, 1, 3, 2])
    assert row["uuid"] == str(annotation.pk)


def test_only_images_in_a_state_are_exported_on_request(project, image, annotation, second_image, tmp_path):
    output = tmp_path / "out.json"
    run("export_dataset", "Cats", "--output", output, "--state", "not_started")
    assert [row["id"] for row in json.loads(output.read_text())["images"]] == [second_image.pk]


def test_with_images_the_file_is_a_zip_with_the_stored_bytes(project, image, annotation, tmp_path):
    output = tmp_path / "out.zip"
    run("export_dataset", "Cats", "--output", output, "--images", "--segmentation", "both")
    with zipfile.ZipFile(output) as archive:
        assert archive.read("images/photo.png") == image.file.open().read()
        assert json.loads(archive.read("annotations/instances.json"))["annotations"][0]["polygons"]


@pytest.mark.parametrize(
    ("name", "arguments", "other"),
    [
        ("cats.zip", [], "cats.json"),
        ("cats.json", ["--images"], "cats.zip"),
        ("cats.JSON", ["--format", "voc"], "cats.zip"),
    ],
)
def test_a_name_that_promises_another_kind_of_file_is_refused(
    project, annotation, tmp_path, name, arguments, other
):
    message = failure_of("export_dataset", "Cats", "--output", tmp_path / name, *arguments)
    assert message.endswith(f"name it {other}")
    assert not list(tmp_path.glob("cats*"))
    assert "1 annotations" in run("export_dataset", "Cats", "--output", tmp_path / "cats", *arguments)


def test_an_export_that_fails_leaves_the_old_file_and_nothing_half_written(project, annotation, tmp_path):
    output = tmp_path / "out.json"
    output.write_text("the old one")
    Annotation.objects.update(segmentation={"size": [1, 1], "counts": "01"})
    assert "its mask is [1, 1]" in failure_of("export_dataset", "Cats", "--output", output)
    assert output.read_text() == "the old one"
    assert [path.name for path in tmp_path.iterdir() if path.is_file()] == ["out.json"]


# --- embed ---


def test_embed_makes_what_is_missing_and_then_has_nothing_to_do(tiny, tiny_project, photo_folder):
    run("import_images", "Tiny things", photo_folder)
    assert "2 of 2 ready, 2 tries here" in run("embed", "Tiny things")
    for image in Image.objects.all():
        assert embedding_store.whole_file(tiny.digest, image.digest)
    assert "2 of 2 ready, 0 tries here" in run("embed", "--all", "--bundle", "tiny")


def test_embed_names_what_failed_and_tries_it_again_on_request(tiny, tiny_project, photo_folder):
    run("import_images", "Tiny things", photo_folder)
    broken = Image.objects.get(name="a.png")
    content = broken.file.open().read()
    with default_storage.open(broken.file.name, "wb") as file:
        file.write(b"damaged")
    message = failure_of("embed", "Tiny things")
    assert f"image {broken.pk} a.png" in message
    assert "1 of 2 ready" in message
    with default_storage.open(broken.file.name, "wb") as file:
        file.write(content)
    assert "2 of 2 ready" in run("embed", "Tiny things", "--retry-failed")


def test_embed_wants_one_project_or_all_of_them(tiny_project):
    assert "say --all" in failure_of("embed")
    assert "say --all" in failure_of("embed", "Tiny things", "--all")


# --- segment ---


def test_segment_gives_the_predictors_mask_for_a_file_and_for_an_image(tiny, tiny_project, tmp_path):
    hw = (40, 60)
    photo = tmp_path / "photo.png"
    photo.write_bytes(encode_image(hw, seed=5))
    run("import_images", "Tiny things", photo)
    image = Image.objects.get()
    run("embed", "Tiny things")
    prompt = ["--point", "20,10,1", "--point", "50,30,0", "--box", "5,5,45,35"]
    said = run("segment", photo, *prompt, "--output", tmp_path / "file.png")
    run("segment", image.pk, *prompt, "--output", tmp_path / "image.png")

    predictor = load_predictor(Path(tiny.path))
    predictor.set_image(np.asarray(Pillow.open(photo)))
    expected, ious, _ = predictor.predict(
        [[20, 10], [50, 30]], [1, 0], box=[5, 5, 45, 35], multimask_output=False
    )
    from_file = np.asarray(Pillow.open(tmp_path / "file.png")) > 0
    assert np.array_equal(from_file, expected[0])
    assert f"predicted IoU {ious[0]:.3f}" in said
    # The stored embedding is float16: pixels where the logits cross zero may differ.
    from_image = np.asarray(Pillow.open(tmp_path / "image.png")) > 0
    assert (from_image == expected[0]).mean() > 0.99


def test_a_single_point_offers_the_candidates_best_first(tiny, tmp_path):
    photo = tmp_path / "photo.png"
    photo.write_bytes(encode_image((40, 60), seed=5))
    predictor = load_predictor(Path(tiny.path))
    predictor.set_image(np.asarray(Pillow.open(photo)))
    logits, ious = predictor.predict_raw([[20, 10]], [1])
    best_first = sorted((1, 2, 3), key=lambda index: -ious[index])
    for number, output_index in enumerate(best_first, 1):
        out = tmp_path / f"{number}.png"
        run("segment", photo, "--point", "20,10", "--output", out, "--candidate", number)
        expected = masks.postprocess(logits[[output_index]], predictor.frame)[0] > 0
        assert np.array_equal(np.asarray(Pillow.open(out)) > 0, expected)


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        ([], "at least one --point"),
        (["--point", "61,1,1"], "outside the image, which is 60 x 40"),
        (["--point", "1,nan,1"], "not finite"),
        (["--point", "1,1,2"], "1 or 0"),
        (["--box", "1,2,3"], "four numbers"),
    ],
)
def test_segment_says_what_is_wrong_with_a_prompt(tiny, tmp_path, arguments, says):
    photo = tmp_path / "photo.png"
    photo.write_bytes(encode_image((40, 60)))
    assert says in failure_of("segment", photo, *arguments, "--output", tmp_path / "out.png")
    assert not (tmp_path / "out.png").exists()


def test_segment_says_when_there_is_no_such_picture(tiny, tmp_path):
    output = ["--point", "1,1", "--output", tmp_path / "out.png"]
    assert "nowhere.png" in failure_of("segment", tmp_path / "nowhere.png", *output)
    assert "no image 999" in failure_of("segment", 999, *output)


# --- the demo ---


@pytest.fixture
def no_demo_password(monkeypatch):
    monkeypatch.delenv("MASKWRIGHT_DEMO_PASSWORD", raising=False)


def test_the_demo_has_photographs_people_and_categories_and_is_made_once(db, no_demo_password):
    said = run("create_demo")
    project = Project.objects.get()
    assert project.images.count() == len(demo.PHOTOGRAPHS)
    assert project.categories.count() == len(demo.CATEGORIES)
    assert dict(project.memberships.values_list("user__username", "role")) == {
        "manager": "manager",
        "annotator": "annotator",
    }
    printed = dict(line.split() for line in said.splitlines() if line.startswith("  "))
    for username in demo.USERNAMES:
        assert User.objects.get(username=username).check_password(printed[username])
    assert User.objects.get(username="admin").is_superuser
    assert len(set(printed.values())) == 3

    again = run("create_demo")
    assert "there already" in again
    assert (Project.objects.count(), Image.objects.count(), User.objects.count()) == (1, 5, 3)
    assert User.objects.get(username="admin").check_password(printed["admin"])


def test_a_password_from_the_environment_is_used_and_not_printed(db, monkeypatch):
    monkeypatch.setenv("MASKWRIGHT_DEMO_PASSWORD", "first-secret")
    assert "first-secret" not in run("create_demo", "--no-images")
    monkeypatch.setenv("MASKWRIGHT_DEMO_PASSWORD", "second-secret")
    run("create_demo", "--no-images")
    assert all(user.check_password("second-secret") for user in User.objects.all())
    assert not Image.objects.exists()


def test_somebody_elses_admin_is_left_alone(db, monkeypatch):
    User.objects.create_user("admin", password="their own")
    monkeypatch.setenv("MASKWRIGHT_DEMO_PASSWORD", "demo-secret")
    assert "'admin'" in run("create_demo", "--no-images")
    run("reset_demo_password")
    admin = User.objects.get(username="admin")
    assert admin.check_password("their own")
    assert not admin.is_staff


def test_new_passwords_are_made_on_request(db, no_demo_password):
    run("create_demo", "--no-images")
    printed = dict(line.split() for line in run("reset_demo_password").splitlines())
    assert all(User.objects.get(username=name).check_password(made) for name, made in printed.items())
    assert list(printed) == list(demo.USERNAMES)


def test_without_a_demo_there_is_nothing_to_reset(db, no_demo_password):
    assert "create_demo" in failure_of("reset_demo_password")


def test_a_demo_that_cannot_be_finished_leaves_nothing_behind(db, monkeypatch, no_demo_password, tmp_path):
    monkeypatch.setattr(demo, "photograph_folder", lambda: tmp_path)
    assert "carries no" in failure_of("create_demo")
    assert demo.is_first_run()


# --- doctor ---


def findings() -> dict[str, doctor.Finding]:
    return {finding.name: finding for finding in doctor.examine()}


def test_the_doctor_says_what_to_do_on_an_empty_installation(db):
    message = failure_of("doctor")
    assert "FAIL  worker" in message
    assert "manage.py worker" in message
    assert "install_bundle" in message
    assert message.splitlines()[-1].endswith("checks failed")
    assert "ok    database" in message


def test_the_doctor_finds_bundle_and_device_well_and_then_a_foreign_decoder(tiny, tmp_path):
    decoders.ensure_decoder(tiny)
    WorkerHeartbeat.objects.create(
        name="w@here", hostname="here", pid=1, device="cpu", last_seen=timezone.now()
    )
    found = findings()
    for name in ("database", "storage", "broker", "worker", "jobs", "device", "bundle"):
        assert found[name].ok, found[name]
    assert "decoder agrees with torch" in found["bundle"].message

    other = make_tiny_bundle(tmp_path / "other", seed=1, name="other")
    from segmentation.decoder import export_decoder

    path = decoders.local_decoder(tiny)
    export_decoder(tmp_path / "other", path)
    found = findings()
    assert not found["bundle"].ok
    assert "not as it was exported" in found["bundle"].message

    Bundle.objects.update(decoder_sha256=hashlib.sha256(path.read_bytes()).hexdigest())
    found = findings()
    assert not found["bundle"].ok
    assert other.digest in found["bundle"].message


def test_what_a_measurement_chose_is_used_and_said(tiny, tiny_project, photo_folder, settings, monkeypatch):
    settings.ENCODER_PRECISION = "auto"
    asked = []

    def choose(model, manifest, among, folder):
        asked.append((manifest.name, folder))
        return precision.Choice("bfloat16", "four times as fast")

    monkeypatch.setattr(precision, "choose", choose)
    monkeypatch.setattr(embeddings, "_encoders", {})
    decoders.ensure_decoder(tiny)
    WorkerHeartbeat.objects.create(
        name="w@here", hostname="here", pid=1, device="cpu in bfloat16", last_seen=timezone.now()
    )
    found = findings()["device"]
    assert found.ok and found.message.startswith("cpu in bfloat16, ")
    assert "(bfloat16: four times as fast)" in found.message
    assert "s an image on cpu in bfloat16 (four times as fast); its decoder" in run(
        "bundles", "selftest", tiny.name
    )

    run("import_images", "Tiny things", photo_folder)
    run("embed", "Tiny things")
    job = EmbeddingJob.objects.filter(state="ready").first()
    with embedding_store.open_file(job.bundle.digest, job.image.digest, job.region) as file:
        embedding = read_embedding(file.read())
    assert (embedding.precision, embedding.backend) == ("bfloat16", "torch")
    assert set(asked) == {(tiny.name, settings.PRECISIONS_DIR)}


def test_openvino_asked_for_and_not_there_is_said(tiny, settings, monkeypatch):
    settings.ENCODER_BACKEND = "openvino"
    monkeypatch.setitem(sys.modules, "openvino", None)  # importing it is an ImportError
    decoders.ensure_decoder(tiny)
    found = findings()["device"]
    assert not found.ok and "cannot be loaded" in found.message
    assert "pip install" in found.advice and "-c constraints.txt openvino" in found.advice
    with pytest.raises(CommandError):
        run("bundles", "selftest", tiny.name)


@needs_openvino
def test_what_openvino_computes_is_recorded_and_said(tiny, tiny_project, photo_folder, settings, monkeypatch):
    settings.ENCODER_PRECISION, settings.ENCODER_BACKEND = "float32", "openvino"
    monkeypatch.setattr(embeddings, "_encoders", {})
    decoders.ensure_decoder(tiny)
    assert findings()["device"].message.startswith("cpu in float32 by OpenVINO, ")
    assert "s an image on cpu in float32 by OpenVINO; its decoder" in run("bundles", "selftest", tiny.name)
    run("import_images", "Tiny things", photo_folder)
    run("embed", "Tiny things")
    job = EmbeddingJob.objects.filter(state="ready").first()
    with embedding_store.open_file(job.bundle.digest, job.image.digest, job.region) as file:
        embedding = read_embedding(file.read())
    assert (embedding.precision, embedding.backend) == ("float32", "openvino")


def test_the_doctor_says_when_others_can_look_into_the_data_folder(db, settings, tmp_path):
    settings.DATA_DIR = tmp_path / "data"
    settings.DATA_DIR.mkdir()
    for mode, is_open in ((0o755, True), (0o701, True), (0o750, False), (0o700, False)):
        settings.DATA_DIR.chmod(mode)
        found = findings()["data folder"]
        assert found.is_warning is is_open, oct(mode)
        assert ("chmod 700" in found.advice) is is_open


def test_the_doctor_notices_a_silent_worker_and_failed_jobs(tiny, tiny_project, photo_folder):
    long_ago = timezone.now() - timedelta(minutes=5)
    WorkerHeartbeat.objects.create(name="w@here", hostname="here", pid=1, last_seen=long_ago)
    run("import_images", "Tiny things", photo_folder)
    EmbeddingJob.objects.update(state="failed", error="out of memory", finished_at=timezone.now())
    found = findings()
    assert "no worker is alive" in found["worker"].message
    assert "out of memory" in found["jobs"].message
    assert "--retry-failed" in found["jobs"].advice
