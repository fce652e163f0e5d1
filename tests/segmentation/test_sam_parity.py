"""A checkpoint in Meta's format, converted, computes what the segment-anything package computes with it."""

import dataclasses

import numpy as np
import pytest
import torch

from segmentation.families.convert import convert
from segmentation.families.sam.network import VARIANTS, SamNetwork
from segmentation.families.sam.published import convert_state
from segmentation.predictor import load_predictor
from tests.segmentation import parity_world
from tests.segmentation.original_sam import (
    SamPredictor,
    build_original,
    photograph,
    randomise,
)

# Both sides are float32 and add the same numbers in another order.
TOLERANCE = 1e-3

# ViT-B, narrow and short: one layer over windows and one over the whole image. Full width and depth add no other
# arithmetic, and take minutes; benchmarks/sam_parity.py does all three published networks whole.
SHORT_B = dataclasses.replace(VARIANTS["vit_b"], width=192, heads=3, depth=2, global_layers=(1,))


def prompts(height, width):
    y, x = np.mgrid[:256, :256]
    logits = (8 - ((y - 90) ** 2 + (x - 80) ** 2) / 300).astype(np.float32)[None]
    return parity_world.prompts(height, width, logits)


def assert_same_answers(original, converted, image, names=None):
    original.set_image(image)
    converted.set_image(image)
    np.testing.assert_allclose(
        converted.get_image_embedding()["image_embeddings"],
        original.get_image_embedding().numpy(),
        atol=TOLERANCE,
        err_msg="embedding",
    )
    for name, prompt in prompts(*image.shape[:2]).items():
        if names is not None and name not in names:
            continue
        for multimask_output in (True, False):
            masks, iou, logits = original.predict(**prompt, multimask_output=multimask_output)
            our_masks, our_iou, our_logits = converted.predict(**prompt, multimask_output=multimask_output)
            assert logits.std() > 1, "the weights give logits too flat for the tolerance to mean anything"
            np.testing.assert_allclose(our_logits, logits, atol=TOLERANCE, err_msg=name)
            np.testing.assert_allclose(our_iou, iou, atol=TOLERANCE, err_msg=name)
            assert our_masks.dtype == bool and our_masks.shape == masks.shape
            # A pixel may differ where the logit is closer to the threshold than float32 is exact.
            assert np.mean(our_masks != masks) < 1e-4, name


def converted_bundle(original, variant, directory):
    checkpoint = directory / "checkpoint.pth"
    torch.save(original.state_dict(), checkpoint)
    convert(checkpoint, "sam", variant, "sam-test", directory / "sam-test")
    checkpoint.unlink()
    return directory / "sam-test"


@pytest.fixture(scope="module")
def short_pair(tmp_path_factory):
    """The original's predictor and ours, of one random checkpoint of the narrow, short ViT-B."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(VARIANTS, "vit_b", SHORT_B)
        original = randomise(build_original(SHORT_B), seed=7)
        directory = converted_bundle(original, "vit_b", tmp_path_factory.mktemp("short"))
        converted = load_predictor(directory, device="cpu")
    return SamPredictor(original), converted


@pytest.mark.parametrize(
    ("image_hw", "names"),
    [
        pytest.param((90, 150), None, id="landscape, every prompt"),
        pytest.param((150, 90), {"everything", "a mask"}, id="portrait"),
        pytest.param((128, 128), {"everything", "a box"}, id="square"),
    ],
)
def test_short_vit_b_answers_as_the_original(short_pair, image_hw, names):
    assert_same_answers(*short_pair, photograph(*image_hw), names)


@pytest.mark.parametrize(
    ("variant", "depth", "global_layers"),
    [("vit_b", 12, (2, 5, 8, 11)), ("vit_l", 2, (1,)), ("vit_h", 2, (1,))],
)
def test_network_of_published_width_computes_what_the_original_does(variant, depth, global_layers):
    # A quarter of the patches: attention over the whole image is most of the time, and the same in every size.
    shape = dataclasses.replace(VARIANTS[variant], depth=depth, global_layers=global_layers, input_side=512)
    original = randomise(build_original(shape), seed=3)
    network = SamNetwork(shape).eval()
    network.load_state_dict(convert_state(original.state_dict(), shape))
    pixels = torch.randn(1, 3, 512, 512, generator=torch.Generator().manual_seed(1))
    coords, labels = torch.tensor([[[100.0, 200.0], [400.0, 30.0]]]), torch.tensor([[1.0, 0.0]])
    corners, corner_labels = torch.tensor([[[50.0, 60.0], [300.0, 310.0]]]), torch.tensor([[2.0, 3.0]])

    with torch.inference_mode():
        expected = original.image_encoder(pixels)
        embedding = network.encode_image(pixels)
        sparse, dense = original.prompt_encoder((coords, labels), corners.reshape(1, 4), None)
        expected_logits, expected_iou = original.mask_decoder.predict_masks(
            expected, original.prompt_encoder.get_dense_pe(), sparse, dense
        )
        logits, iou = network.decode(
            embedding,
            torch.cat([coords, corners], dim=1),
            torch.cat([labels, corner_labels], dim=1),
            torch.zeros(1, 1, 128, 128),
            torch.zeros(1),
        )

    torch.testing.assert_close(embedding["image_embeddings"], expected, atol=TOLERANCE, rtol=0)
    assert expected_logits.std() > 1
    torch.testing.assert_close(logits, expected_logits, atol=TOLERANCE, rtol=0)
    torch.testing.assert_close(iou, expected_iou, atol=TOLERANCE, rtol=0)
