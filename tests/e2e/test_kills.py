"""kill -9 where it hurts: the worker in mid-job, the web server in mid-save. Nothing may be lost."""

from __future__ import annotations

import io
import threading
import time
import uuid

import numpy as np
import pytest
from PIL import Image
from playwright.sync_api import APIRequestContext, Error

from segmentation import rle

SIZE_HW = (480, 640)
READY_WITHIN_S = 150  # lease (30 s) + sweep + a cold start of torch on a busy machine


def photo(seed: int) -> bytes:
    """A noisy picture that no other test has, so that its embedding has to be made."""
    pixels = np.random.default_rng(seed).integers(0, 255, (*SIZE_HW, 3), np.uint8)
    stream = io.BytesIO()
    Image.fromarray(pixels).save(stream, "PNG")
    return stream.getvalue()


def upload(manager: APIRequestContext, project_id: int, count: int, seed: int) -> list[dict]:
    rows = []
    for index in range(count):
        answer = manager.post(
            f"/api/projects/{project_id}/images/",
            multipart={
                "files": {"name": f"{index}.png", "mimeType": "image/png", "buffer": photo(seed + index)}
            },
        )
        assert answer.status == 201, answer.text()
        rows += answer.json()["results"]
    return rows


def embedding_states(manager: APIRequestContext, project_id: int) -> list[str]:
    rows = manager.get(f"/api/projects/{project_id}/images/?page_size=100").json()["results"]
    return [row["embedding_state"] for row in rows]


def wait_until(condition, timeout_s: float, what: str) -> None:
    deadline = time.monotonic() + timeout_s
    while not condition():
        assert time.monotonic() < deadline, f"gave up waiting until {what}"
        time.sleep(0.05)


def test_a_worker_killed_in_mid_job_loses_nothing(site, api):
    manager = api("manager")
    project = manager.post("/api/projects/", data={"name": "Killed worker"}).json()
    upload(manager, project["id"], count=6, seed=1000)
    wait_until(
        lambda: "running" in embedding_states(manager, project["id"]), READY_WITHIN_S, "a job is running"
    )
    site.kill("worker")
    assert embedding_states(manager, project["id"]).count("ready") < 6, "killed too late to prove anything"
    site.start_worker()
    wait_until(
        lambda: embedding_states(manager, project["id"]) == ["ready"] * 6,
        READY_WITHIN_S,
        "the next worker has done them all",
    )


def test_a_web_server_killed_in_mid_save_keeps_every_mask(site, api):
    manager = api("manager")
    project = manager.post("/api/projects/", data={"name": "Killed web server"}).json()
    category = manager.post(
        f"/api/projects/{project['id']}/categories/", data={"name": "thing", "color": "#0072b2"}
    ).json()
    image = upload(manager, project["id"], count=1, seed=2000)[0]
    mask = np.zeros(SIZE_HW, bool)
    mask[100:200, 50:300] = True
    segmentation = rle.encode(mask)
    wanted = [str(uuid.uuid4()) for _ in range(60)]

    def save(annotation_id: str) -> int:
        answer = manager.post(
            f"/api/images/{image['id']}/annotations/",
            data={"id": annotation_id, "category": category["id"], "segmentation": segmentation},
        )
        return answer.status

    killer = threading.Timer(0.3, site.kill, args=("web",))
    killer.start()
    acknowledged, refused = [], []
    for annotation_id in wanted:
        try:
            assert save(annotation_id) == 201
            acknowledged.append(annotation_id)
        except Error:
            refused.append(annotation_id)
    killer.join()
    if not refused:
        pytest.fail("all saves were through before the kill: it proves nothing")
    site.start_web()

    def saved() -> set[str]:
        rows = manager.get(f"/api/images/{image['id']}/annotations/?page_size=100").json()["results"]
        return {row["id"] for row in rows}

    assert set(acknowledged) <= saved(), "an acknowledged mask is gone"
    # The page repeats what was not acknowledged, under the same id: one of each, whether or not it had got through.
    assert all(save(annotation_id) in (200, 201) for annotation_id in refused)
    assert saved() == set(wanted)
