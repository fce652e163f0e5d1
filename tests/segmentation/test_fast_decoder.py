"""The fast decoder against what it is made from: segment-anything's own code, and the families' torch models."""

import json
import subprocess
from pathlib import Path

import numpy as np
import onnx
import pytest
import torch
from transformers import SamConfig, SamMaskDecoderConfig, SamModel, SamVisionConfig

from benchmarks.random_sam import GRID, INPUT_SIDE, RandomSam
from scripts.environment import node_folder
from segmentation.bundle import load_manifest
from segmentation.decoder import DecoderMismatch
from segmentation.decoder.package import export_package, has_package, write_package
from segmentation.families import DecoderFiles
from segmentation.families.pocket.kernel import kernel_files
from segmentation.families.pocket.network import PocketModel
from segmentation.families.sam.decoder_weights import from_segment_anything
from segmentation.families.sam.names import to_transformers
from segmentation.families.sam.network import SamNetwork
from segmentation.families.two_way.package import build_graphs, decoder_files
from segmentation.families.two_way.session import FastDecoder, choose_form
from segmentation.frames import ModelFrame
from segmentation.prompts import build_prompt_tensors

# The bounds, for logits with a standard deviation of about 5. Meta's own ONNX export differs from float64 by
# 4e-3 (docs/decoder.md); a wrong formula differs by whole logits.
LOGIT_TOLERANCE = 5e-3
IOU_TOLERANCE = 2e-4
MAX_FLIPPED = 5e-5
AMBIGUOUS_BIAS = (-1000.0, 0.0, 0.0, 0.0)  # of a single point: masks 1 to 3 come before mask 0
SIZES_HW = ((1024, 1024), (1500, 2250), (1200, 500))  # square, landscape, portrait


@pytest.fixture(scope="module")
def sam():
    return RandomSam(seed=7)


@pytest.fixture(scope="module")
def files(sam):
    return build_graphs(from_segment_anything(sam.decoder_state()))


@pytest.fixture(scope="module")
def decoder(files):
    return FastDecoder(files)


@pytest.fixture(scope="module")
def embedding(sam):
    return sam.image_embedding()


@pytest.fixture(scope="module")
def image(decoder, embedding):
    return decoder.prepare_image(embedding)


def random_prompt(random, image_hw, previous):
    """One of: 1 to 10 points, a box, a box with points; every third with a mask prompt."""
    height, width = image_hw
    kind = random.choice(["points", "box", "both"])
    points = {}
    if kind != "box":
        count = random.integers(1, 11 if kind == "points" else 5)
        points = {
            "point_coords": random.uniform((0, 0), (width, height), (count, 2)),
            "point_labels": random.integers(0, 2, count),
        }
    if kind != "points":
        corners = np.sort(random.uniform((0, 0), (width, height), (2, 2)), axis=0)
        points["box"] = corners.ravel()
    coords, labels = build_prompt_tensors(ModelFrame(height, width, INPUT_SIDE), **points)
    mask = (
        previous[:, random.integers(4)][:, None] if previous is not None and random.random() < 1 / 3 else None
    )
    return coords, labels, mask


def compare_prompts(sam, decoder, image, embedding, count, seed):
    """Every prompt's four masks and predictions, and which candidate is the best; returns the worst of each."""
    random = np.random.default_rng(seed)
    previous, worst = None, {"logit": 0.0, "iou": 0.0, "flipped": [], "deviation": []}
    for k in range(count):
        coords, labels, mask = random_prompt(random, SIZES_HW[k % 3], previous)
        logits, iou = sam.decode(embedding, coords, labels, mask)
        click = decoder.click(image, coords, labels, mask, mask_bias=AMBIGUOUS_BIAS)
        masks = decoder.masks(image, click, (0, GRID, 0, GRID))
        expected = logits[:, click.mask_indices]
        worst["logit"] = max(worst["logit"], float(np.abs(masks - expected).max()))
        worst["iou"] = max(worst["iou"], float(np.abs(click.iou_predictions - iou).max()))
        worst["flipped"].append(float(np.mean((masks > 0) != (expected > 0))))
        worst["deviation"].append(float(logits.std()))
        assert click.mask_indices[0] == 1 + np.argmax(iou[0, 1:]), "the same candidate is chosen"
        previous = logits
    return worst


def assert_equal(worst):
    assert 3 < np.mean(worst["deviation"]) < 10, "the tolerances are meant for such logits"
    assert worst["logit"] <= LOGIT_TOLERANCE
    assert worst["iou"] <= IOU_TOLERANCE
    assert np.mean(worst["flipped"]) <= MAX_FLIPPED


def test_answers_are_the_originals(sam, decoder, image, embedding):
    assert_equal(compare_prompts(sam, decoder, image, embedding, count=10, seed=0))


@pytest.mark.slow
def test_answers_to_200_random_prompts_are_the_originals(sam, decoder, image, embedding):
    worst = compare_prompts(sam, decoder, image, embedding, count=200, seed=1)
    print({name: np.max(value) for name, value in worst.items()}, "mean flipped", np.mean(worst["flipped"]))
    assert_equal(worst)


class TransformersSam:
    """transformers' SamModel with a RandomSam's weights, as it is used: `forward`, which pads and embeds the prompt."""

    def __init__(self, original):
        config = SamConfig(
            # It is not run; its sizes give those of the positional encoding and the image embedding.
            vision_config=SamVisionConfig(hidden_size=32, num_hidden_layers=1, num_attention_heads=2),
            # The original's epsilon; transformers' default of 1e-6 is another network (families/sam.py).
            mask_decoder_config=SamMaskDecoderConfig(layer_norm_eps=1e-5),
        )
        self._model = SamModel(config).eval()
        state = {
            to_transformers(name): torch.tensor(value) for name, value in original.decoder_state().items()
        }
        positions = state["prompt_encoder.shared_embedding.positional_embedding"]
        state["shared_image_embedding.positional_embedding"] = positions
        missing, unexpected = self._model.load_state_dict(state, strict=False)
        assert not unexpected
        assert all(name.startswith("vision_encoder.") for name in missing), missing

    @torch.no_grad()
    def decode(self, embedding, coords, labels, mask):
        """As RandomSam's; coordinates in model pixels."""
        is_corner = labels[0] >= 2
        is_point = ~is_corner & (labels[0] >= 0)  # the model adds the padding point itself
        prompt = {}
        if is_point.any():
            prompt["input_points"] = torch.from_numpy(coords[:, is_point])[:, None]
            prompt["input_labels"] = torch.from_numpy(labels[:, is_point].astype(int))[:, None]
        if is_corner.any():
            prompt["input_boxes"] = torch.from_numpy(coords[:, is_corner]).reshape(1, 1, 4)
        if mask is not None:
            prompt["input_masks"] = torch.from_numpy(mask)
        answers = [  # the single mask, then the three candidates
            self._model(image_embeddings=torch.from_numpy(embedding), multimask_output=is_multiple, **prompt)
            for is_multiple in (False, True)
        ]
        return (
            torch.cat([answer.pred_masks for answer in answers], dim=2)[:, 0].numpy(),
            torch.cat([answer.iou_scores for answer in answers], dim=2)[:, 0].numpy(),
        )


@pytest.mark.slow
def test_answers_to_200_random_prompts_are_those_of_transformers(sam, decoder, image, embedding):
    """All 256 channels; export_package compares the tiny network with this library's parts at every export."""
    worst = compare_prompts(TransformersSam(sam), decoder, image, embedding, count=200, seed=2)
    print({name: np.max(value) for name, value in worst.items()}, "mean flipped", np.mean(worst["flipped"]))
    assert_equal(worst)


@pytest.mark.parametrize("form", ["token", "head"])
@pytest.mark.parametrize("has_mask", [False, True])
def test_both_forms_give_the_originals_masks_at_any_number_of_points(
    sam, decoder, image, embedding, form, has_mask
):
    random = np.random.default_rng(2)
    coords = random.uniform(0, 1024, (1, 13, 2)).astype(np.float32)
    labels = np.array([[1, 0] * 6 + [-1]], np.float32)
    mask = random.normal(0, 5, (1, 1, 256, 256)).astype(np.float32) if has_mask else None
    expected, iou = sam.decode(embedding, coords, labels, mask)
    click = decoder.click(image, coords, labels, mask, form=form)
    masks = decoder.masks(image, click, (0, GRID, 0, GRID))
    assert np.abs(masks - expected[:, click.mask_indices]).max() <= LOGIT_TOLERANCE
    assert np.abs(click.iou_predictions - iou).max() <= IOU_TOLERANCE


def test_many_points_take_the_form_whose_rank_does_not_grow():
    assert [choose_form(points) for points in (1, 11, 12, 60)] == ["token", "token", "head", "head"]


@pytest.mark.parametrize("window", [(0, 43, 0, 64), (43, 64, 0, 64), (0, 64, 0, 27), (0, 64, 27, 64)])
def test_window_is_cut_from_the_whole_mask(decoder, image, window):
    click = one_point(decoder, image)
    whole = decoder.masks(image, click, (0, GRID, 0, GRID))
    top, bottom, left, right = (4 * edge for edge in window)
    part = decoder.masks(image, click, window)
    # The same sums in blocks of another size: float32's rounding.
    np.testing.assert_allclose(part, whole[:, :, top:bottom, left:right], atol=1e-4)


def test_only_the_masks_asked_for_are_made_best_first(decoder, image):
    whole = one_point(decoder, image)
    order = list(whole.mask_indices)
    three = one_point(decoder, image, mask_count=3)
    assert list(three.mask_indices) == order[:3]
    assert three.tail_inputs["filters"].shape[0] == 3
    assert order == sorted(
        order, key=lambda index: -(whole.iou_predictions[0, index] + AMBIGUOUS_BIAS[index])
    )
    assert order[-1] == 0


def one_point(decoder, image, mask_count=4):
    coords = np.array([[[300, 400], [0, 0]]], np.float32)
    labels = np.array([[1, -1]], np.float32)
    return decoder.click(image, coords, labels, mask_bias=AMBIGUOUS_BIAS, mask_count=mask_count)


def test_graphs_are_valid_and_share_their_weights(files, tmp_path):
    (tmp_path / "weights.bin").write_bytes(files["weights.bin"])
    for name, content in files.items():
        if content.startswith(b"\x08\t"):  # ONNX: its first field is the IR version, 9
            assert len(content) < 64 * 1024, "weights lie in weights.bin"
            (tmp_path / f"{name}.onnx").write_bytes(content)
            # Not full: shapes of onnxruntime's own operators are unknown to the checker.
            onnx.checker.check_model(str(tmp_path / f"{name}.onnx"))
    assert len(list(tmp_path.glob("*.onnx"))) == 6


def test_bundle_of_the_family_sam_gets_a_package_with_its_digest(tiny_dir, tmp_path):
    import safetensors

    path = tmp_path / "decoders" / "tiny.fast.safetensors"
    export_package(tiny_dir, path)  # compares both forms with torch
    with safetensors.safe_open(path, "numpy") as package:
        assert package.metadata()["bundle_digest"] == load_manifest(tiny_dir).digest
        assert {"image", "click-token", "click-token-mask", "tail", "weights.bin"} <= set(package.keys())
        # The kernel is compiled for 256 channels, the tiny network has 32.
        assert "tail-relaxed.wasm" not in package.keys()  # noqa: SIM118


def test_package_that_differs_from_torch_is_refused_and_leaves_nothing(tiny_dir, tmp_path, monkeypatch):
    decode = SamNetwork.decode

    def another_network(self, *args, **kwargs):
        logits, iou = decode(self, *args, **kwargs)
        return logits + 0.1 * torch.abs(logits).max(), iou

    monkeypatch.setattr(SamNetwork, "decode", another_network)
    with pytest.raises(DecoderMismatch, match="differs from torch over 17 prompts"):
        export_package(tiny_dir, tmp_path / "tiny.fast.safetensors")
    assert list(tmp_path.iterdir()) == []


def test_other_families_keep_their_one_graph(tiny_dir):
    assert has_package(load_manifest(tiny_dir).family)
    assert has_package("pocket")
    assert has_package("sam2")
    assert not has_package("tiny")
    assert not has_package("efficient_sam")


LOST_HELPER = Path(__file__).parents[1] / "js/run_with_lost_helper.mjs"


@pytest.mark.parametrize("kernel", ["click", "pocket"])
def test_any_number_of_threads_answer_alike_also_where_one_dies_in_the_middle(kernel, sam, image, tmp_path):
    random = np.random.default_rng(6)
    side = 128 if kernel == "pocket" else INPUT_SIDE
    metadata = {"bundle_digest": "0" * 64, "family": kernel}
    if kernel == "click":
        files = decoder_files(from_segment_anything(sam.decoder_state()))
        tensors, low_res = image, 4 * GRID
    else:
        torch.manual_seed(3)
        model = PocketModel().eval()
        state = {name: tensor.numpy() for name, tensor in model.state_dict().items()}
        files = DecoderFiles(kernel_files(state), {})
        with torch.no_grad():
            tensors = {
                name: maps.numpy() for name, maps in model.encode_image(torch.randn(1, 3, side, side)).items()
            }
        low_res = side // 2
    write_package(files, tmp_path / "package.safetensors", metadata)
    tensors = tensors | {"mask": random.normal(0, 5, (low_res, low_res)).astype(np.float32)}
    for name, values in tensors.items():
        values.tofile(tmp_path / f"image.{name}")
    coords = random.uniform(0, side, (3, 2))
    prompt = {"side": side, "coords": coords.ravel().tolist(), "labels": [1, 0, 1]}
    (tmp_path / "prompt.json").write_text(json.dumps(prompt))

    command = [str(node_folder() / "node"), str(LOST_HELPER), str(tmp_path), kernel]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    answer = json.loads(done.stdout)
    assert (answer["started"], answer["terminated"], answer["taken"]) == (1, 1, 1)
    assert answer["threads"] == [4, 2, 1], "the helper that died is not waited for again"
    assert not answer["isFlat"], "a flat answer would prove nothing"
    assert answer["differences"] == [0] * 5
