"""Weights in Meta's layout, converted, compute what the sam2 package computes with them.

Its answers lie in tests/data/sam2_cases.safetensors (make_sam2_cases.py); benchmarks/sam_parity.py compares with the
package itself, in full size, where it is installed.
"""

import hashlib
import json
from pathlib import Path

import numpy as np
import pytest
import safetensors
import torch
from transformers import Sam2Config, Sam2Model, Sam2VideoConfig, Sam2VideoModel

from segmentation.decoder import export_decoder
from segmentation.families.sam2 import names
from segmentation.families.sam2.network import FINE, IMAGE, LOGIT_LIMIT, MIDDLE, VARIANTS, Sam2Network
from segmentation.families.sam2.published import convert
from segmentation.predictor import load_predictor
from tests.segmentation.sam2_world import ASKED, NETWORKS, picture, prompts, random_state

CASES = Path(__file__).parents[1] / "data/sam2_cases.safetensors"
# Both sides are float32 and add the same numbers in another order.
TOLERANCE = 1e-3


@pytest.fixture(scope="module")
def cases():
    with safetensors.safe_open(CASES, "np") as file:
        return file.metadata(), {name: file.get_tensor(name) for name in file.keys()}


@pytest.fixture(scope="module")
def bundles(cases, tmp_path_factory):
    """Name of the network -> folder of a bundle from a checkpoint of it, as long as its variant is one."""
    folder = tmp_path_factory.mktemp("sam2")
    with pytest.MonkeyPatch.context() as patch:
        for network, shapes in json.loads(cases[0]["states"]).items():
            state = random_state({name: tuple(shape) for name, shape in shapes.items()})
            torch.save({"model": state}, folder / f"{network}.pt")
            patch.setitem(VARIANTS, f"short-{network}", NETWORKS[network])
            convert(folder / f"{network}.pt", f"short-{network}", network, folder / network)
        yield {network: folder / network for network in NETWORKS}


@pytest.mark.parametrize("decoder", ["torch", "onnx"])
@pytest.mark.parametrize(("network", "image"), ASKED)
def test_a_converted_checkpoint_answers_as_the_sam2_package(
    bundles, cases, network, image, decoder, tmp_path
):
    expected = cases[1]
    bundle = bundles[network]
    predictor = load_predictor(bundle, device="cpu")
    if decoder == "onnx":
        export_decoder(bundle, tmp_path / "decoder.onnx")
        predictor = load_predictor(bundle, device="cpu", decoder_path=tmp_path / "decoder.onnx")
    predictor.set_image(picture(image))
    embedding = predictor.get_image_embedding()
    for name, kind in ((IMAGE, "image"), (MIDDLE, "middle"), (FINE, "fine")):
        actual = embedding[name][0, :, ::5, ::5]
        np.testing.assert_allclose(
            actual, expected[f"{network}/{image}/{kind}"], atol=TOLERANCE, err_msg=name
        )
    spread = []
    for kind, prompt in prompts(image).items():
        for which in ("several", "one"):
            place = f"{network}/{image}/{kind}/{which}"
            masks, rated, logits = predictor.predict(**prompt, multimask_output=which == "several")
            spread.append(logits.std())
            np.testing.assert_allclose(rated, expected[f"{place}/iou"], atol=TOLERANCE, err_msg=place)
            np.testing.assert_allclose(
                logits.clip(-LOGIT_LIMIT, LOGIT_LIMIT)[:, ::4, ::4],
                expected[f"{place}/logits"],
                atol=TOLERANCE,
                err_msg=place,
            )
            theirs = np.unpackbits(expected[f"{place}/masks"], count=masks.size).reshape(masks.shape)
            # A pixel may differ where the logit is closer to the threshold than float32 is exact.
            assert np.sum(masks != theirs) <= 1e-4 * masks.size, place
    assert np.mean(spread) > 3, "the weights give logits too flat for the tolerance to mean anything"


# EdgeTAM's batch norms are folded, so that its names cannot be read backwards; the benchmark converts it in full size.
@pytest.mark.parametrize("variant", [name for name in VARIANTS if name != "edgetam"])
def test_every_published_tensor_finds_its_place_and_none_is_left_over(variant, cases):
    digests = json.loads(cases[0]["digests"])
    with torch.device("meta"):
        shapes = {name: tuple(t.shape) for name, t in Sam2Network(VARIANTS[variant]).state_dict().items()}
    table = shapes.pop(names.POINT_TABLE)
    metas = {names.to_meta(name): shape for name, shape in shapes.items()}
    metas |= dict.fromkeys(names.POINT_TABLES, (1, table[1]))
    lines = sorted(f"{name} {list(shape)}" for name, shape in metas.items())
    assert hashlib.sha256("\n".join(lines).encode()).hexdigest() == digests[variant]
    assert {names.to_transformers(name) for name in metas} == shapes.keys() | set(
        map(names.to_transformers, names.POINT_TABLES)
    )


def test_a_folder_of_hugging_face_is_the_same_network(bundles, tmp_path):
    ours = load_predictor(bundles["sam2"], device="cpu").encoder.model
    folder, shape = tmp_path / "sam2.1-hiera-short", ours.shape
    theirs = Sam2Model(hugging_face_config(ours))
    state = ours.state_dict()
    positions = state["prompt_encoder.shared_embedding.positional_embedding"]
    theirs.load_state_dict(state | {"shared_image_embedding.positional_embedding": positions})
    theirs.save_pretrained(folder)

    convert(folder, "short-sam2", "from-folder", tmp_path / "from-folder")

    predictor = load_predictor(tmp_path / "from-folder", device="cpu")
    assert all(
        torch.equal(tensor, state[name]) for name, tensor in predictor.encoder.model.state_dict().items()
    )
    # transformers' own forward, which shares the parts with ours but not the joining.
    predictor.set_image(picture("landscape"))
    point, label = np.array([[30.0, 20.0]]), np.array([1])
    _, rated, logits = predictor.predict(point, label)
    embedding = [torch.from_numpy(predictor.get_image_embedding()[name]) for name in (FINE, MIDDLE, IMAGE)]
    answer = theirs.eval()(
        image_embeddings=embedding,
        input_points=torch.from_numpy(predictor.frame.from_image(point))[None, None],
        input_labels=torch.ones(1, 1, 1, dtype=torch.int),
    )
    np.testing.assert_allclose(logits, answer.pred_masks[0, 0].detach(), atol=TOLERANCE)
    np.testing.assert_allclose(rated, answer.iou_scores[0, 0].detach(), atol=TOLERANCE)
    assert shape.low_res_side == logits.shape[-1]


def test_a_folder_of_the_video_model_holds_the_same_tensors():
    with torch.device("meta"):
        theirs = Sam2VideoModel(Sam2VideoConfig()).state_dict()  # as large as tiny, where nothing is said
        ours = Sam2Network(VARIANTS["tiny"]).state_dict()
    kept = {name: tensor.shape for name, tensor in theirs.items() if not names.is_of_videos(name)}
    kept.pop("shared_image_embedding.positional_embedding")
    assert kept == {name: tensor.shape for name, tensor in ours.items()}
    assert len(theirs) > len(kept) + 1


def hugging_face_config(network):
    side, backbone = network.shape.input_side, network.vision_encoder.backbone.config
    vision = {
        "backbone_config": backbone.to_dict(),
        "backbone_channel_list": backbone.embed_dim_per_stage[::-1],
        "fpn_hidden_size": network.shape.channels,
        "backbone_feature_sizes": [[side // stride] * 2 for stride in (4, 8, 16)],
    }
    return Sam2Config(
        vision_config=vision,
        prompt_encoder_config={"hidden_size": network.shape.channels, "image_size": side},
        mask_decoder_config={"hidden_size": network.shape.channels},
    )
