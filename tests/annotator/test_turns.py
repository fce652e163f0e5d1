"""Memory of uploads: what all processes decode at once is bounded, and so is what one picture costs."""

from __future__ import annotations

import signal
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from annotator.media import turns
from annotator.media.errors import PicturesBusy
from benchmarks.upload_memory import measure, pictures, small_picture
from tests.annotator.world import client_of, encode_image, upload

HOLDS = """
import sys, time
from annotator.media import turns
with turns.turn(int({pixels})):
    print("held", flush=True)
    time.sleep({seconds})
"""


@pytest.fixture(autouse=True)
def own_turns(settings, tmp_path):
    settings.DATA_DIR = tmp_path / "turns-of-this-test"
    settings.MAX_PIXELS_AT_ONCE = turns.SLOTS * 100


def test_threads_together_stay_below_the_bound():
    in_work, most, lock = 0, 0, threading.Lock()

    def take(pixels: int) -> None:
        nonlocal in_work, most
        with turns.turn(pixels):
            with lock:
                in_work += pixels
                most = max(most, in_work)
            time.sleep(0.01)
            with lock:
                in_work -= pixels

    with ThreadPoolExecutor(12) as threads:
        list(threads.map(take, [turns.SLOTS * 40, 100, turns.SLOTS * 100, turns.SLOTS * 25] * 6))
    assert turns.SLOTS * 40 < most <= turns.SLOTS * 100


def test_a_picture_larger_than_the_bound_comes_alone_and_is_not_kept_out():
    with turns.turn(turns.SLOTS * 1000):
        pass


def test_the_bytes_of_a_file_count_too(monkeypatch):
    monkeypatch.setattr(turns, "PATIENCE_S", 0.1)
    with turns.turn(1, file_bytes=turns.SLOTS * 100 * turns.BYTES_PER_PIXEL), pytest.raises(PicturesBusy):
        with turns.turn(1):
            pass


@pytest.mark.slow
def test_another_process_counts_until_it_is_killed(installation, settings, monkeypatch):
    installation.environment["MAX_PIXELS_AT_ONCE"] = str(turns.SLOTS * 100)
    settings.DATA_DIR = installation.data_dir
    monkeypatch.setattr(turns, "PATIENCE_S", 0.3)
    code = "import django; django.setup()\n" + HOLDS.format(pixels=turns.SLOTS * 100, seconds=60)

    holder = subprocess.Popen(
        [sys.executable, "-c", code], env=installation.environment, stdout=subprocess.PIPE, text=True
    )
    assert holder.stdout.readline().strip() == "held"
    with pytest.raises(PicturesBusy), turns.turn(1):
        pass
    holder.send_signal(signal.SIGKILL)
    holder.wait()
    with turns.turn(turns.SLOTS * 100):
        pass


def test_who_waits_too_long_is_told_to_come_again(alice, project, monkeypatch):
    monkeypatch.setattr(turns, "PATIENCE_S", 0.1)
    with turns.turn(turns.SLOTS * 100):
        answer = client_of(alice).post(
            f"/api/projects/{project.pk}/images/", {"files": upload(encode_image())}, format="multipart"
        )
    assert (answer.status_code, answer.json()["error"]["code"]) == (503, "pictures_busy")


@pytest.mark.slow
def test_no_kind_of_picture_costs_more_than_is_said(tmp_path):
    """Measured, in a process of its own. 25 megapixels, so that what is not the picture's does not count."""
    small = small_picture(tmp_path)
    cost = {
        kind: measure(path, small, tmp_path / "data")[0] / 25e6
        for kind, path in pictures(tmp_path, 25).items()
    }
    assert {
        kind: round(bytes_a_pixel, 1)
        for kind, bytes_a_pixel in cost.items()
        if bytes_a_pixel > turns.BYTES_PER_PIXEL
    } == {}
