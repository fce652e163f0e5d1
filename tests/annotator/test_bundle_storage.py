"""Bundles and decoders lie in storage under their digest, on a disk or in an object store without paths."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest
from django.core.files.base import ContentFile
from django.core.files.storage import FileSystemStorage, Storage, storages

from annotator.bundles import catalogue, decoders, folders
from annotator.bundles.errors import BundleRefused
from annotator.bundles.install import install_bundle
from annotator.bundles.sync import sync_bundles
from annotator.files import unowned
from annotator.models import Bundle, UnownedFile
from annotator.worker.runners import embeddings
from segmentation.bundle import load_manifest
from segmentation.testing.tiny import make_tiny_bundle
from tests.annotator.world import client_of


class ObjectStore(Storage):
    """Names and contents; where they are is nobody's business, so there are no paths."""

    def __init__(self, location: Path) -> None:
        self._files = FileSystemStorage(location)
        self._open, self._save = self._files._open, self._files._save
        self.exists, self.delete = self._files.exists, self._files.delete
        self.size, self.get_modified_time = self._files.size, self._files.get_modified_time


@pytest.fixture
def without_export(monkeypatch):
    """For tests that ask only where a bundle's files are: exporting takes seconds."""
    monkeypatch.setattr(decoders, "export", lambda bundle, folder: None)
    monkeypatch.setattr(decoders, "own", lambda bundle, exported: None)


@pytest.fixture
def object_store(settings, own_folders):
    settings.DATA_DIR = own_folders
    store = {"BACKEND": f"{__name__}.ObjectStore", "OPTIONS": {"location": own_folders / "store"}}
    settings.STORAGES = settings.STORAGES | {"bundles": store, "decoders": store}


def test_an_installed_bundle_stays_when_its_folder_goes(installed, tiny_dirs, tmp_path, without_export):
    folder = shutil.copytree(tiny_dirs / "third" / "other", tmp_path / "download" / "other")
    bundle = install_bundle(str(folder))
    shutil.rmtree(folder)
    assert sync_bundles().bundles == [bundle]
    assert load_manifest(folders.folder_of(bundle)).digest == bundle.digest
    assert install_bundle("other") == bundle


def test_a_new_bundle_under_an_old_name_takes_the_place_of_the_stored_one(
    installed, tiny_dirs, without_export
):
    old = install_bundle(str(tiny_dirs / "first" / "tiny"))
    catalogue.set_default(old)
    new = install_bundle(str(tiny_dirs / "second" / "tiny"))
    old.refresh_from_db()
    new.refresh_from_db()
    assert (old.is_available, new.is_available, new.is_default) == (False, True, True)
    assert not storages["bundles"].exists(f"{old.digest}/weights.safetensors")
    assert storages["bundles"].exists(f"{new.digest}/weights.safetensors")
    assert install_bundle(str(tiny_dirs / "second" / "tiny")) == new, "the same one again"
    assert storages["bundles"].exists(f"{new.digest}/weights.safetensors")


def test_a_folder_of_a_former_version_gives_way_to_the_bundle_installed_under_its_name(
    installed, tiny_dirs, own_folders, settings, without_export
):
    settings.DATA_DIR = own_folders
    installed("first")  # where 5168d33 put installed bundles: DATA_DIR/bundles/NAME
    sync_bundles()
    old = Bundle.objects.get()
    assert folders.folder_of(old) == own_folders / "bundles" / "tiny"
    new = install_bundle(str(tiny_dirs / "second" / "tiny"))
    assert new.digest != old.digest
    assert sync_bundles().bundles == [new]
    assert not (own_folders / "bundles" / "tiny").exists()


def test_a_bundle_called_like_the_folder_of_stored_bundles_leaves_these_alone(
    installed, tiny_dirs, own_folders, settings, tmp_path, without_export
):
    settings.DATA_DIR = own_folders
    kept = install_bundle(str(tiny_dirs / "third" / "other"))
    (store,) = (own_folders / "bundles").iterdir()
    make_tiny_bundle(tmp_path / "download", seed=3, name=store.name)
    named_so = install_bundle(str(tmp_path / "download"))
    for bundle in (kept, named_so):
        assert load_manifest(folders.folder_of(bundle)).digest == bundle.digest


def test_nothing_installed_takes_the_place_of_a_built_in_bundle(
    installed, tiny_dirs, own_folders, monkeypatch, without_export
):
    installed("first")
    monkeypatch.setattr("annotator.bundles.sync.BUILT_IN_DIR", own_folders / "bundles")
    sync_bundles()
    with pytest.raises(BundleRefused, match="built-in"):
        install_bundle(str(tiny_dirs / "second" / "tiny"))
    refused = load_manifest(tiny_dirs / "second" / "tiny")
    assert not storages["bundles"].exists(f"{refused.digest}/weights.safetensors")
    assert Bundle.objects.available().get().digest != refused.digest


def test_files_of_a_stored_bundle_that_a_built_in_one_replaces_are_swept(
    installed, tiny_dirs, own_folders, monkeypatch
):
    old = install_bundle(str(tiny_dirs / "first" / "tiny"))
    installed("second")
    monkeypatch.setattr("annotator.bundles.sync.BUILT_IN_DIR", own_folders / "bundles")
    sync_bundles()
    assert decoders.sweep_unowned() == folders.sweep_unowned() == [], "not yet: somebody may be reading them"
    gone = [*folders.sweep_unowned(min_age_s=-1), *decoders.sweep_unowned(min_age_s=-1)]
    assert len(gone) == 5
    left = [path.name for path in own_folders.rglob("*") if path.is_file() and old.digest in str(path)]
    assert left == []
    assert not decoders.is_exported(Bundle.objects.get(digest=old.digest))


def test_files_of_a_bundle_in_use_are_never_swept(installed, tiny_dirs):
    bundle = install_bundle(str(tiny_dirs / "first" / "tiny"))
    assert not UnownedFile.objects.exists()
    # A process killed in the middle of doing the same again leaves notes.
    unowned.note([decoders.decoder_name(bundle)], decoders.STORAGE)
    unowned.note([f"{bundle.digest}/manifest.json"], folders.STORAGE)
    assert folders.sweep_unowned(min_age_s=-1) == decoders.sweep_unowned(min_age_s=-1) == []
    assert decoders.is_exported(bundle)
    assert load_manifest(folders.folder_of(bundle)).digest == bundle.digest


def test_a_process_killed_before_the_row_leaves_bundle_files_that_are_swept(tiny_dirs, own_folders, db):
    folder = tiny_dirs / "first" / "tiny"
    folders.store(folder, load_manifest(folder))
    assert len(folders.sweep_unowned(min_age_s=-1)) == 2
    assert not [path for path in (own_folders / "bundles").rglob("*") if path.is_file()]


def test_a_note_is_of_its_storage_alone(own_folders, db):
    for alias in ("default", "decoders"):
        storages[alias].save("images/same.png", ContentFile(b"file"))
    unowned.note(["images/same.png"], "decoders")
    assert unowned.sweep("images/", min_age_s=-1) == []
    assert unowned.sweep(min_age_s=-1, storage="decoders") == ["images/same.png"]
    assert storages["default"].exists("images/same.png")


def test_a_machine_without_the_bundle_fetches_it_and_makes_embeddings(
    installed, tiny_dirs, object_store, own_folders, alice, image
):
    bundle = install_bundle(str(tiny_dirs / "first" / "tiny"))
    # Another machine: storage and database are shared.
    shutil.rmtree(own_folders / "cache", ignore_errors=True)
    folder = folders.folder_of(bundle)
    assert folder == own_folders / "cache" / bundle.digest
    encoder = embeddings._encoder_for(bundle, "worker")
    assert encoder.encode(np.zeros((6, 8, 3), np.uint8))["image_embeddings"].shape == (32, 64, 64)
    embeddings._encoders.clear()

    assert decoders.is_exported(bundle)
    (row,) = client_of(alice).get("/api/bundles/").json()["results"]
    for address, name in (
        (row["decoder_url"], decoders.decoder_name(bundle)),
        (row["fast_decoder_url"], decoders.package_name(bundle)),
    ):
        response = client_of(alice).get(address)
        assert b"".join(response.streaming_content) == storages["decoders"].open(name).read()
        assert "immutable" in response["Cache-Control"]
    assert (
        decoders.local_decoder(bundle).read_bytes()
        == storages["decoders"].open(f"{bundle.digest}.onnx").read()
    )


def test_a_package_has_another_version_only_when_it_has_other_bytes(installed, tiny_dirs):
    bundle = install_bundle(str(tiny_dirs / "first" / "tiny"))
    version = decoders.package_version(bundle)
    decoders.ensure_decoder(bundle)
    assert decoders.package_version(bundle) == version == bundle.package_sha256
    content = storages["decoders"].open(decoders.package_name(bundle)).read()
    with storages["decoders"].open(decoders.package_name(bundle), "wb") as file:
        file.write(content + b" ")
    decoders.ensure_decoder(bundle)
    assert decoders.package_version(bundle) not in (version, None)
