"""Files and rows that come and go at the same moment: no row without its file, no file for ever without a row."""

from __future__ import annotations

import io
import os
import shutil
import time
import zipfile
from datetime import timedelta
from pathlib import Path
from types import SimpleNamespace

import pytest
from django.core.files.storage import default_storage
from django.db import transaction
from django.utils import timezone

from annotator.embeddings import store as embedding_store
from annotator.files import unowned
from annotator.files.errors import FilesGone
from annotator.media import intake, removal
from annotator.models import EmbeddingJob, Image, UnownedFile
from annotator.projects import projects
from annotator.worker import housekeeping
from tests.annotator.world import client_of, encode_image, upload


def stored(name: str = "images/9/a.png") -> str:
    unowned.note([name])
    default_storage.save(name, io.BytesIO(b"pixels"))
    return name


@pytest.mark.django_db(transaction=True)
def test_an_interruption_right_after_the_commit_takes_no_files_away(project, monkeypatch):
    """Ctrl-C, or a connection that is lost while the answer to COMMIT is on its way."""

    class Interrupted(transaction.Atomic):
        def __exit__(self, *error):
            super().__exit__(*error)
            if not error[0] and Image.objects.exists():
                raise KeyboardInterrupt

    interrupting = SimpleNamespace(atomic=lambda: Interrupted(None, False, False))
    monkeypatch.setattr(intake, "transaction", interrupting)
    with pytest.raises(KeyboardInterrupt):
        intake.ingest_image(project, io.BytesIO(encode_image()), "photo.png")
    monkeypatch.undo()
    image = Image.objects.get()
    assert default_storage.exists(image.file.name) and default_storage.exists(image.thumbnail.name)


def test_an_upload_that_slept_until_its_files_were_swept_is_refused(project, alice, monkeypatch):
    create = Image.objects.create

    def sleep_long(**columns):
        UnownedFile.objects.update(noted_at=timezone.now() - timedelta(hours=2))
        assert len(removal.sweep_unowned()) == 2
        return create(**columns)

    monkeypatch.setattr(Image.objects, "create", sleep_long)
    address = f"/api/projects/{project.pk}/images/"
    answer = client_of(alice).post(address, {"files": upload(encode_image())}, format="multipart")
    assert answer.status_code == 503
    assert answer.json()["errors"][0]["code"] == "files_gone"
    assert not Image.objects.exists()


def test_only_noted_files_are_discarded_and_a_wanted_one_stays(db):
    kept, wanted, gone = (stored(f"images/9/{name}.png") for name in ("kept", "wanted", "gone"))
    unowned.strike_out([kept])
    assert unowned.discard([kept, wanted, gone], is_wanted=lambda name: name == wanted) == [gone]
    assert [default_storage.exists(name) for name in (kept, wanted, gone)] == [True, True, False]
    assert not UnownedFile.objects.exists()


def test_a_row_does_not_take_over_a_file_that_is_gone(db):
    name = stored()
    default_storage.delete(name)
    with pytest.raises(FilesGone), transaction.atomic():
        unowned.strike_out([name])
    assert UnownedFile.objects.filter(name=name).exists(), "undone with the transaction"


@pytest.mark.django_db(transaction=True)
def test_an_embedding_that_another_project_came_to_need_meanwhile_stays(project, alice, bundle, monkeypatch):
    image = intake.ingest_image(project, io.BytesIO(encode_image()), "a.png").image
    name = embedding_store.file_name(bundle.digest, image.digest)
    default_storage.save(name, io.BytesIO(b"embedding"))
    EmbeddingJob.objects.filter(image=image).update(state="ready")
    other = projects.create_project(user=alice, name="Other")
    discard = unowned.discard

    def somebody_is_faster(names, *args, **options):
        if not Image.objects.filter(project=other).exists():
            twin = intake.ingest_image(other, io.BytesIO(encode_image()), "b.png").image
            EmbeddingJob.objects.update_or_create(image=twin, bundle=bundle, defaults={"state": "ready"})
        return discard(names, *args, **options)

    monkeypatch.setattr(unowned, "discard", somebody_is_faster)
    removal.delete_images([image])
    assert default_storage.exists(name)


# --- storage that is away ---


def test_storage_that_is_not_mounted_takes_nothing_and_forgets_nothing(project, image, alice, own_folders):
    media, elsewhere = own_folders / "media", own_folders / "unmounted"
    media.rename(elsewhere)
    media.mkdir()  # as an empty mount point is
    address = f"/api/projects/{project.pk}/images/"
    answer = client_of(alice).post(address, {"files": upload(encode_image(seed=5))}, format="multipart")
    assert (answer.status_code, answer.json()["error"]["code"]) == (503, "storage_away")
    assert list(media.iterdir()) == []
    names = [image.file.name, image.thumbnail.name]
    assert client_of(alice).delete(f"/api/images/{image.pk}/").status_code == 204
    for_good = f"/api/projects/{project.pk}/trash/images/remove/"
    assert client_of(alice).post(for_good, {"ids": [image.pk]}, format="json").json()["count"] == 1
    assert set(names) <= set(UnownedFile.objects.values_list("name", flat=True))

    shutil.rmtree(media)
    elsewhere.rename(media)
    assert default_storage.exists(names[0])
    assert set(names) <= set(removal.sweep_unowned(min_age_s=-1)), "what was deleted does not come back"


# --- what killed processes leave ---


def test_half_written_files_and_temporary_folders_of_killed_processes_are_cleared_away(
    db, own_folders, settings, tmp_path
):
    settings.FILE_UPLOAD_TEMP_DIR = tmp_path / "tmp"
    killed = [
        own_folders / "media" / ".part" / ".a.png.x1.part",
        settings.FILE_UPLOAD_TEMP_DIR / "tmp123.upload",
        settings.FILE_UPLOAD_TEMP_DIR / "tmpfolder" / "weights.onnx",
    ]
    for path in killed:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"half")
    assert housekeeping.clear_temporary_files() == 0, "somebody may still be writing"
    long_ago = time.time() - 2 * 24 * 3600
    for path in (*killed, killed[2].parent):
        os.utime(path, (long_ago, long_ago))
    assert housekeeping.clear_temporary_files() == 3
    assert not any(path.exists() for path in killed)


def test_a_file_is_written_beside_the_others_and_appears_whole(db, own_folders, monkeypatch):
    seen = []
    monkeypatch.setattr("os.replace", lambda source, target: seen.append((Path(source), Path(target))))
    default_storage.save("images/9/a.png", io.BytesIO(b"pixels"))
    assert seen[0][0].parent == own_folders / "media" / ".part"


# --- uploads ---


def test_an_image_that_is_deleted_beside_its_upload_is_no_error(project, alice, monkeypatch):
    ingest = intake.ingest_files

    def somebody_deletes(*arguments, **options):
        report = ingest(*arguments, **options)
        removal.delete_images([report.results[0].image])
        return report

    monkeypatch.setattr(intake, "ingest_files", somebody_deletes)
    files = {"files": [upload(encode_image(seed=1), "a.png"), upload(encode_image(seed=2), "b.png")]}
    answer = client_of(alice).post(f"/api/projects/{project.pk}/images/", files, format="multipart")
    assert answer.status_code == 201
    assert [row["name"] for row in answer.json()["results"]] == ["b.png"]


@pytest.mark.parametrize("method", [zipfile.ZIP_DEFLATED, zipfile.ZIP_LZMA, zipfile.ZIP_BZIP2])
def test_a_damaged_entry_of_a_zip_is_refused_by_name_and_the_others_come_in(project, method):
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", method) as archive:
        archive.writestr("bad.png", encode_image((60, 60), seed=1))
        archive.writestr("good.png", encode_image(seed=2))
    content = bytearray(stream.getvalue())
    start = content.index(b"bad.png") + len(b"bad.png")
    for offset in range(start + 4, start + 400):  # its packed bytes, not the zip's own records
        content[offset] ^= 0xFF
    file = io.BytesIO(bytes(content))
    file.name = "images.zip"
    report = intake.ingest_files(project, [file])
    assert [result.image.name for result in report.results] == ["good.png"]
    assert [refused.name for refused in report.errors] == ["bad.png"]
