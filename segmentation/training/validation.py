"""How good the model is while it trains: the interactive protocol of RITM on a fixed part of the validation split.

`benchmarks/interactive_quality.py` is the full measurement, through the predictor that everybody else uses.
"""

from __future__ import annotations

import cv2
import numpy as np
import torch
from numpy.typing import NDArray

from segmentation.families.pocket.network import PocketModel
from segmentation.training.data.samples import Sample
from segmentation.training.prompt_simulation import PromptBatch, next_click

CLICKS = (1, 3, 5)
PIXEL_MEAN, PIXEL_STD = 128.0, 128.0


def to_input(pixels: NDArray[np.uint8]) -> torch.Tensor:
    """pixels (B, S, S, 3) uint8 -> (B, 3, S, S) float32, (pixel - 128) / 128.

    Padding is 0 after this, as in `segmentation.encoder`: see `blank_padding`.
    """
    x = torch.from_numpy(pixels).permute(0, 3, 1, 2).float()
    return ((x - PIXEL_MEAN) / PIXEL_STD).contiguous(memory_format=torch.channels_last)


def blank_padding(x: torch.Tensor, valid_hw: list[tuple[int, int]]) -> torch.Tensor:
    for index, (height, width) in enumerate(valid_hw):
        x[index, :, height:] = 0
        x[index, :, :, width:] = 0
    return x


@torch.no_grad()
def validate(
    model: PocketModel, samples: list[Sample], side: int, masks_per_image: int = 3, seed: int = 0
) -> dict[str, float]:
    """Mean IoU after 1, 3 and 5 clicks, of the best of three at one click, and with a tight box.

    IoU is taken at low-res cells of the picture (half of `side`), which is what can be afforded during training.
    """
    rng = np.random.default_rng(seed)
    device = next(model.parameters()).device
    results: dict[str, list[float]] = {f"iou_{count}": [] for count in CLICKS} | {"oracle": [], "box": []}
    model.eval()
    for sample in samples:
        height, width = sample.pixels.shape[:2]
        scale = side / max(height, width)
        out = max(1, round(width * scale)), max(1, round(height * scale))
        pixels = np.zeros((1, side, side, 3), np.uint8)
        pixels[0, : out[1], : out[0]] = cv2.resize(sample.pixels, out, interpolation=cv2.INTER_LINEAR)
        embedding = model.encode_image(blank_padding(to_input(pixels), [(out[1], out[0])]).to(device))
        chosen = rng.choice(len(sample.masks), min(masks_per_image, len(sample.masks)), replace=False)
        for index in chosen:
            target = np.zeros((side // 2, side // 2), bool)
            half = max(1, out[0] // 2), max(1, out[1] // 2)
            small = (
                cv2.resize(sample.mask(int(index)).astype(np.float32), half, interpolation=cv2.INTER_AREA)
                > 0.5
            )
            target[: half[1], : half[0]] = small
            if target.sum() < 10:
                continue
            _click(model, embedding, target, results)
            _box(model, embedding, target, results)
    return {name: float(np.mean(values)) for name, values in results.items()} | {
        "masks": float(len(results["box"]))
    }


def _decode(model: PocketModel, embedding, prompt: PromptBatch, previous: torch.Tensor | None, side: int):
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


def _click(model: PocketModel, embedding, target: NDArray[np.bool_], results: dict[str, list[float]]) -> None:
    prompt, previous, mask, reached = PromptBatch(1), None, np.zeros_like(target), 0.0
    for count in range(1, max(CLICKS) + 1):
        click = next_click(target, mask)
        if click is not None:
            (row, column), label = click
            prompt.add_point(0, row, column, label)
            logits, iou = _decode(model, embedding, prompt, previous, target.shape[0])
            pick = 1 + int(iou[0, 1:].argmax()) if count == 1 else 0
            previous = logits[0, pick]
            mask = (previous > 0).numpy()
            reached = iou_of(mask, target)
            if count == 1:
                results["oracle"].append(max(iou_of((m > 0).numpy(), target) for m in logits[0, 1:]))
        if count in CLICKS:
            results[f"iou_{count}"].append(reached)


def _box(model: PocketModel, embedding, target: NDArray[np.bool_], results: dict[str, list[float]]) -> None:
    rows, columns = np.flatnonzero(target.any(1)), np.flatnonzero(target.any(0))
    prompt = PromptBatch(1)
    prompt.add_box(0, (columns[0], rows[0], columns[-1] + 1, rows[-1] + 1))
    logits, _ = _decode(model, embedding, prompt, None, target.shape[0])
    results["box"].append(iou_of((logits[0, 0] > 0).numpy(), target))


def iou_of(mask: NDArray[np.bool_], target: NDArray[np.bool_]) -> float:
    return float((mask & target).sum() / max(int((mask | target).sum()), 1))
