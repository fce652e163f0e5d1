"""How good the model is while it trains: the interactive protocol of RITM on a fixed part of the validation split.

`benchmarks/interactive_quality.py` is the full measurement, through the predictor that everybody else uses.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from segmentation.families import PromptableModel, Recipe
from segmentation.prompts import candidate_order
from segmentation.training.data.samples import Sample
from segmentation.training.prompt_simulation import PromptBatch, next_click

CLICKS = (1, 3, 5)


def to_input(pixels: NDArray[np.uint8], valid_hw: list[tuple[int, int]], recipe: Recipe) -> Tensor:
    """pixels (B, S, S, 3) uint8 -> (B, 3, S, S) float32, normalised; beyond each `valid_hw` 0, as in
    `segmentation.encoder`."""
    x = torch.from_numpy(pixels).permute(0, 3, 1, 2).float()
    mean, std = (torch.tensor(values)[:, None, None] for values in (recipe.pixel_mean, recipe.pixel_std))
    x = ((x - mean) / std).contiguous(memory_format=torch.channels_last)
    for index, (height, width) in enumerate(valid_hw):
        x[index, :, height:] = 0
        x[index, :, :, width:] = 0
    return x


@torch.no_grad()
def validate(
    model: PromptableModel,
    recipe: Recipe,
    samples: list[Sample],
    side: int,
    masks_per_image: int = 3,
    seed: int = 0,
) -> dict[str, float]:
    """Mean IoU after 1, 3 and 5 clicks, of the best candidate at one click, and with a tight box.

    IoU is taken at low-res cells of the picture, which is what can be afforded during training.
    """
    rng = np.random.default_rng(seed)
    cell = recipe.cell
    device = next(model.parameters()).device
    results: dict[str, list[float]] = {
        name: [] for name in (*(f"iou_{count}" for count in CLICKS), "oracle", "box")
    }
    protocol = _Protocol(model, recipe, results)
    model.eval()
    for sample in samples:
        height, width = sample.pixels.shape[:2]
        scale = side / max(height, width)
        out = max(1, round(width * scale)), max(1, round(height * scale))
        pixels = np.zeros((1, side, side, 3), np.uint8)
        pixels[0, : out[1], : out[0]] = cv2.resize(sample.pixels, out, interpolation=cv2.INTER_LINEAR)
        embedding = model.encode_image(to_input(pixels, [(out[1], out[0])], recipe).to(device))
        chosen = rng.choice(len(sample.masks), min(masks_per_image, len(sample.masks)), replace=False)
        for index in chosen:
            target = np.zeros((side // cell, side // cell), bool)
            cells_wh = max(1, out[0] // cell), max(1, out[1] // cell)
            small = (
                cv2.resize(sample.mask(int(index)).astype(np.float32), cells_wh, interpolation=cv2.INTER_AREA)
                > 0.5
            )
            target[: cells_wh[1], : cells_wh[0]] = small
            if target.sum() < 10:
                continue
            protocol.click(embedding, target)
            protocol.box(embedding, target)
    return {name: float(np.mean(values)) for name, values in results.items()} | {
        "masks": float(len(results["box"]))
    }


def _decode(
    model: PromptableModel,
    embedding: dict[str, Tensor],
    prompt: PromptBatch,
    previous: Tensor | None,
    side: int,
) -> tuple[Tensor, Tensor]:
    """Logits and IoU predictions, on the CPU."""
    coords, labels = prompt.arrays()
    mask_input = torch.zeros(1, 1, side, side) if previous is None else previous[None, None]
    device = next(model.parameters()).device
    logits, iou = model.decode(
        embedding,
        torch.from_numpy(coords).to(device),
        torch.from_numpy(labels).to(device),
        mask_input.to(device),
        torch.full((1,), float(previous is not None), device=device),
    )
    return logits.cpu(), iou.cpu()


@dataclass(frozen=True)
class _Protocol:
    """Prompts a model for a target and notes the IoU that it reaches.

    Attributes:
        results: name of the figure -> one IoU for each target; added to.
    """

    model: PromptableModel
    recipe: Recipe
    results: dict[str, list[float]]

    def click(self, embedding: dict[str, Tensor], target: NDArray[np.bool_]) -> None:
        prompt, previous, mask, reached = PromptBatch(1, self.recipe.cell), None, np.zeros_like(target), 0.0
        for count in range(1, max(CLICKS) + 1):
            click = next_click(target, mask)
            if click is not None:
                (row, column), label = click
                prompt.add_point(0, row, column, label)
                logits, iou = _decode(self.model, embedding, prompt, previous, target.shape[0])
                pick = candidate_order(iou[0].numpy(), self.recipe.outputs, count)[0]
                previous = logits[0, pick]
                mask = (previous > 0).numpy()
                reached = iou_of(mask, target)
                if count == 1:
                    self.results["oracle"].append(
                        max(
                            iou_of((logits[0, k] > 0).numpy(), target) for k in self.recipe.outputs.candidates
                        )
                    )
            if count in CLICKS:
                self.results[f"iou_{count}"].append(reached)

    def box(self, embedding: dict[str, Tensor], target: NDArray[np.bool_]) -> None:
        rows, columns = np.flatnonzero(target.any(1)), np.flatnonzero(target.any(0))
        prompt = PromptBatch(1, self.recipe.cell)
        prompt.add_box(0, (columns[0], rows[0], columns[-1] + 1, rows[-1] + 1))
        logits, iou = _decode(self.model, embedding, prompt, None, target.shape[0])
        pick = candidate_order(iou[0].numpy(), self.recipe.outputs, 0, has_box=True)[0]
        self.results["box"].append(iou_of((logits[0, pick] > 0).numpy(), target))


def iou_of(mask: NDArray[np.bool_], target: NDArray[np.bool_]) -> float:
    return float((mask & target).sum() / max(int((mask | target).sum()), 1))
