"""What the page of the workbench brings with it."""

from __future__ import annotations

import hashlib
import re
from pathlib import Path

from django.conf import settings
from django.core.files.base import ContentFile

from annotator.bundles import decoders
from annotator.models import Bundle
from annotator.templatetags.modules import modules_of
from segmentation.families import FAMILIES
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


def test_the_workbench_preloads_the_session_that_its_bundle_runs_in(bob, image, bundle):
    session = '<link rel="modulepreload" href="/static/js/decoder/worker/sam/session.js">'
    page = f"/images/{image.pk}/annotate/"
    assert session not in html(browser_of(bob), page), "no decoder package is there"
    decoders.decoder_storage().save(decoders.package_name(bundle), ContentFile(b"package"))
    Bundle.objects.filter(pk=bundle.pk).update(package_sha256=hashlib.sha256(b"package").hexdigest())
    text = html(browser_of(bob), page)
    assert session in text
    assert '<link rel="modulepreload" href="/static/js/decoder/worker/kernel/threads.js">' in text
    assert "worker/pocket/" not in text


def test_the_workbench_preloads_every_module_that_it_and_its_worker_import():
    sessions = filter(None, map(decoders.session_module, FAMILIES))
    entries = ("js/pages/annotate.js", "js/decoder/decoder-worker.js", *sessions)
    paths = [path for entry in entries for path in modules_of(entry)]
    folder = Path(settings.BASE_DIR) / "static"
    assert {"js/core/rle.js", "js/view/stage.js", "js/decoder/worker/files/embedding-file.js"} <= set(paths)
    for path in paths:
        # Read another way than the tag does: every statement's end, whatever its lines.
        for name in re.findall(r'from "(\.[^"]+\.js)";', (folder / path).read_text()):
            assert str((folder / path).parent.joinpath(name).resolve().relative_to(folder.resolve())) in paths
