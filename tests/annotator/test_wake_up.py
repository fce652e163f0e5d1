"""Wake-ups through the real broker in a folder: prompt where they arrive, harmless where they do not."""

from __future__ import annotations

import time
import uuid
from datetime import datetime
from pathlib import Path

import pytest
from django.conf import settings

from annotator.celery import app
from annotator.jobs import wake_up
from annotator.jobs.wake_up import Listener
from tests.annotator.site import Site

AT_ONCE_S = 2.0  # five looks into the folder a second, on a machine that other tests use too
FOR_EVER_S = 30.0


@pytest.fixture
def kind() -> str:
    """A queue that no other test has."""
    return f"kind-{uuid.uuid4().hex}"


@pytest.fixture
def send(db, django_capture_on_commit_callbacks):
    def do(kind: str) -> None:
        with django_capture_on_commit_callbacks(execute=True):
            wake_up.send(kind)

    return do


def waited_s(listener: Listener, timeout_s: float = FOR_EVER_S, stopping=lambda: False) -> float:
    started_s = time.monotonic()
    listener.wait(timeout_s, stopping)
    return time.monotonic() - started_s


def messages(kind: str) -> list[Path]:
    return list((settings.BROKER_DIR / "messages").glob(f"*.{kind}.msg"))


def test_a_wake_up_ends_the_wait_whether_it_was_sent_before_or_not(kind, send):
    listener = Listener(kind)
    assert waited_s(listener, timeout_s=0.5) >= 0.5
    send(kind)
    assert waited_s(listener) < AT_ONCE_S
    assert messages(kind) == []


def test_a_wake_up_is_sent_when_the_transaction_is_committed(kind, db, django_capture_on_commit_callbacks):
    with django_capture_on_commit_callbacks() as callbacks:
        wake_up.send(kind)
    assert len(callbacks) == 1 and messages(kind) == []


def test_a_busy_process_leaves_further_wake_ups_to_an_idle_one(kind, send):
    busy, idle = Listener(kind), Listener(kind)
    send(kind)
    assert waited_s(busy) < AT_ONCE_S
    send(kind)
    send(kind)
    assert waited_s(idle) < AT_ONCE_S
    assert len(messages(kind)) == 1


def test_a_wait_ends_when_the_process_is_to_stop(kind):
    assert waited_s(Listener(kind), stopping=lambda: True) < AT_ONCE_S


def test_what_an_earlier_version_sent_and_what_nobody_can_read_does_no_harm(kind):
    app.send_task("annotator.tasks.run_embedding_jobs", queue=kind)
    app.send_task("annotator.tasks.run_embedding_jobs", queue=kind, serializer="pickle")
    (settings.BROKER_DIR / "messages" / f"0_torn.{kind}.msg").write_text('{"body": "e')
    listener = Listener(kind)
    for _ in range(3):
        listener.wait(1.0, lambda: False)
    assert messages(kind) == []


@pytest.mark.slow
def test_a_worker_starts_a_job_at_once_though_it_would_look_only_every_minute(installation):
    site = Site(
        installation.data_dir,
        DJANGO_SETTINGS_MODULE="tests.annotator.toy_jobs.settings",
        JOB_SWEEP_INTERVAL_S="60",
    )
    site.manage("migrate", "-v0", "--run-syncdb")
    add = """
from django.utils import timezone
from annotator.jobs.kinds import KINDS
from tests.annotator.toy_jobs.models import Toy
Toy.objects.create()
print(timezone.now().replace(tzinfo=None))
KINDS["toys"].wake()
"""
    try:
        site.start_worker("--only", "toys")
        site.python(add)
        site.wait(lambda: site.rows("select state from toys_toy") == [("ready",)], "the first toy is made")
        added = datetime.fromisoformat(site.python(add).strip())
        site.wait(lambda: site.rows("select state from toys_toy") == [("ready",)] * 2, "both toys are made")
        ((started,),) = site.rows("select started_at from toys_toy where id = 2")
        assert (datetime.fromisoformat(started) - added).total_seconds() < AT_ONCE_S
    finally:
        site.kill_workers()


@pytest.mark.slow
def test_a_worker_without_a_broker_looks_by_itself_and_still_stops_in_time(installation):
    site = Site(
        installation.data_dir,
        DJANGO_SETTINGS_MODULE="tests.annotator.toy_jobs.settings",
        CELERY_BROKER_URL="amqp://127.0.0.1:1/",
        JOB_SWEEP_INTERVAL_S="1",
    )
    site.manage("migrate", "-v0", "--run-syncdb")
    try:
        worker = site.start_worker("--only", "toys")
        site.wait(lambda: "cannot listen for wake-ups" in site.log(), "the worker has missed the broker")
        site.python("from tests.annotator.toy_jobs.models import Toy\nToy.objects.create()")
        site.wait(lambda: site.rows("select state from toys_toy") == [("ready",)], "the toy is made")
        worker.terminate()
        assert worker.wait(timeout=30) == 0
        assert "Traceback" not in site.log()
    finally:
        site.kill_workers()
