"""A bundle is available when all of it is there: installs that are killed, refused, or beside a removal."""

from __future__ import annotations

import subprocess
import sys

import pytest

from annotator.bundles import catalogue, decoders, folders, removal
from annotator.bundles.errors import BundleRefused, UnknownBundle
from annotator.bundles.install import install_bundle
from annotator.models import Bundle, Project, UnownedFile
from segmentation.bundle import load_manifest
from segmentation.decoder.package import PACKAGE_VERSION
from segmentation.errors import SegmentationError
from tests.annotator.world import ROOT

# The process is gone at once, as by `kill -9`: no handler runs, nothing is tidied up.
KILLED_IN_THE_EXPORT = """
import os, signal, django
django.setup()
from annotator.bundles import decoders
decoders.export_package = lambda folder, path: os.kill(os.getpid(), signal.SIGKILL)
from django.core.management import call_command
call_command("install_bundle", {folder!r})
"""
WHAT_THERE_IS = """
from annotator.bundles import decoders, folders
from annotator.models import Bundle, Project
for bundle in Bundle.objects.available().exclude(name="pocket"):
    print(bundle.digest, decoders.is_exported(bundle), bool(folders.weights_bytes(bundle)))
print(Project.objects.get().bundle.digest)
"""


@pytest.mark.slow
def test_an_install_killed_in_the_export_changes_nothing_and_the_next_one_does_all(installation, tiny_dirs):
    first, second = (tiny_dirs / which / "tiny" for which in ("first", "second"))
    digests = [load_manifest(folder).digest for folder in (first, second)]
    installation.manage("install_bundle", str(first))
    installation.python(
        "from annotator.models import Bundle, Project\n"
        'Project.objects.create(name="p", bundle=Bundle.objects.get(name="tiny"))'
    )
    killed = subprocess.run(
        [sys.executable, "-c", KILLED_IN_THE_EXPORT.format(folder=str(second))],
        cwd=ROOT,
        env=installation.environment,
        timeout=120,
    )
    assert killed.returncode == -9
    former = f"{digests[0]} True True"
    assert installation.python(WHAT_THERE_IS).splitlines() == [former, digests[0]]
    installation.manage("install_bundle", str(second))
    assert installation.python(WHAT_THERE_IS).splitlines() == [f"{digests[1]} True True", digests[1]]


def test_a_new_version_that_is_refused_leaves_the_former_one_and_its_projects_whole(
    db, tiny_dirs, own_folders, monkeypatch
):
    former = install_bundle(str(tiny_dirs / "first" / "tiny"))
    project = Project.objects.create(name="p", bundle=former)

    def refuse(folder, path):
        raise SegmentationError("its answers differ from torch's")

    monkeypatch.setattr(decoders, "export_package", refuse)
    with pytest.raises(BundleRefused, match="differ from torch's"):
        install_bundle(str(tiny_dirs / "second" / "tiny"))
    former.refresh_from_db()
    project.refresh_from_db()
    assert (project.bundle, former.is_available, decoders.is_exported(former)) == (former, True, True)
    assert load_manifest(folders.folder_of(former)).digest == former.digest
    refused = load_manifest(tiny_dirs / "second" / "tiny").digest
    assert [path for path in own_folders.rglob("*") if refused in str(path) and path.is_file()] == []
    assert not UnownedFile.objects.exists()


@pytest.mark.parametrize("step", ["stored", "exported"])
def test_a_removal_takes_nothing_from_an_install_that_goes_on_beside_it(db, tiny_dirs, step, monkeypatch):
    """The other bundle is removed when the new one has files that no row owns yet."""
    install_bundle(str(tiny_dirs / "first" / "tiny"))  # the default
    gone = install_bundle(str(tiny_dirs / "third" / "other"))
    store, export_package = folders.store, decoders.export_package
    if step == "stored":
        monkeypatch.setattr(folders, "store", lambda *what: (store(*what), removal.remove(gone)))
    else:
        monkeypatch.setattr(
            decoders, "export_package", lambda *what: (export_package(*what), removal.remove(gone))
        )
    new = install_bundle(str(tiny_dirs / "second" / "tiny"))
    assert decoders.is_exported(new)
    assert load_manifest(folders.folder_of(new)).digest == new.digest
    gone.refresh_from_db()
    assert not gone.is_available


def test_a_bundle_removed_meanwhile_does_not_become_the_default(db, bundle):
    away = Bundle.objects.create(
        name="away",
        digest="a" * 64,
        family="sam",
        input_side=64,
        embedding={},
        manifest={},
        is_available=False,
    )
    with pytest.raises(UnknownBundle, match="no longer installed"):
        catalogue.set_default(away)
    assert Bundle.objects.default() == bundle


def test_packages_of_former_versions_go(db, tiny_dirs):
    bundle = install_bundle(str(tiny_dirs / "first" / "tiny"))
    storage = decoders.decoder_storage()
    former = decoders.package_name(bundle, PACKAGE_VERSION - 1)
    with storage.open(former, "wb") as file:
        file.write(b"as an older version made it")
    assert decoders.sweep_unowned() == [], "not at once: a process of that version may be sending it"
    assert decoders.sweep_unowned(min_age_s=-1) == [former]
    assert decoders.is_exported(bundle)
    with storage.open(former, "wb") as file:
        file.write(b"once more")
    catalogue.set_default(
        Bundle.objects.create(
            name="other", digest="a" * 64, family="sam", input_side=64, embedding={}, manifest={}
        )
    )
    removal.remove(bundle)
    assert not storage.exists(former)
