"""What the page of the workbench brings with it."""

from __future__ import annotations

import re
from pathlib import Path

from django.conf import settings

from annotator.templatetags.modules import modules_of
from tests.annotator.world import browser_of, html


def test_the_workbench_asks_for_embedding_and_decoder_with_its_first_bytes(bob, image):
    answer = browser_of(bob).get(f"/images/{image.pk}/annotate/")
    bundle = answer.context["page_data"]["bundle"]
    text = answer.content.decode()
    assert f'<link rel="preload" href="/api/images/{image.pk}/embedding/?digest={bundle["digest"]}"' in text
    assert f'<link rel="prefetch" href="{bundle["fast_decoder_url"] or bundle["decoder_url"]}"' in text


def test_the_gallery_fetches_the_workbench_ahead(bob, image):
    text = html(browser_of(bob), f"/projects/{image.project_id}/")
    assert re.search(r'<link rel="prefetch" href="/api/bundles/[^"]+/decoder/', text)
    assert '<link rel="prefetch" href="/static/js/pages/annotate.js">' in text


def test_a_viewer_asks_for_neither(vera, image):
    text = html(browser_of(vera), f"/images/{image.pk}/annotate/")
    assert "/embedding/" not in text


def test_the_workbench_preloads_every_module_that_it_and_its_worker_import():
    paths = modules_of("js/pages/annotate.js") + modules_of("js/decoder/decoder-worker.js")
    folder = Path(settings.BASE_DIR) / "static"
    assert {"js/core/rle.js", "js/view/stage.js", "js/decoder/worker/embedding-file.js"} <= set(paths)
    for path in paths:
        # Read another way than the tag does: every statement's end, whatever its lines.
        for name in re.findall(r'from "(\.[^"]+\.js)";', (folder / path).read_text()):
            assert str((folder / path).parent.joinpath(name).resolve().relative_to(folder.resolve())) in paths
