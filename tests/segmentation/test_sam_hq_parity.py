"""HQ-SAM's weights, converted from their published layout, compute what their authors' code computes with them.

Its answers lie in tests/data/sam_hq_cases.safetensors (make_sam_hq_cases.py); benchmarks/sam_parity.py does the
published sizes.
"""

import json

import numpy as np
import pytest
import safetensors
import torch
from transformers import SamHQConfig, SamHQMaskDecoderConfig, SamHQModel, SamHQVisionConfig

from segmentation.bundle import DEFAULT_OUTPUTS
from segmentation.decoder import DecoderMismatch, export_decoder
from segmentation.decoder.package import export_package, has_package
from segmentation.families.convert import convert
from segmentation.families.published import CheckpointInvalid, with_positions_once
from segmentation.families.sam.hq import HqMaskDecoder
from segmentation.families.sam.names import to_meta
from segmentation.families.sam.network import VARIANTS, SamNetwork
from segmentation.families.sam.published import convert_state
from segmentation.predictor import load_predictor
from tests.segmentation.sam_hq_world import (
    CASES,
    HQ_SAMPLE,
    IMAGE_SAMPLE,
    IMAGES,
    LOGITS_SAMPLE,
    SHORT,
    picture,
    prompts,
    random_state,
    shapes_digest,
)
from tests.segmentation.test_sam_parity import TOLERANCE


@pytest.fixture(scope="module")
def cases():
    with safetensors.safe_open(CASES, "np") as file:
        return file.metadata(), {name: file.get_tensor(name) for name in file.keys()}


@pytest.fixture(autouse=True, scope="module")
def short_variants():
    with pytest.MonkeyPatch.context() as patch:
        for variant, shape in SHORT.items():
            patch.setitem(VARIANTS, variant, shape)
        yield


@pytest.fixture(scope="module", params=SHORT)
def pair(request, cases, tmp_path_factory):
    """The variant; the folder of its bundle, from a file as it is published, and of its decoder in ONNX."""
    place = tmp_path_factory.mktemp("hq")
    torch.save(random_state(json.loads(cases[0]["shapes"])[request.param]), place / "published.pth")
    convert(place / "published.pth", "sam", request.param, "ours", place / "ours")
    export_decoder(place / "ours", place / "decoder.onnx")
    return request.param, place


@pytest.mark.parametrize("decoder", ["torch", "onnx"])
@pytest.mark.parametrize("image", IMAGES)
def test_a_converted_file_answers_as_the_original(pair, cases, image, decoder):
    variant, folder = pair
    expected = {
        name.removeprefix(f"{variant}/{image}/"): values
        for name, values in cases[1].items()
        if name.startswith(f"{variant}/{image}/")
    }
    ours = load_predictor(
        folder / "ours", device="cpu", decoder_path=folder / "decoder.onnx" if decoder == "onnx" else None
    )
    ours.set_image(picture(image))
    embedding = ours.get_image_embedding()
    for name, sample, their_name in (
        ("image_embeddings", IMAGE_SAMPLE, "image"),
        ("hq_features", HQ_SAMPLE, "hq"),
    ):
        assert expected[their_name].std() > 0.5
        np.testing.assert_allclose(
            embedding[name][0][sample], expected[their_name], atol=TOLERANCE, err_msg=name
        )
    spread = []
    for kind, prompt in prompts(image).items():
        for which in ("several", "one"):
            masks, rated, logits = ours.predict(**prompt, multimask_output=which == "several")
            # Of the candidates the original gives the best rated one alone.
            best = [int(rated.argmax())]
            theirs = expected[f"{kind}/{which}/logits"]
            spread.append(theirs.std())
            np.testing.assert_allclose(logits[best][LOGITS_SAMPLE], theirs, atol=TOLERANCE, err_msg=kind)
            np.testing.assert_allclose(
                rated[best], expected[f"{kind}/{which}/iou"], atol=TOLERANCE, err_msg=kind
            )
            their_masks = np.unpackbits(expected[f"{kind}/{which}/masks"], count=masks[best].size)
            # A pixel may differ where the logit is closer to the threshold than float32 is exact.
            assert np.sum(masks[best].ravel() != their_masks) <= 1e-4 * their_masks.size, kind
    assert np.mean(spread) > 4, "the weights give logits too flat for the tolerance to mean anything"


def test_the_bundle_says_what_it_holds(pair):
    variant, folder = pair
    manifest = load_predictor(folder / "ours", device="cpu").manifest
    channels = SHORT[variant].channels
    assert manifest.embedding == {
        "image_embeddings": (channels, 64, 64),
        "hq_features": (channels // 8, 256, 256),
    }
    assert manifest.outputs == DEFAULT_OUTPUTS
    assert manifest.title in ("HQ-SAM vit_b", "Light HQ-SAM")


def test_its_package_answers_as_torch_does(pair, tmp_path):
    variant, folder = pair
    assert has_package("sam")
    path = tmp_path / "package.safetensors"
    export_package(folder / "ours", path)  # compares both forms with torch
    with safetensors.safe_open(path, "np") as package:
        channels = SHORT[variant].channels
        assert json.loads(package.metadata()["embedding_shapes"]) == {
            "image_embeddings": [channels, 64, 64],
            "hq_features": [channels // 8, 256, 256],
        }
        assert package.metadata()["own_tokens"] == "6"


def test_without_its_own_part_its_package_is_refused(pair, tmp_path, monkeypatch):
    monkeypatch.setattr(HqMaskDecoder, "hq_mask", lambda *_arguments: torch.zeros(1))
    with pytest.raises(DecoderMismatch, match="differs from torch over 17 prompts"):
        export_package(pair[1] / "ours", tmp_path / "package.safetensors")


PUBLISHED = {variant: shape for variant, shape in VARIANTS.items() if shape.high_quality}


@pytest.mark.parametrize("variant", ["hq_vit_b", "hq_vit_l", "hq_vit_h"])
def test_every_published_tensor_has_its_place(variant, cases):
    with torch.device("meta"):
        ours = SamNetwork(PUBLISHED[variant]).state_dict()
    published = {to_meta(name): tuple(tensor.shape) for name, tensor in ours.items()}
    assert shapes_digest(published) == json.loads(cases[0]["digests"])[variant]


def test_every_published_tensor_of_the_light_one_has_its_place(cases):
    state = random_state(json.loads(cases[0]["tiny"]))
    with torch.device("meta"):
        ours = SamNetwork(PUBLISHED["hq_vit_tiny"]).state_dict()
    assert convert_state(state, PUBLISHED["hq_vit_tiny"]).keys() == ours.keys()


def their_config(variant: str) -> SamHQConfig:
    shape = PUBLISHED[variant]
    vision = SamHQVisionConfig(
        hidden_size=shape.width,
        num_hidden_layers=shape.depth,
        num_attention_heads=shape.heads,
        global_attn_indexes=list(shape.global_layers),
    )
    return SamHQConfig(vision_config=vision, mask_decoder_config=SamHQMaskDecoderConfig(vit_dim=shape.width))


@pytest.mark.parametrize("variant", ["hq_vit_b", "hq_vit_l", "hq_vit_h"])
def test_folders_of_hugging_face_have_the_same_tensors(variant):
    with torch.device("meta"):
        theirs = with_positions_once(SamHQModel(their_config(variant)).state_dict())
        ours = SamNetwork(PUBLISHED[variant]).state_dict()
    assert {name: tensor.shape for name, tensor in theirs.items()} == {
        name: tensor.shape for name, tensor in ours.items()
    }


def test_a_folder_gives_the_bundle_that_its_authors_file_gives(cases, tmp_path):
    state = convert_state(random_state(json.loads(cases[0]["shapes"])["hq_vit_b"]), SHORT["hq_vit_b"])
    positions = state["prompt_encoder.shared_embedding.positional_embedding"]
    folder = tmp_path / "folder"
    folder.mkdir()
    safetensors.torch.save_file(
        {**state, "shared_image_embedding.positional_embedding": positions.clone()},
        folder / "model.safetensors",
    )
    convert(folder, "sam", "hq_vit_b", "ours", tmp_path / "ours")
    again = safetensors.torch.load_file(tmp_path / "ours/weights.safetensors")
    assert again.keys() == state.keys()
    assert all(torch.equal(again[name], state[name]) for name in state)


@pytest.mark.parametrize(
    ("variant", "asked", "sentence"),
    [
        ("hq_vit_b", "vit_b", "HQ-SAM vit_b: convert them with --family sam --variant hq_vit_b"),
        ("hq_vit_b", "hq_vit_l", "HQ-SAM vit_b: convert them with --family sam --variant hq_vit_b"),
        ("hq_vit_l", "hq_vit_b", "HQ-SAM vit_l: .* --variant hq_vit_l"),
        ("hq_vit_tiny", "mobile_sam", "Light HQ-SAM: .* --variant hq_vit_tiny"),
        ("vit_b", "hq_vit_b", "Segment Anything vit_b: .* --variant vit_b"),
    ],
)
def test_what_it_is_taken_for_by_mistake_is_said(variant, asked, sentence, cases):
    if variant == "hq_vit_tiny":
        state = random_state(json.loads(cases[0]["shapes"])[variant])
    else:
        with torch.device("meta"):
            network = SamNetwork({**VARIANTS, **PUBLISHED}[variant])
        state = {to_meta(name): tensor for name, tensor in network.state_dict().items()}
    with pytest.raises(CheckpointInvalid, match=sentence):
        convert_state(state, {**VARIANTS, **PUBLISHED}[asked])
