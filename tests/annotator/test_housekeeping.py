"""What a worker clears away now and then."""

from __future__ import annotations

from datetime import timedelta

from django.utils import timezone

from annotator.models import WorkerHeartbeat
from annotator.worker import housekeeping


def test_workers_long_gone_are_forgotten_even_when_another_chore_fails(db, monkeypatch, caplog):
    now = timezone.now()
    for name, age in {"gone": timedelta(days=2), "silent": timedelta(hours=2)}.items():
        WorkerHeartbeat.objects.create(name=name, hostname="here", pid=1, last_seen=now - age)

    def fail() -> int:
        raise OSError("the disk is away")

    monkeypatch.setattr(housekeeping, "CHORES", {"dust": fail, **housekeeping.CHORES})
    housekeeping.keep_house()
    assert [worker.name for worker in WorkerHeartbeat.objects.all()] == ["silent"]
    assert [record.getMessage() for record in caplog.records if record.levelname == "ERROR"] == [
        "clearing away dust failed"
    ]
