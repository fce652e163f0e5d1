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
# Every value of the instance that is none: far outside of the square, so that its logits are all -LIMIT.
NOWHERE = -1e4


class PromptDecoder(nn.Module):
    """
    Args:
        input_side: pixels of the model frame.
        low_res_side: S, of the prototypes and the logits.
    """

    def __init__(self, input_side: int, low_res_side: int) -> None:
        super().__init__()
        self.side = low_res_side
        self.cell = input_side / low_res_side
        # No weight, but the one thing here that has a device, for those who ask a network's parameters for it.
        self.centres = nn.Parameter((torch.arange(low_res_side) + 0.5) * self.cell, requires_grad=False)

    def forward(
        self, prototypes: Tensor, instances: Tensor, coords: Tensor, labels: Tensor
    ) -> tuple[Tensor, Tensor]:
        """
        Args:
            prototypes: (32, S, S).
            instances: (37, slots), as `instances.find_instances` gives them.
            coords, labels: (N, 2) model pixels and (N,), N at least 1.

        Returns:
            logits (4, S, S) and IoU predictions (4,): what the whole prompt chooses, then three single instances. For
            points: of those that contain all foreground points and no background point the smallest, the next and the
            largest. For a box: those of the largest IoU with it. The predictions are the instances' scores; where there
            is no instance, the prediction is 0 and the mask empty.
        """
        # Sums of products and masks instead of branches, so that a traced graph holds for every prompt.
        flat = prototypes.flatten(1)  # (32, S * S)
        has_box = (labels == BOX_TOP_LEFT).any()
        first = (coords * (labels == BOX_TOP_LEFT)[:, None]).sum(0)  # x, y; 0, 0 without a box
        end = (coords * (labels == BOX_BOTTOM_RIGHT)[:, None]).sum(0)
        # From here on only the K instances that a point or the box touches, and one that is none, so that there always
        # is one: a click touches few of them, and their whole masks are what costs.
        instances = torch.cat([instances, torch.full_like(instances[:, :1], NOWHERE)], 1)
        # An int8 embedding may make a little of an empty slot's 0.
        is_there = instances[SCORE] > CONFIDENCE / 2
        is_foreground, is_background = labels == FOREGROUND, labels == BACKGROUND
        is_point = is_foreground | is_background
        contains = self._contains(flat, instances, coords) & is_there[:, None] & is_point  # (slots + 1, N)
        touches_box = ((instances[0:2].T <= end) & (instances[2:4].T >= first)).all(1) & has_box & is_there
        each = torch.ones_like(instances[SCORE])
        is_none = each.cumsum(0) == each.sum()
        touched = (contains.any(1) | touches_box | is_none).nonzero()[:, 0]
        instances, contains = instances.index_select(1, touched), contains.index_select(0, touched)
        score, touches_box = instances[SCORE].clamp(min=0), touches_box.index_select(0, touched)

        logits = self._logits(flat, instances)  # (K, S * S)
        overlap = self._overlap(logits, first, end)  # (K,)
        misses = (~contains & is_foreground).any(1) | (contains & is_background).any(1)
        fits_box = touches_box & (overlap > 0)
        is_candidate = ~misses & (fits_box | (~has_box & contains.any(1)))
        slots = torch.ones_like(score).cumsum(0)
        place = torch.where(has_box, -overlap, slots)
        rank = _rank(is_candidate, place, slots)
        last = is_candidate.float().sum() - 1
        third = (rank >= 2) & ((rank == last) | has_box) & ((rank == 2) | ~has_box)
        candidates = torch.stack([rank == 0, rank == 1, third]) & is_candidate  # (3, K)

        is_settled = has_box & is_candidate.any()
        by_box = (is_candidate | ~is_settled) & fits_box
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
        return torch.cat([whole[None], masks[1:]]).unflatten(1, (self.side, self.side)), predictions

    def _logits(self, flat: Tensor, instances: Tensor) -> Tensor:
        """(K, S * S): every instance's, which fall off at its box's border."""
        x, y = (self._inside(instances, axis, self.centres) for axis in (0, 1))
        inside = torch.minimum(y[:, :, None], x[:, None, :]).flatten(1)
        return torch.minimum(instances[SCORE + 1 :].T @ flat, inside).clamp(-LIMIT, LIMIT)

    def _contains(self, flat: Tensor, instances: Tensor, coords: Tensor) -> Tensor:
        """(K, N): whether an instance has the cell that a point lies in."""
        cells = (coords / self.cell).floor().clamp(0, self.side - 1)
        index = (cells[:, 1] * self.side + cells[:, 0]).long()
        centres = (cells + 0.5) * self.cell
        x, y = (self._inside(instances, axis, centres[:, axis]) for axis in (0, 1))
        masks = instances[SCORE + 1 :].T @ flat.index_select(1, index)
        return (masks > 0) & (x > 0) & (y > 0)

    def _inside(self, instances: Tensor, axis: int, places: Tensor) -> Tensor:
        """(K, P): how far places (P,) of an axis lie within an instance's box, in logits; below 0 outside."""
        first, end = instances[axis][:, None], instances[axis + 2][:, None]
        return torch.minimum(places - first, end - places) * (EDGE / self.cell)

    def _overlap(self, logits: Tensor, first: Tensor, end: Tensor) -> Tensor:
        """(K,): IoU of every instance's mask with the box, which is rounded to cells, at least one."""
        # Whole numbers below 2^24 all through, so that their order is the same wherever this is computed.
        first = (first / self.cell).floor().clamp(0, self.side - 1)
        end = torch.maximum((end / self.cell).floor().clamp(max=self.side), first + 1)
        cells = (self.centres / self.cell).floor()
        in_x, in_y = ((cells >= first[axis]) & (cells < end[axis]) for axis in (0, 1))
        box = (in_y[:, None] & in_x[None, :]).flatten().float()  # (S * S,)
        masks = (logits > 0).float()
        shared = masks @ box
        return shared / (masks.sum(1) + box.sum() - shared)

    def _painted(self, base: Tensor, logits: Tensor, is_added: Tensor, is_taken: Tensor) -> Tensor:
        """(S * S,): the base with instances added and taken away, from the largest to the smallest."""
        # Of those that have a cell, the smallest decides; the base comes before all. Where nothing is painted, the one
        # instance that is none stands for it.
        each = torch.ones_like(is_added, dtype=torch.float32)
        is_none = each.cumsum(0) == each.sum()
        painted = (is_added | is_taken | is_none).nonzero()[:, 0]
        layers = logits.index_select(0, painted)
        is_added = is_added.index_select(0, painted)[:, None].float()
        each = torch.ones_like(is_added)
        rank = 2 * (1 + each.sum() - each.cumsum(0)) + is_added  # the smallest has the highest; odd ones add
        deciding = torch.maximum((rank * (layers > 0)).amax(0), (base > 0).float())
        is_in = deciding - 2 * (deciding / 2).floor()  # 1 or 0
        # As far from 0 as the nearest border of any of them, so that borders lie between cells where theirs do.
        distance = torch.minimum(layers.abs().amin(0), base.abs())
        return distance * (2 * is_in - 1)


def _rank(is_counted: Tensor, place: Tensor, slots: Tensor) -> Tensor:
    """(K,): how many of the counted ones come before each, by their place and, where that is equal, their slot."""
    is_before = (place[:, None] < place) | ((place[:, None] == place) & (slots[:, None] < slots))
    return (is_before & is_counted[:, None]).float().sum(0)
