"""What all of the API has: headers, a schema, room for a large annotation."""

from __future__ import annotations

import json

import pytest
from rest_framework.test import APIClient

from tests.annotator.world import annotation_body, client_of, encode_image


@pytest.mark.parametrize("url", ["/api/projects/", "/api/nothing/", "/admin/login/", "/api/docs/"])
def test_every_response_is_cross_origin_isolated(alice, url):
    response = client_of(alice).get(url)
    assert response["Cross-Origin-Opener-Policy"] == "same-origin"
    assert response["Cross-Origin-Embedder-Policy"] == "require-corp"
    assert response["Cross-Origin-Resource-Policy"] == "same-origin"


def test_inline_scripts_are_forbidden_but_in_the_api_docs(alice):
    def scripts(url):
        policy = client_of(alice).get(url)["Content-Security-Policy"]
        return next(part for part in policy.split(";") if part.strip().startswith("script-src"))

    assert "unsafe-inline" not in scripts("/admin/login/")
    assert "unsafe-inline" in scripts("/api/docs/")


def test_the_schema_describes_every_address(db):
    from django.core.management import call_command

    text = APIClient().get("/api/schema/", HTTP_ACCEPT="application/vnd.oai.openapi+json").content
    paths = json.loads(text)["paths"]
    assert "/api/images/{image_id}/embedding/" in paths
    call_command("spectacular", "--validate", "--fail-on-warn", "--file", "/dev/null")


def test_a_large_annotation_fits_into_a_request(bob, project, category, alice):
    """A mask of noise at 1000 x 1000 has half a million runs: more than Django's default limit of 2.5 MB may hold."""
    import io

    import numpy as np

    from annotator.media import intake
    from segmentation import rle

    image = intake.ingest_image(project, io.BytesIO(encode_image((1000, 1000))), "noise.png").image
    noise = np.random.default_rng(3).integers(0, 2, (1000, 1000)).astype(bool)
    body = annotation_body(category, segmentation=rle.encode(noise), prompt=None)
    response = client_of(bob).post(f"/api/images/{image.pk}/annotations/", body, format="json")
    assert response.status_code == 201
    assert response.json()["area"] == int(noise.sum())
