"""Bundles that are installed at the same moment by several processes, beside others that look at the table."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from segmentation.testing.tiny import make_tiny_bundle
from tests.annotator.world import ROOT, Installation

NAMES = ("one", "two", "three")


@pytest.mark.slow
def test_all_are_there_afterwards_and_none_has_retired_another(tmp_path: Path):
    site = Installation(tmp_path / "data")
    site.manage("migrate", "--verbosity", "0")
    for seed, name in enumerate(NAMES):
        make_tiny_bundle(tmp_path / name, seed=seed, name=name)
    looking = "from annotator.bundles.sync import sync_bundles\nfor _ in range(40): sync_bundles()"
    commands = [["install_bundle", str(tmp_path / name)] for name in NAMES] + [["shell", "-c", looking]]
    processes = [
        subprocess.Popen(
            [sys.executable, "manage.py", *command],
            cwd=ROOT,
            env=site.environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        for command in commands
    ]
    for process in processes:
        said, _ = process.communicate(timeout=300)
        assert process.returncode == 0, said
    listed = site.python(
        """
from annotator.bundles import decoders, folders
from annotator.models import Bundle
for bundle in Bundle.objects.available().exclude(name="pocket").order_by("name"):
    print(bundle.name, decoders.is_exported(bundle), folders.folder_of(bundle).is_dir())
print(Bundle.objects.filter(is_available=False).count(), Bundle.objects.filter(is_default=True).count())
"""
    )
    assert listed.splitlines() == ["one True True", "three True True", "two True True", "0 1"]
