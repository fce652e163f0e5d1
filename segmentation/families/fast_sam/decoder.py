"""What FastSAM has in place of a mask decoder: a prompt chooses among the instances that were found, and joins them.

Points: every instance that contains a foreground point is added, every one that contains a background point taken away,
from the largest to the smallest, so that of nested instances the smallest has the last word. A box: the instance whose
mask has the largest IoU with it. Sources: FastSAM, fastsam/prompt.py, point_prompt and box_prompt.

The original knows no box together with points. Here the box chooses among the instances that contain all foreground
points and no background point; where there are none, the points add to and take away from what the box alone chose.
"""

import torch
from torch import Tensor, nn

from segmentation.families.fast_sam.instances import CONFIDENCE, SCORE
from segmentation.prompts import BACKGROUND, BOX_BOTTOM_RIGHT, BOX_TOP_LEFT, FOREGROUND

# Logits are kept between these; the lower one is where there is nothing.
LIMIT = 32.0
# By so much a cell a mask falls towards its box's border and beyond it: the border lies where the box says, not where
# cells begin, once the logits are enlarged.
EDGE = 8.0
CANDIDATES = 3


class PromptDecoder(nn.Module):
    """
    Args:
        input_side: pixels of the model frame.
        low_res_side: of the prototypes and the logits.
    """

    def __init__(self, input_side: int, low_res_side: int) -> None:
        super().__init__()
        self.low_res_side = low_res_side
        self.cell = input_side / low_res_side
        # No weight, but the one thing here that has a device, for those who ask a network's parameters for it.
        self.centres = nn.Parameter((torch.arange(low_res_side) + 0.5) * self.cell, requires_grad=False)

    def forward(
        self, prototypes: Tensor, instances: Tensor, coords: Tensor, labels: Tensor
    ) -> tuple[Tensor, Tensor]:
        """
        Args:
            prototypes: (32, S, S).
            instances: (37, K), as `instances.find_instances` gives them.
            coords, labels: (N, 2) model pixels and (N,), N at least 1.

        Returns:
            logits (4, S, S) and IoU predictions (4,): what the whole prompt chooses, then three single instances. For
            points: of those that contain all foreground points and no background point the smallest, the next and the
            largest. For a box: those of the largest IoU with it. The predictions are the instances' scores; where there
            is no instance, the prediction is 0 and the mask empty.
        """
        # Sums of products and masks instead of branches, so that a traced graph holds for every prompt.
        score = instances[SCORE]
        is_there = score > CONFIDENCE / 2  # an int8 embedding may make a little of an empty slot's 0
        logits = self._logits(prototypes, instances, is_there)  # (K, S * S)
        contains = self._contains(logits, coords)  # (K, N)
        is_foreground, is_background = labels == FOREGROUND, labels == BACKGROUND
        has_box = (labels == BOX_TOP_LEFT).any()
        overlap = self._overlap(logits, coords, labels)  # (K,)

        fits_box = is_there & (~has_box | (overlap > 0))
        misses = (~contains & is_foreground).any(1) | (contains & is_background).any(1)
        is_candidate = fits_box & ~misses & (has_box | is_foreground.any())
        slots = torch.ones_like(score).cumsum(0)
        place = torch.where(has_box, -overlap, slots)
        rank = _rank(is_candidate, place, slots)
        last = is_candidate.float().sum() - 1
        third = (rank >= 2) & ((rank == last) | has_box) & ((rank == 2) | ~has_box)
        candidates = torch.stack([rank == 0, rank == 1, third]) & is_candidate  # (3, K)

        is_settled = has_box & is_candidate.any()
        by_box = (is_candidate | ~is_settled) & fits_box & has_box
        chosen = by_box & (_rank(by_box, place, slots) == 0)
        # Of the points that an instance contains, the last one given decides.
        turn = torch.ones_like(labels).cumsum(0)
        foreground_turn = (turn * (contains & is_foreground)).amax(1)
        background_turn = (turn * (contains & is_background)).amax(1)
        is_added = (foreground_turn > background_turn) & ~is_settled
        is_taken = (background_turn > foreground_turn) & ~is_settled

        picked = torch.cat([chosen[None], candidates]).float()  # (4, K), one-hot or 0
        masks = picked @ logits - LIMIT * (1 - picked.sum(1, keepdim=True))
        whole = self._painted(masks[0], logits, is_added, is_taken)
        predictions = torch.cat([(score * (chosen | is_added)).amax(0, keepdim=True), picked[1:] @ score])
        side = self.low_res_side
        return torch.cat([whole[None], masks[1:]]).unflatten(1, (side, side)), predictions

    def _logits(self, prototypes: Tensor, instances: Tensor, is_there: Tensor) -> Tensor:
        """(K, S * S): every instance's, which fall off at its box's border."""
        masks = instances[SCORE + 1 :].T @ prototypes.flatten(1)
        x0, y0, x1, y1 = instances[:SCORE, :, None]  # (K, 1) each
        x = torch.minimum(self.centres - x0, x1 - self.centres)  # (K, S), above 0 inside
        y = torch.minimum(self.centres - y0, y1 - self.centres)
        inside = torch.minimum(y[:, :, None], x[:, None, :]).flatten(1) * (EDGE / self.cell)
        limit = LIMIT * (2 * is_there[:, None].float() - 1)  # an empty slot's are all at the lower limit
        return torch.minimum(torch.minimum(masks, inside), limit).clamp(min=-LIMIT)

    def _contains(self, logits: Tensor, coords: Tensor) -> Tensor:
        """(K, N): whether an instance has the cell that a point lies in."""
        cells = (coords / self.cell).floor().clamp(0, self.low_res_side - 1)
        index = (cells[:, 1] * self.low_res_side + cells[:, 0]).long()
        return logits.index_select(1, index) > 0

    def _overlap(self, logits: Tensor, coords: Tensor, labels: Tensor) -> Tensor:
        """(K,): IoU of every instance's mask with the box, which is rounded to cells, at least one."""
        # Whole numbers below 2^24 all through, so that their order is the same wherever this is computed.
        first = ((coords / self.cell).floor() * (labels == BOX_TOP_LEFT)[:, None]).sum(0)  # x, y
        end = ((coords / self.cell).floor() * (labels == BOX_BOTTOM_RIGHT)[:, None]).sum(0)
        first = first.clamp(0, self.low_res_side - 1)
        end = torch.maximum(end.clamp(max=self.low_res_side), first + 1)
        cells = (self.centres / self.cell).floor()
        in_x, in_y = ((cells >= first[k]) & (cells < end[k]) for k in (0, 1))
        box = (in_y[:, None] & in_x[None, :]).flatten().float()  # (S * S,)
        masks = (logits > 0).float()
        shared = masks @ box
        return shared / (masks.sum(1) + box.sum() - shared)

    def _painted(self, base: Tensor, logits: Tensor, is_added: Tensor, is_taken: Tensor) -> Tensor:
        """(S * S,): the base with instances added and taken away, from the largest to the smallest."""
        # A mask's union with another is the larger logit, what is left of it without another the smaller of its own
        # and the other's turned around; the limits make either do nothing.
        added_limit = LIMIT * (2 * is_added.float() - 1)
        taken_limit = LIMIT * (1 - 2 * is_taken.float())
        for slot in reversed(range(logits.shape[0])):
            mask = logits[slot]
            base = torch.maximum(base, torch.minimum(mask, added_limit[slot]))
            base = torch.minimum(base, torch.maximum(-mask, taken_limit[slot]))
        return base


def _rank(is_counted: Tensor, place: Tensor, slots: Tensor) -> Tensor:
    """(K,): how many of the counted ones come before each, by their place and, where that is equal, their slot."""
    is_before = (place[:, None] < place) | ((place[:, None] == place) & (slots[:, None] < slots))
    return (is_before & is_counted[:, None]).float().sum(0)
