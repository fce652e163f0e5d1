"""EfficientSAM's weights, converted from their published layout, compute what its own code computes with them.

Its answers lie in tests/data/efficient_sam_cases.safetensors (make_efficient_sam_cases.py, which does the published
sizes as well).
"""

import json

import numpy as np
import onnx
import pytest
import safetensors
import torch

from segmentation.decoder import export_decoder
from segmentation.families.convert import convert
from segmentation.families.efficient_sam.network import VARIANTS, EfficientSamNetwork
from segmentation.families.efficient_sam.published import convert_state
from segmentation.families.published import CheckpointInvalid
from segmentation.families.sam.network import VARIANTS as SAM_VARIANTS
from segmentation.families.sam.published import convert_state as convert_sams
from segmentation.frames import STRETCH
from segmentation.predictor import load_predictor
from tests.segmentation.efficient_sam_world import (
    CASES,
    IMAGES,
    SAMPLE,
    SHORT,
    picture,
    prompts,
    random_state,
)

# Both sides are float32 and add the same numbers in another order.
TOLERANCE = 1e-3


@pytest.fixture(scope="module")
def cases():
    with safetensors.safe_open(CASES, "np") as file:
        return file.metadata(), {name: file.get_tensor(name) for name in file.keys()}


@pytest.fixture(scope="module")
def state(cases):
    return random_state({name: tuple(shape) for name, shape in json.loads(cases[0]["shapes"]).items()})


@pytest.fixture(scope="module")
def bundle(state, tmp_path_factory):
    """The folder of a bundle from a file as it is published, and of its decoder in ONNX."""
    place = tmp_path_factory.mktemp("efficient")
    torch.save({"model": state}, place / "published.pt")
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(VARIANTS, "short", SHORT)
        manifest = convert(place / "published.pt", "efficient_sam", "short", "ours", place / "ours")
        assert (manifest.title, manifest.licence, manifest.fit) == ("short", "Apache-2.0", STRETCH)
        assert manifest.outputs.as_dict() == {"count": 3, "single": None, "candidates": [0, 1, 2]}
        export_decoder(place / "ours", place / "decoder.onnx")
        yield place


@pytest.mark.parametrize("decoder", ["torch", "onnx"])
@pytest.mark.parametrize("image", IMAGES)
def test_a_converted_file_answers_as_the_original(bundle, cases, image, decoder):
    _, expected = cases
    ours = load_predictor(
        bundle / "ours", device="cpu", decoder_path=bundle / "decoder.onnx" if decoder == "onnx" else None
    )
    ours.set_image(picture(image))
    embedding = ours.get_image_embedding()["image_embeddings"][0]
    assert expected[f"{image}/embedding"].std() > 0.5
    np.testing.assert_allclose(embedding[SAMPLE], expected[f"{image}/embedding"], atol=TOLERANCE)
    spread = []
    for kind, prompt in prompts(image).items():
        place = f"{image}/{kind}"
        # The original knows no mask inputs: with one or without, the answer is the same.
        masks, rated, logits = ours.predict(**prompt)
        spread.append(logits.std())
        np.testing.assert_allclose(
            logits[:, ::4, ::4], expected[f"{place}/logits"], atol=TOLERANCE, err_msg=place
        )
        np.testing.assert_allclose(rated, expected[f"{place}/iou"], atol=TOLERANCE, err_msg=place)
        theirs = np.unpackbits(expected[f"{place}/masks"], count=masks.size).reshape(masks.shape)
        # A pixel may differ where the logit is closer to the threshold than float32 is exact.
        assert np.sum(masks != theirs) <= 1e-4 * masks.size, place
        best, best_rated, _ = ours.predict(**prompt, multimask_output=False)
        assert best_rated == rated.max() and np.array_equal(best[0], masks[rated.argmax()])
    assert np.mean(spread) > 3, "the weights give logits too flat for the tolerance to mean anything"


def test_a_seventh_point_counts(bundle):
    ours = load_predictor(bundle / "ours", device="cpu")
    ours.set_image(picture("landscape"))
    points, labels = np.random.default_rng(2).uniform(0, 60, (7, 2)), np.array([1, 1, 0, 1, 0, 1, 1])
    six, seven = (ours.predict(points[:count], labels[:count])[2] for count in (6, 7))
    assert np.abs(six - seven).max() > 0.1


def test_the_graph_keeps_the_inputs_of_every_decoder(bundle):
    graph = onnx.load(str(bundle / "decoder.onnx")).graph
    names = ["image_embeddings", "point_coords", "point_labels", "mask_input", "has_mask_input"]
    assert [given.name for given in graph.input] == names


@pytest.mark.parametrize("variant", ["ti", "s"])
def test_every_published_tensor_has_its_place(variant, cases):
    with torch.device("meta"):
        ours = EfficientSamNetwork(VARIANTS[variant]).state_dict()
    published = json.loads(cases[0]["published"])[variant]
    assert {name: list(tensor.shape) for name, tensor in ours.items()} == published


def test_weights_of_others_are_named(cases):
    published = json.loads(cases[0]["published"])
    small = {name: torch.empty(shape, device="meta") for name, shape in published["s"].items()}
    with pytest.raises(CheckpointInvalid, match="EfficientSAM-S; convert them with --variant s"):
        convert_state(small, VARIANTS["ti"])
    with pytest.raises(CheckpointInvalid, match="EfficientSAM: convert them with --family efficient_sam"):
        convert_sams(small, SAM_VARIANTS["vit_b"])
    sam2 = {"sam_mask_decoder.iou_token.weight": torch.zeros(1)}
    with pytest.raises(CheckpointInvalid, match="SAM 2, not of EfficientSAM: .* --family sam2"):
        convert_state(sam2, VARIANTS["ti"])
    with pytest.raises(CheckpointInvalid, match="tensors are missing"):
        convert_state({}, VARIANTS["ti"])
