"""The bundles that come with the program: they load, their decoders are torch's equal, torch and ONNX predict alike."""

import numpy as np
import pytest

from segmentation.bundle import BUILT_IN_DIR, find_bundle, list_bundles, load_manifest
from segmentation.decoder import export_decoder
from segmentation.predictor import load_predictor

NAMES = list_bundles(BUILT_IN_DIR)
HEIGHT, WIDTH = 300, 420
DISC = (110, 150, 70)  # centre x, centre y, radius
PROMPTS = {
    "point": {"point_coords": [[110, 150]], "point_labels": [1]},
    "two points": {"point_coords": [[110, 150], [300, 60]], "point_labels": [1, 0]},
    "box": {"box": [40, 80, 180, 220]},
    "box and point": {"box": [40, 80, 180, 220], "point_coords": [[110, 150]], "point_labels": [1]},
}


def disc_on_grass():
    """(H, W, 3) uint8: a red disc on noisy green, and where it is, (H, W) bool."""
    y, x = np.mgrid[:HEIGHT, :WIDTH]
    disc = (x - DISC[0]) ** 2 + (y - DISC[1]) ** 2 < DISC[2] ** 2
    image = np.random.default_rng(0).normal((70, 120, 50), 12, (HEIGHT, WIDTH, 3))
    image[disc] = np.random.default_rng(1).normal((200, 40, 40), 6, (disc.sum(), 3))
    return np.clip(image, 0, 255).astype(np.uint8), disc


@pytest.fixture(scope="module", params=NAMES)
def pair(request, tmp_path_factory):
    """(by torch, by onnxruntime) of one built-in bundle, with the disc set."""
    image, _ = disc_on_grass()
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("MASKWRIGHT_CACHE_DIR", str(tmp_path_factory.mktemp("decoders")))
        predictors = [
            load_predictor(request.param, predict_onnx=onnx, device="cpu") for onnx in (False, True)
        ]
    for predictor in predictors:
        predictor.set_image(image)
    return predictors


def test_pocket_comes_with_the_program():
    assert "pocket" in NAMES


@pytest.mark.parametrize("name", NAMES)
def test_bundle_lies_in_a_folder_of_its_name(name):
    assert load_manifest(find_bundle(name)).name == name


@pytest.mark.parametrize("name", NAMES)
def test_decoder_exports_within_tolerance(name, tmp_path):
    report = export_decoder(find_bundle(name), tmp_path / "decoder.onnx")
    assert report.max_relative_logit_difference <= report.logit_tolerance


@pytest.mark.parametrize("prompt", PROMPTS.values(), ids=PROMPTS)
def test_torch_and_onnxruntime_give_the_same_masks(pair, prompt):
    by_torch, by_onnx = pair
    masks, iou, logits = by_torch.predict(**prompt)
    onnx_masks, onnx_iou, onnx_logits = by_onnx.predict(**prompt)
    refined = [predictor.predict(**prompt, mask_input=logits[:1])[2] for predictor in pair]

    np.testing.assert_allclose(onnx_logits, logits, atol=1e-3 * max(1, np.abs(logits).max()))
    np.testing.assert_allclose(onnx_iou, iou, atol=1e-3)
    np.testing.assert_allclose(refined[1], refined[0], atol=1e-3 * max(1, np.abs(refined[0]).max()))
    assert np.mean(masks != onnx_masks) < 1e-3


def test_mask_input_alone_is_a_prompt(pair):
    blob = np.where(np.hypot(*np.mgrid[-90:166, -67:189]) < 40, 8.0, -8.0)[None]
    for predictor in pair:
        logits, iou = predictor.predict_raw(mask_input=blob)
        assert np.isfinite(logits).all() and np.isfinite(iou).all()


@pytest.mark.parametrize("prompt", PROMPTS.values(), ids=PROMPTS)
def test_mask_follows_the_clicked_object(pair, prompt):
    """A disc that anybody sees: the best candidate is mostly it. How good the masks are on photographs is measured in
    benchmarks/interactive_quality.py."""
    _, disc = disc_on_grass()
    masks, _, _ = pair[0].predict(**prompt)
    iou = [(mask & disc).sum() / (mask | disc).sum() for mask in masks]
    assert max(iou) > 0.8
