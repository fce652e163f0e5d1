"""The worker as real processes: filesystem broker, SQLite file, tiny model. Nothing may be lost."""

from __future__ import annotations

import os
import shutil
import signal
from pathlib import Path

import pytest

from annotator.jobs.kinds import KINDS
from tests.annotator.site import Site, children_of, is_alive
from tests.annotator.world import Installation


@pytest.fixture(scope="session")
def data_dir_with_tiny(migrated_data_dir, tmp_path_factory) -> Path:
    data_dir = tmp_path_factory.mktemp("with-tiny") / "data"
    shutil.copytree(migrated_data_dir, data_dir)
    Installation(data_dir).python(
        """
from django.conf import settings
from segmentation.testing.tiny import make_tiny_bundle
make_tiny_bundle(settings.DATA_DIR / "bundles" / "tiny")
"""
    )
    return data_dir


@pytest.fixture
def site(data_dir_with_tiny, tmp_path):
    """An installation with the tiny bundle as default, and whatever it started is killed at the end."""
    shutil.copytree(data_dir_with_tiny, tmp_path / "data")
    site = Site(tmp_path / "data", JOB_LEASE_S="5", JOB_SWEEP_INTERVAL_S="1")
    site.python(
        """
from annotator.bundles import catalogue
from annotator.bundles.sync import sync_bundles
from annotator.models import Project
sync_bundles()
catalogue.set_default(catalogue.by_name("tiny"))
Project.objects.create(name="p", bundle=catalogue.by_name("tiny"))
"""
    )
    yield site
    site.kill_workers()


def test_a_worker_makes_embeddings_and_exports_though_every_message_was_lost(site):
    site.upload(1, 2)
    site.python(
        """
from annotator.datasets import exports
from annotator.models import Project
exports.start(Project.objects.get(), None, format="coco", include_images=True)
"""
    )
    assert site.lose_messages() > 0
    worker = site.start_worker()
    site.wait(lambda: site.states() == ["ready"] * 2, "both embeddings are ready")
    site.wait(lambda: site.rows("select state from annotator_export") == [("ready",)], "the export is ready")

    files = list((site.data_dir / "media" / "embeddings").rglob("*.safetensors"))
    assert len(files) == 2
    ((name, device, pid),) = site.rows("select name, device, pid from annotator_workerheartbeat")
    assert (device, pid) == ("cpu", worker.pid)

    # While it runs, a job without a message is found by the sweep, too.
    site.python(
        """
from annotator.jobs import wake_up
from annotator.media import intake
wake_up._send = lambda kind: None
import io
from annotator.models import Project
from tests.annotator.world import encode_image
intake.ingest_files(Project.objects.get(), [type("File", (io.BytesIO,), {"name": "3.png"})(encode_image(seed=3))])
"""
    )
    site.wait(lambda: site.states() == ["ready"] * 3, "the third embedding is ready")

    worker.send_signal(signal.SIGTERM)
    assert worker.wait(timeout=30) == 0
    assert site.rows("select * from annotator_workerheartbeat") == []
    log = site.log()
    assert "Traceback" not in log and "Fatal" not in log and "ERROR" not in log, log


def test_a_worker_takes_no_module_from_the_folder_it_is_started_in(site, tmp_path):
    (tmp_path / "celery.py").write_text("open('taken', 'w').close()\n")
    site.python(
        """
from annotator.datasets import exports
from annotator.models import Project
exports.start(Project.objects.get(), None, format="coco")
"""
    )
    site.environment["PYTHONPATH"] = ""
    site.start_worker("--only", "exports", cwd=tmp_path)
    site.wait(lambda: site.rows("select state from annotator_export") == [("ready",)], "the export is ready")
    assert not (tmp_path / "taken").exists()


def test_a_worker_killed_in_mid_job_loses_nothing(site):
    site.upload(1, 2, 3)
    first = site.start_worker()
    site.wait(lambda: "running" in site.states(), "a job is running")
    os.killpg(first.pid, signal.SIGKILL)
    first.wait()
    assert "running" in site.states()  # nobody could tidy up

    site.start_worker()
    site.wait(lambda: site.states() == ["ready"] * 3, "all embeddings are ready")
    attempts = [count for (count,) in site.rows("select attempts from annotator_embeddingjob order by id")]
    assert sorted(attempts) == [1, 1, 2]


def test_a_process_killed_in_mid_job_is_replaced(site):
    """As the kernel does when memory runs out: the worker itself lives on."""
    site.upload(1, 2)
    worker = site.start_worker()
    site.wait(lambda: "running" in site.states(), "a job is running")
    for child in children_of(worker):
        os.kill(child, signal.SIGKILL)
    site.wait(lambda: site.states() == ["ready"] * 2, "all embeddings are ready")
    assert worker.poll() is None


def test_processes_do_not_outlive_a_killed_worker(site):
    worker = site.start_worker()
    lanes = sum(len(kind.lanes) for kind in KINDS.values())
    site.wait(lambda: len(children_of(worker)) == lanes, "the worker has its processes")
    children = children_of(worker)
    worker.kill()
    worker.wait()
    site.wait(lambda: not any(is_alive(child) for child in children), "the processes are gone")


def test_ctrl_c_lets_the_running_job_finish_and_leaves_the_rest(site):
    site.environment["WORKER_STOP_GRACE_S"] = "60"
    site.upload(*range(40))
    worker = site.start_worker()
    site.wait(lambda: "ready" in site.states(), "the first embedding is ready")
    os.killpg(worker.pid, signal.SIGINT)  # the terminal sends it to the whole group
    assert worker.wait(timeout=60) == 0
    states = site.states()
    assert "running" not in states and "queued" in states
    assert "gave" not in site.log()


def test_a_job_that_takes_too_long_is_given_back_when_the_worker_stops(site):
    site.environment["WORKER_STOP_GRACE_S"] = "0"
    site.environment["JOB_LEASE_S"] = "600"  # only giving back can free the job in time
    site.upload(1, 2)
    worker = site.start_worker()
    site.wait(lambda: "running" in site.states(), "a job is running")
    worker.terminate()
    assert worker.wait(timeout=30) == 0
    assert site.states() == ["queued", "queued"]
    site.start_worker()
    site.wait(lambda: site.states() == ["ready"] * 2, "all embeddings are ready")
    assert set(site.rows("select attempts from annotator_embeddingjob")) == {(1,)}
