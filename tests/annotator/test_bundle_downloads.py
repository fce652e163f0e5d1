"""What was fetched and never installed goes after a while; what somebody put there stays."""

from __future__ import annotations

import os
import threading
import time

from annotator.bundles import downloads
from annotator.models import WorkerHeartbeat
from annotator.worker import supervisor


def test_old_parts_go_and_young_ones_and_other_files_stay(settings, own_folders):
    settings.DATA_DIR = own_folders
    folder = own_folders / "downloads"
    (folder / "tmpabc").mkdir(parents=True)
    (folder / "tmpabc" / "weights.safetensors").write_bytes(b"weights")
    for name in (
        "sam_vit_b_01ec64.pth.part",
        "sam_vit_b_01ec64.pth.part.json",
        "sam_vit_l_0b3195.pth",
        "my.pth",
    ):
        (folder / name).write_bytes(b"bytes")
    assert downloads.size_bytes() == 20  # without what a conversion writes
    assert downloads.sweep() == 0
    two_days, eight_days = (time.time() - days * 86400 for days in (2, 8))
    for path in folder.iterdir():
        os.utime(path, (two_days, two_days))
    assert downloads.sweep() == 1 and not (folder / "tmpabc").exists()
    for path in folder.iterdir():
        os.utime(path, (eight_days, eight_days))
    assert downloads.sweep() == 3
    assert [path.name for path in folder.iterdir()] == ["my.pth"]


def test_a_worker_signs_that_it_is_alive_while_its_house_is_kept(db, monkeypatch):
    begun, may_end = [], threading.Event()
    monkeypatch.setattr(supervisor, "keep_house", lambda: (begun.append(1), may_end.wait(20)))
    worker = supervisor.Worker(())
    worker._look()
    first = WorkerHeartbeat.objects.get(name=worker.name).last_seen
    worker._next_housekeeping_s = 0.0
    worker._look()  # the chores of the look before are not done yet: they are not begun twice
    assert WorkerHeartbeat.objects.get(name=worker.name).last_seen > first
    assert begun == [1]
    may_end.set()
    worker._housekeeping.join()
