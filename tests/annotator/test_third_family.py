"""A family that only has a row is installed, listed and used like any other; see tests/segmentation/toy."""

from __future__ import annotations

import io

import numpy as np
import pytest
from django.core.management import CommandError, call_command
from PIL import Image as Pillow

from annotator.models import Bundle
from segmentation import masks
from segmentation.families import FAMILIES
from segmentation.predictor import load_predictor
from segmentation.prompts import candidate_order
from tests.annotator.world import client_of, encode_image
from tests.segmentation.toy import FAMILY, OUTPUTS, make_toy_bundle


@pytest.fixture
def toy(db, own_folders, settings, tmp_path, monkeypatch):
    """The installed toy, the only bundle there is."""
    monkeypatch.setitem(FAMILIES, FAMILY.name, FAMILY)
    make_toy_bundle(tmp_path / "bundles" / "toy")
    settings.BUNDLE_DIRS = [tmp_path / "bundles"]
    call_command("install_bundle", "toy", "--default", stdout=io.StringIO())
    return Bundle.objects.get(name="toy")


def test_the_row_tells_the_browser_what_it_must_know(toy, alice):
    (row,) = client_of(alice).get("/api/bundles/").json()["results"]
    assert (row["family"], row["low_res_side"], row["outputs"]) == ("toy", 32, OUTPUTS.as_dict())
    assert row["fit"] == "stretch"
    assert row["embedding"] == {"fine": [6, 16, 16], "coarse": [10, 8, 8]}
    assert (row["fast_decoder_url"], row["session_url"]) == (None, None), "it runs as one graph"
    assert client_of(alice).get(row["decoder_url"]).status_code == 200


def test_the_segment_command_offers_its_four_candidates_in_the_workbenchs_order(toy, tmp_path):
    photo = tmp_path / "photo.png"
    photo.write_bytes(encode_image((40, 60), seed=5))
    predictor = load_predictor(toy.path, device="cpu")
    predictor.set_image(np.asarray(Pillow.open(photo)))
    for points in ([(20, 10)], [(20, 10), (50, 30)]):
        logits, rated = predictor.predict_raw(points, [1] * len(points))
        order = candidate_order(rated, OUTPUTS, len(points))
        assert len(order) == 4
        arguments = [part for x, y in points for part in ("--point", f"{x},{y}")]
        for number, output in enumerate(order, 1):
            out, said = tmp_path / "out.png", io.StringIO()
            command = ["segment", str(photo), *arguments, "--output", str(out), "--candidate", str(number)]
            call_command(*command, stdout=said, stderr=io.StringIO())
            assert f"candidate {number} of 4 (decoder output {output})" in said.getvalue()
            expected = masks.postprocess(logits[[output]], predictor.frame)[0] > 0.25
            assert np.array_equal(np.asarray(Pillow.open(out)) > 0, expected)
        with pytest.raises(CommandError, match="--candidate is 1 to 4 for this prompt, got 5"):
            call_command("segment", str(photo), *arguments, "--output", str(out), "--candidate", "5")
