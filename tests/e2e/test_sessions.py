"""On the whole site, with hashed static files: the worker runs the session that the bundle's row names."""

import re

from tests.e2e.workbench_driver import ON_THE_CUP


def test_the_built_in_bundle_runs_in_its_familys_session_and_loads_no_onnxruntime(bench, make_project):  # noqa: F811
    bench.open(make_project("coffee.png").images[0]).click(ON_THE_CUP)
    worker = next(worker for worker in bench.page.workers if "decoder-worker" in worker.url)
    fetched = worker.evaluate("() => performance.getEntriesByType('resource').map(({name}) => name)")
    sessions = [url for url in fetched if re.search(r"/worker/\w+/session\.[0-9a-f]{12}\.js$", url)]
    assert [url for url in sessions if "/one-graph/" not in url], fetched
    assert any("/decoder/fast/" in url for url in fetched), "the package"
    assert not [url for url in fetched if "/vendor/ort/" in url]
    # Only what is imported after its start counts here: the modules that it shares with the session are there already.
    assert not [url for url in fetched if "/kernel/threads." in url], "the same module under two addresses"
    names = bench.page.locator("link[rel=modulepreload]").evaluate_all("links => links.map(({href}) => href)")
    assert set(sessions) <= set(names), "the page has preloaded it"
