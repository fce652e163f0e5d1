"""The losses on cases worked out by hand."""

import math

import pytest
import torch

from segmentation.training.losses import (
    DICE_WEIGHT,
    FOCAL_WEIGHT,
    IOU_WEIGHT,
    dice_loss,
    focal_loss,
    mask_iou,
    prompt_loss,
)

SURE = 30.0  # a logit whose sigmoid is 1 in float32


def half_mask():
    target = torch.zeros(1, 4, 4)
    target[:, :2] = 1
    return target


def test_undecided_logits_cost_a_quarter_of_the_cross_entropy():
    assert focal_loss(torch.zeros(4, 4), half_mask()[0]).item() == pytest.approx(math.log(2) / 4)


def test_right_and_sure_costs_nothing_and_wrong_and_sure_costs_its_logit():
    target = half_mask()[0]
    right = (target * 2 - 1) * SURE
    assert focal_loss(right, target).item() == pytest.approx(0, abs=1e-6)
    assert focal_loss(-right, target).item() == pytest.approx(SURE)


def test_dice_of_half_an_overlap():
    target = half_mask()[0]  # 8 cells
    logits = torch.full((4, 4), -SURE)
    logits[0] = SURE  # 4 cells, all inside
    assert dice_loss(logits, target).item() == pytest.approx(1 - (2 * 4 + 1) / (4 + 8 + 1))


def test_iou_counts_cells():
    a, b = half_mask()[0] > 0, torch.zeros(4, 4, dtype=torch.bool)
    b[1:3] = True
    assert mask_iou(a, b).item() == pytest.approx(4 / 12)
    assert mask_iou(torch.zeros(2, 2).bool(), torch.zeros(2, 2).bool()).item() == 0


def candidates(*signs):
    """(1, 4, 4, 4) logits, each the target (+), its opposite (-)."""
    full = (half_mask() * 2 - 1) * SURE
    return torch.cat([full * sign for sign in signs])[None]


@pytest.mark.parametrize("good", [1, 2, 3])
def test_best_candidate_counts_whichever_it_is(good):
    signs = [1, -1, -1, -1]
    signs[good] = 1
    iou = torch.tensor([[float(sign > 0) for sign in signs]])
    loss, seen = prompt_loss(candidates(*signs), iou, half_mask(), torch.tensor([True]))
    # The single mask and the best candidate cost nothing; of the bad two, a tenth of their share of the mean is left.
    bad = FOCAL_WEIGHT * SURE + DICE_WEIGHT * (1 - 1 / 17)
    assert loss.item() == pytest.approx(0.1 * 2 / 3 * bad, rel=1e-4)
    assert (seen["single_iou"].item(), seen["best_iou"].item()) == (1, 1)


def test_wrong_iou_prediction_costs_its_squared_error():
    loss, _ = prompt_loss(candidates(1, 1, 1, 1), torch.full((1, 4), 0.5), half_mask(), torch.tensor([False]))
    assert loss.item() == pytest.approx(IOU_WEIGHT * 0.25, abs=1e-5)


def test_ambiguous_prompts_weigh_the_candidates_and_clear_ones_the_single_mask():
    iou = torch.tensor([[0.0, 1.0, 1.0, 1.0]])
    wrong_single = candidates(-1, 1, 1, 1)
    clear, _ = prompt_loss(wrong_single, iou, half_mask(), torch.tensor([False]))
    ambiguous, _ = prompt_loss(wrong_single, iou, half_mask(), torch.tensor([True]))
    assert clear.item() == pytest.approx(2 * ambiguous.item(), rel=1e-5)


def test_iou_prediction_does_not_pull_on_the_masks():
    logits = candidates(1, 1, 1, 1).requires_grad_()
    iou = torch.full((1, 4), 0.3, requires_grad=True)
    loss, _ = prompt_loss(logits, iou, half_mask(), torch.tensor([False]))
    loss.backward()
    assert logits.grad.abs().max() < 1e-6
    assert (iou.grad < 0).all()
