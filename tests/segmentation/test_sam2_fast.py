"""SAM 2's decoder as graphs against the network in torch, which test_sam2_parity.py holds to the sam2 package.

The image encoder is short; the decoder has its published widths.
"""

import dataclasses
import json
from pathlib import Path

import numpy as np
import pytest
import safetensors
import torch

from segmentation.decoder import DecoderMismatch
from segmentation.decoder.package import export_package
from segmentation.families.sam2 import fast, stability
from segmentation.families.sam2.network import LOGIT_LIMIT, VARIANTS, Sam2Network
from segmentation.frames import STRETCH, ModelFrame
from segmentation.prompts import build_prompt_tensors
from tests.segmentation.sam2_world import (
    NETWORKS,
    WIDE,
    wide_network,
    with_an_unstable_mask,
    write_wide_bundle,
)

# Both sides are float32; the logits' standard deviation is 10.
LOGIT_TOLERANCE, IOU_TOLERANCE = 1e-3, 1e-5
HEIGHT, WIDTH = 400, 600
BOX = np.array([110.0, 60.0, 290.0, 240.0])
POINT = {"point_coords": np.array([[200.0, 150.0]]), "point_labels": np.array([1])}
POINTS = {
    "point_coords": np.array([[200.0, 150.0], [430, 280], [20, 390]]),
    "point_labels": np.array([1, 0, 1]),
}
MANY = {"point_coords": np.linspace((5, 390), (590, 5), 14), "point_labels": np.arange(14) % 2}
PROMPTS = {
    "one point": POINT,
    "three points": POINTS,
    "more than the token form takes": MANY,
    "a box": {"box": BOX},
    "a box and points": {"box": BOX, **POINTS},
}
CASES = json.loads((Path(__file__).parents[1] / "data/stability_cases.json").read_text(encoding="utf-8"))


@dataclasses.dataclass
class Pair:
    """A network in torch, its decoder as graphs, and an embedding."""

    network: Sam2Network
    decoder: fast.Sam2FastDecoder
    embedding: dict[str, np.ndarray]

    def ask(self, mask_input=None, **prompt):
        """What both answer, and mask 0 as the network has it."""
        feeds = prompt_feeds(mask_input, **prompt)
        with torch.inference_mode():
            answer = self.network.decode(
                {name: torch.from_numpy(tensor) for name, tensor in self.embedding.items()},
                **{name: torch.from_numpy(tensor) for name, tensor in feeds.items()},
            )
        return [tensor.numpy() for tensor in answer], self.decoder.run(None, self.embedding | feeds)


def prompt_feeds(mask_input=None, **prompt):
    frame = ModelFrame(HEIGHT, WIDTH, 1024, fit=STRETCH)
    coords, labels = build_prompt_tensors(frame, **prompt)
    mask = np.zeros((1, 1, 256, 256), np.float32) if mask_input is None else mask_input
    return {
        "point_coords": coords,
        "point_labels": labels,
        "mask_input": mask,
        "has_mask_input": np.array([mask_input is not None], np.float32),
    }


def make_pair(network):
    state = {name: tensor.numpy() for name, tensor in network.state_dict().items()}
    weights = fast.decoder_weights(state, 64, 1024, LOGIT_LIMIT)
    with torch.inference_mode():
        pixels = torch.randn(1, 3, 1024, 1024, generator=torch.Generator().manual_seed(1))
        embedding = {name: tensor.numpy() for name, tensor in network.encode_image(pixels).items()}
    return Pair(network, fast.package_session(fast.package_files(weights)), embedding)


@pytest.fixture(scope="module", params=["stable", "unstable"])
def pair(request):
    network = wide_network("sam2")
    return make_pair(with_an_unstable_mask(network) if request.param == "unstable" else network)


@pytest.fixture(scope="module")
def mask_input():
    """Logits of which many lie beyond the limit."""
    return np.random.default_rng(5).normal(0, 40, (1, 1, 256, 256)).astype(np.float32)


@pytest.mark.parametrize("has_mask", [False, True])
@pytest.mark.parametrize("prompt", PROMPTS)
def test_graphs_answer_as_torch_does(pair, mask_input, prompt, has_mask):
    (logits, rated), (actual, actual_rated) = pair.ask(mask_input if has_mask else None, **PROMPTS[prompt])
    assert logits[0, 1:].std() > 4, "the tolerance is meant for such logits"
    assert np.abs(actual - logits).max() < LOGIT_TOLERANCE
    assert np.abs(actual_rated - rated).max() < IOU_TOLERANCE


def test_a_mask_alone_is_answered_as_by_torch(pair, mask_input):
    (logits, rated), (actual, actual_rated) = pair.ask(mask_input)
    assert np.abs(actual - logits).max() < LOGIT_TOLERANCE
    assert np.abs(actual_rated - rated).max() < IOU_TOLERANCE


def test_only_an_unstable_mask_gives_way(pair):
    (logits, rated), _ = pair.ask(**POINT)
    best = 1 + rated[0, 1:].argmax()
    is_unstable = pair.network.mask_decoder.output_hypernetworks_mlps[0].proj_out.weight.std() < 0.01
    assert np.array_equal(logits[0, 0], logits[0, best]) == is_unstable


@pytest.mark.parametrize("left_out", ["a box's padding", "the mask's limit", "the unstable mask"])
def test_what_sam2_does_otherwise_is_no_matter_of_rounding(mask_input, left_out, monkeypatch):
    network = wide_network("sam2")
    if left_out == "the unstable mask":
        with_an_unstable_mask(network)
        monkeypatch.setattr(fast.Sam2FastDecoder, "finished", lambda _, *answer: answer)
    if left_out == "a box's padding":
        monkeypatch.setattr(fast.Sam2FastDecoder, "prompt", lambda _, *given: given)
    if left_out == "the mask's limit":
        monkeypatch.setattr(f"{__name__}.LOGIT_LIMIT", None)
    (logits, _), (actual, _) = make_pair(network).ask(mask_input, box=BOX)
    assert np.abs(actual - logits).max() > 100 * LOGIT_TOLERANCE


@pytest.fixture()
def bundle(request, tmp_path, monkeypatch):
    """Folder of a bundle of a network of published decoder size."""
    monkeypatch.setitem(VARIANTS, "wide", WIDE[request.param])
    return write_wide_bundle(wide_network(request.param), tmp_path / "wide")


@pytest.mark.parametrize("bundle", NETWORKS, indirect=True)
def test_a_bundle_gets_its_package_edgetams_too(bundle, tmp_path):
    path = tmp_path / "package.safetensors"
    export_package(bundle, path)  # compares both forms with torch
    with safetensors.safe_open(path, "np") as package:
        shapes = json.loads(package.metadata()["embedding_shapes"])
        kernels = {"click-relaxed.wasm", "click-plain.wasm", "tail-relaxed.wasm", "tail-plain.wasm"}
        assert kernels <= set(package.keys())
    assert shapes == {
        "image_embeddings": [256, 64, 64],
        "high_res_stride_8": [64, 128, 128],
        "high_res_stride_4": [32, 256, 256],
    }


@pytest.mark.parametrize("bundle", ["sam2"], indirect=True)
def test_a_package_that_differs_from_torch_is_refused(bundle, tmp_path, monkeypatch):
    monkeypatch.setattr(fast.Sam2FastDecoder, "prompt", lambda _, *given: given)
    with pytest.raises(DecoderMismatch, match="differs from torch over 17 prompts"):
        export_package(bundle, tmp_path / "package.safetensors")


@pytest.mark.parametrize("case", CASES, ids=[case["name"] for case in CASES])
def test_mask_0_gives_way_exactly_when_the_networks_does(case):
    """tests/js/sam2-session.test.js has the same cases."""
    logits = np.stack([np.full((16, 16), -1.0), *(np.full((16, 16), float(k)) for k in (1, 2, 3))])[None]
    above, between = case["above"], case["between"]
    logits[0, 0].ravel()[:above] = 1
    logits[0, 0].ravel()[above : above + between] = 0.01
    logits, rated = logits.astype(np.float32), np.array([case["rated"]], np.float32)
    actual, actual_rated = stability.with_stable_first(logits, rated)
    taken = case["taken"]
    assert np.array_equal(actual[0], logits[0, [taken, 1, 2, 3]])
    assert np.array_equal(actual_rated[0], rated[0, [taken, 1, 2, 3]])
    with torch.device("meta"):
        network = Sam2Network(NETWORKS["sam2"])
    theirs, their_rated = network._with_stable_first(torch.from_numpy(logits), torch.from_numpy(rated))
    assert np.array_equal(theirs, actual)
    assert np.array_equal(their_rated, actual_rated)
