"""Nobody waits for the large model: the small one answers until its embedding has come."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from playwright.sync_api import expect

from segmentation.testing.tiny import make_tiny_bundle
from tests.e2e.conftest import Site
from tests.e2e.workbench_driver import ON_THE_CUP, ON_THE_TABLE, PHOTOS, Bench, saved

MODEL = "[data-model-state]"
SLOW_TITLE = "Tiny, random weights (tests)"
PREPARED = f"Pocket answers · {SLOW_TITLE} is being prepared"


@pytest.fixture(scope="module")
def slow_bundle(site: Site, tmp_path_factory) -> str:
    """A bundle of random weights; that it takes beyond measure is the doing of `stopped`."""
    folder = tmp_path_factory.mktemp("slow") / "slow"
    make_tiny_bundle(folder, seed=7, name="slow")
    site.manage("install_bundle", str(folder))
    return "slow"


def process_of(site: Site, lane: bytes = b"embeddings") -> int:
    """The worker's process that makes embeddings, but for the quick ones; or that of another lane."""
    wanted = b"\0annotator.worker\0embeddings\0" + lane + b"\0"
    ours = f"DATA_DIR={site.data_dir}".encode()
    for folder in Path("/proc").iterdir():
        try:
            is_it = folder.name.isdigit() and wanted in (folder / "cmdline").read_bytes()
            if is_it and ours in (folder / "environ").read_bytes().split(b"\0"):
                return int(folder.name)
        except (FileNotFoundError, ProcessLookupError, PermissionError):
            continue
    raise AssertionError(f"the worker has no process for {lane.decode()}")


@pytest.fixture
def stopped(site: Site) -> Iterator[Callable]:
    """`with stopped():` the process makes nothing, as one that is at an image for minutes."""
    pid = process_of(site)

    @contextmanager
    def stop() -> Iterator[None]:
        os.kill(pid, signal.SIGSTOP)
        try:
            yield
        finally:
            os.kill(pid, signal.SIGCONT)

    yield stop
    os.kill(pid, signal.SIGCONT)


@pytest.fixture
def upload(make_project, api, slow_bundle) -> Callable[..., list[dict]]:
    """Photographs in a project of the slow bundle, none of which is embedded yet."""
    project, manager = make_project(), api("manager")
    assert manager.patch(f"/api/projects/{project.id}/", data={"bundle": slow_bundle}).ok

    def do(*names: str) -> list[dict]:
        images = []
        for name in names:
            file = {"name": name, "mimeType": "image/png", "buffer": (PHOTOS / name).read_bytes()}
            answer = manager.post(f"/api/projects/{project.id}/images/", multipart={"files": file})
            images += answer.json()["results"]
        return images

    return do


def digest_of(api, name: str) -> str:
    return api("manager").get(f"/api/bundles/{name}/").json()["digest"]


def test_the_small_model_answers_until_the_large_one_does(bench: Bench, site: Site, upload, api, stopped):
    page = bench.page
    with stopped():
        first, _ = upload("coffee.png", "astronaut.png")
        bench.open(first)
        expect(page.locator(MODEL)).to_have_text(PREPARED)
        bench.click(ON_THE_TABLE)
        expect(bench.candidates.first).to_be_visible()
        bench.press("Enter")
        bench.wait_until_saved()
        [mask] = saved(api, first)
        assert mask["bundle_digest"] == digest_of(api, "pocket")
        bench.press("n")  # the next image waits as little
        expect(page.locator("[data-image-name]")).to_have_text("astronaut.png")
        expect(page.locator(MODEL)).to_have_text(PREPARED)
        bench.press("p")
        expect(page.locator("[data-image-name]")).to_have_text("coffee.png")
        bench.wait_until_ready()
        bench.click(ON_THE_CUP)
        expect(bench.candidates.first).to_be_visible()
    expect(page.locator(".toast", has_text="answers now")).to_be_visible(timeout=60_000)
    expect(page.locator(MODEL)).to_be_hidden()
    expect(page.locator("[data-model-name]")).to_have_text(SLOW_TITLE)
    expect(bench.candidates.first).to_be_visible()
    page.wait_for_timeout(500)  # sooner, nobody has seen the new mask: the one before would be accepted
    bench.press("Enter")
    bench.wait_until_saved()
    assert [each["bundle_digest"] for each in saved(api, first)] == [
        digest_of(api, "pocket"),
        digest_of(api, "slow"),
    ]
    quick, large = (
        os.getpriority(os.PRIO_PROCESS, process_of(site, lane))
        for lane in (b"embeddings-quick", b"embeddings")
    )
    assert quick < large  # whose image waits goes first


def test_the_mask_of_the_small_model_can_be_kept(bench: Bench, upload, api, stopped):
    with stopped():
        [image] = upload("coffee.png")
        bench.open(image)
        bench.click(ON_THE_CUP)
        expect(bench.candidates.first).to_be_visible()
    toast = bench.page.locator(".toast", has_text="answers now")
    toast.get_by_role("button", name="Take the first one back").click(timeout=60_000)
    bench.press("Enter")
    bench.wait_until_saved()
    [mask] = saved(api, image)
    assert mask["bundle_digest"] == digest_of(api, "pocket")
    assert len(mask["prompt"]["point_coords"]) == 1
    assert mask["area"] > 1000
