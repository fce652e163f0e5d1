"""EdgeSAM, RepViT-SAM and EfficientViT-SAM, converted from their published layout, give their originals' embeddings."""

import json

import numpy as np
import pytest
import safetensors
import torch

from segmentation.families.convert import convert
from segmentation.families.sam.network import VARIANTS
from segmentation.predictor import load_predictor
from tests.segmentation.light_world import CASES, IMAGES, SAMPLE, SHORT, picture, random_state
from tests.segmentation.original_sam import build_original
from tests.segmentation.test_sam_parity import TOLERANCE


@pytest.mark.parametrize("variant", SHORT)
def test_embeddings_are_those_of_the_original(variant, tmp_path, monkeypatch):
    monkeypatch.setitem(VARIANTS, variant, SHORT[variant])
    with safetensors.safe_open(CASES, "np") as file:
        answers = {name: file.get_tensor(f"{variant} {name}") for name in IMAGES}
        shapes = json.loads(file.metadata()["shapes"])[variant]
    decoder = build_original(SHORT[variant], torch.nn.Identity()).state_dict()
    torch.save({**random_state(shapes), **decoder}, tmp_path / "published.pt")

    manifest = convert(tmp_path / "published.pt", "sam", variant, "ours", tmp_path / "ours")

    assert (manifest.variant, manifest.title) == (variant, VARIANTS[variant].title)
    ours = load_predictor(tmp_path / "ours", device="cpu")
    for name, expected in answers.items():
        ours.set_image(picture(name))
        embedding = ours.get_image_embedding()["image_embeddings"][0]
        assert expected.std() > 0.5
        np.testing.assert_allclose(embedding[SAMPLE], expected, atol=TOLERANCE, err_msg=name)
        # The decoder is SAM's own and is compared elsewhere.
        assert np.isfinite(ours.predict(box=[1, 1, 5, 5])[2]).all()


def test_edge_sam_says_that_it_is_not_for_commerce():
    assert "non-commercial" in VARIANTS["edge_sam"].licence
