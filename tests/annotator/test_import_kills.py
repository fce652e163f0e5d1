"""An import whose worker is killed goes on with the next one: with real processes and kill -9."""

from __future__ import annotations

import json
import shutil

import pytest

from tests.annotator.site import Site
from tests.annotator.test_imports import a_document, a_zip
from tests.annotator.world import encode_image

pytestmark = pytest.mark.slow

IMAGES = 150


@pytest.fixture
def site(migrated_data_dir, tmp_path):
    shutil.copytree(migrated_data_dir, tmp_path / "data")
    site = Site(tmp_path / "data", JOB_LEASE_S="3", JOB_SWEEP_INTERVAL_S="1")
    yield site
    site.kill_workers()


def test_a_killed_worker_s_import_is_gone_on_with(site, tmp_path):
    names = [f"{number}.png" for number in range(IMAGES)]
    document = a_document(names, [{"image_id": number} for number in range(1, IMAGES + 1)])
    path = tmp_path / "set.zip"
    path.write_bytes(a_zip(document, {name: encode_image(seed=seed) for seed, name in enumerate(names)}))
    site.python(
        f"""
from pathlib import Path
from django.conf import settings
from annotator.datasets import imports
from annotator.models import Import, Project
settings.IMPORT_ROOTS = [Path({str(tmp_path)!r})]
imports.begin_with_path(Project.objects.create(name="Many"), None, Path({str(path)!r}))
"""
    )

    def row() -> tuple[str, str, int]:
        return site.rows("select step, state, done from annotator_import")[0]

    def count(table: str) -> int:
        return site.rows(f"select count(*) from annotator_{table}")[0][0]

    site.start_worker("--only", "imports")
    site.wait(lambda: row()[:2] == ("examine", "ready"), "it is examined")
    site.python(
        "from annotator.datasets import imports\nfrom annotator.models import Import\n"
        "imports.start(Import.objects.get())"
    )
    site.wait(lambda: row()[0] == "import" and row()[2] >= 3, "some images have come in")
    site.kill_workers()
    done = row()[2]
    assert 3 <= done < IMAGES, "the machine was too fast for this test"
    # Of what was killed, exactly as many images and masks are there as the row says.
    assert (count("image"), count("annotation")) == (done, done)

    site.start_worker("--only", "imports")
    site.wait(lambda: row()[1] == "ready", "it goes on")
    assert (count("image"), count("annotation")) == (IMAGES, IMAGES)
    result = json.loads(site.rows("select result from annotator_import")[0][0])
    assert (result["images_new"], result["annotations"], result["here"]) == (IMAGES, IMAGES, 0)
    assert count("unownedfile") <= 2, "the files of one image at most are left to the sweep"
