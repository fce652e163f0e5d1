"""Plain HTTP from another machine of the network: no secure context, so that browsers offer less to the page."""

from __future__ import annotations

import pytest
from playwright.sync_api import Playwright, expect

from scripts.environment import require_chromium
from tests.e2e.conftest import CHROMIUM_ARGS, Site, sign_in_as
from tests.e2e.workbench_driver import ON_THE_CUP, Bench, saved
from tests.ports import free_port

HOST = "annotating.example"


@pytest.fixture
def bench_over_http(playwright_driver: Playwright, site: Site, monkeypatch):
    """A second web process of the same site, which answers to a name that is not this machine's own."""
    monkeypatch.setenv("ALLOWED_HOSTS", f"{HOST},127.0.0.1")
    other = Site(site.data_dir, free_port())
    other.start_web()
    browser = playwright_driver.chromium.launch(
        executable_path=require_chromium(),
        args=[*CHROMIUM_ARGS, f"--host-resolver-rules=MAP {HOST} 127.0.0.1"],
    )
    page = browser.new_page(base_url=f"http://{HOST}:{other.port}", viewport={"width": 1440, "height": 900})
    sign_in_as(page, "annotator")
    yield Bench(page)
    browser.close()
    other.stop()


def test_masks_are_made_kept_and_saved(bench_over_http: Bench, make_project, api):
    bench, [image] = bench_over_http, make_project("coffee.png").images
    faults: list[str] = []
    bench.page.on("pageerror", lambda error: faults.append(str(error)))
    bench.open(image)
    assert bench.page.evaluate("[isSecureContext, typeof crypto.randomUUID]") == [False, "undefined"]
    bench.click(ON_THE_CUP)
    bench.page.reload()  # the open prompt lies in the browser's database
    bench.wait_until_ready()
    expect(bench.candidates.first).to_be_visible()
    bench.save()
    assert len(saved(api, image)) == 1
    bench.page.reload()
    expect(bench.objects).to_have_count(1)
    assert faults == []
