import numpy as np
import pytest
import torch
import torch.nn.functional as F

from segmentation import masks, rle
from segmentation.frames import ModelFrame
from tests.segmentation import golden

CASES = golden.load("mask")["cases"]


def names(case):
    return case["name"]


def logits_of(case):
    y, x = np.mgrid[:256, :256].astype(np.float64)
    p = case["formula"]
    distance = p["radius"] * p["radius"] - (x - p["cx"]) * (x - p["cx"]) - (y - p["cy"]) * (y - p["cy"])
    noise = p["noise"] * ((x * 7 + y * 13) % 11 - 5)
    return (case["constant"] + p["gain"] * distance / (p["radius"] * p["radius"]) + noise).astype(np.float32)[
        None
    ]


@pytest.mark.parametrize("case", CASES, ids=names)
def test_golden_logits_give_the_golden_mask(case):
    frame = ModelFrame(
        case["image"]["height"], case["image"]["width"], case["side"], fit=case.get("fit", "pad")
    )
    logits = masks.postprocess(logits_of(case), frame)

    assert rle.encode(logits[0] > 0) == case["rle"]
    for sample in case["logits"]:
        assert logits[0, sample["y"], sample["x"]] == pytest.approx(sample["value"], abs=1e-4)
    assert masks.stability_score(logits)[0] == pytest.approx(case["stability_score"], abs=1e-6)


@pytest.mark.parametrize(
    "image_hw", [(683, 1024), (1500, 1000), (200, 200), (1, 300), (300, 1), (1333, 2001)]
)
@pytest.mark.parametrize("side", [1024, 320])
def test_postprocess_equals_torch_interpolate_in_two_steps(image_hw, side):
    frame = ModelFrame(*image_hw, side)
    logits = np.random.default_rng(1).normal(0, 8, (2, 256, 256)).astype(np.float32)
    square = F.interpolate(torch.from_numpy(logits)[None], (side, side), mode="bilinear", align_corners=False)
    square = square[..., : frame.input_hw[0], : frame.input_hw[1]]
    expected = F.interpolate(square, image_hw, mode="bilinear", align_corners=False)[0].numpy()

    logits_at_image_size = masks.postprocess(logits, frame)

    assert logits_at_image_size.dtype == np.float32
    # Both are float32 with weights computed alike; what is left is the order of a few additions.
    np.testing.assert_allclose(logits_at_image_size, expected, atol=1e-4)


def test_postprocess_leaves_its_input_alone():
    logits = np.ones((1, 256, 256), np.float32)
    masks.postprocess(logits, ModelFrame(10, 10, 1024))
    assert (logits == 1).all()


def test_logits_without_a_candidate_axis_are_refused():
    with pytest.raises(ValueError, match=r"\(C, h, w\)"):
        masks.postprocess(np.zeros((256, 256)), ModelFrame(10, 10, 1024))


def test_stability_score_counts_what_lies_between_the_two_cuts():
    # 2 pixels above +1, 1 between the cuts, 1 below -1: IoU 2/3. A mask with nothing above -1 scores 0, not 0/0.
    logits = np.array([[[2.0, 5.0], [0.5, -4.0]], [[-2.0, -3.0], [-9.0, -1.5]], [[2.0, 2.0], [2.0, 2.0]]])
    np.testing.assert_allclose(masks.stability_score(logits), [2 / 3, 0, 1], atol=1e-6)


def test_stability_score_moves_with_the_threshold():
    logits = np.array([[[3.0, 2.5], [1.2, 0.0]]])
    np.testing.assert_allclose(
        masks.stability_score(logits, mask_threshold=2.0, threshold_offset=0.9), [1 / 3]
    )
