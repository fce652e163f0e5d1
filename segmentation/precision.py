"""In which numbers an image encoder computes on a processor: float32, or bfloat16 where that is sooner and gives the
same masks.

Some processors multiply bfloat16 many times faster than float32, others only seem to: which it is, and what a network's
masks say to numbers of 8 bits, is measured here, on the machine and with the weights in question.
"""

import hashlib
import json
import logging
import os
import platform
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from segmentation import atomic_file
from segmentation.bundle import Manifest
from segmentation.decoder.parity import IMAGE_HW, sample_image
from segmentation.families import PromptableModel
from segmentation.frames import ModelFrame
from segmentation.prompts import build_prompt_tensors

AUTO, FLOAT32, FLOAT16, BFLOAT16 = "auto", "float32", "float16", "bfloat16"
DTYPES = {FLOAT32: torch.float32, FLOAT16: torch.float16, BFLOAT16: torch.bfloat16}

# Of bfloat16's masks and float32's, for every prompt by itself: what is below is another mask.
LEAST_IOU = 0.99
# Less is not worth that two machines give embeddings that differ.
LEAST_GAIN = 1.3
# An encoder that takes less than this in float32 stays exact: nobody waits for it.
WORTH_S = 1.0
# A run that takes longer is not repeated.
LONG_S = 5.0
# Of the measurement and of what is measured: figures of another version are not believed.
VERSION = 1

# Names of `torch.cpu.get_capabilities`. Without them bfloat16 is several times slower than float32.
INSTRUCTIONS = ("amx_bf16", "avx512_bf16")

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Choice:
    """
    precision       FLOAT32 or BFLOAT16
    reason          why, for people; goes on a line
    float32_s, bfloat16_s   seconds for an image; None: not measured
    least_iou       of all prompts; None: not measured
    """

    precision: str
    reason: str
    float32_s: float | None = None
    bfloat16_s: float | None = None
    least_iou: float | None = None


def choose(model: PromptableModel, manifest: Manifest, folder: Path | None = None) -> Choice:
    """What `model` had best compute in.

    Args:
        model: the bundle's network, float32, on the CPU.
        folder: where choices are kept, by bundle, machine and version of torch. None: measured anew.
    """
    if not has_instructions():
        return Choice(FLOAT32, "the processor has no instructions for bfloat16")
    file = folder / f"{manifest.digest}-{machine()}.json" if folder else None
    kept = _read(file) if file else None
    if kept:
        return kept
    choice = measure(model, manifest)
    logger.info("%s computes in %s: %s", manifest.name, choice.precision, choice.reason)
    if file:
        try:
            atomic_file.write_bytes(file, json.dumps(asdict(choice) | {"version": VERSION}).encode())
        except OSError as error:  # a full disk: measured again at the next start
            logger.warning("the choice of precision for %s cannot be kept: %s", manifest.name, error)
    return choice


def measure(model: PromptableModel, manifest: Manifest) -> Choice:
    """Encodes a generated picture in both, and compares seconds and masks. Arguments as for `choose`."""
    from segmentation.encoder import preprocess

    pixels = torch.from_numpy(
        preprocess(sample_image(), manifest.input_side, manifest.pixel_mean, manifest.pixel_std, manifest.fit)
    )
    exact, float32_s = _timed(lambda: run(model.encode_image, pixels, FLOAT32))
    if float32_s < WORTH_S:
        return Choice(FLOAT32, f"it takes {float32_s:.2f} s an image", float32_s)
    try:
        rounded, bfloat16_s = _timed(lambda: run(model.encode_image, pixels, BFLOAT16))
    except (RuntimeError, NotImplementedError) as error:  # of an operator that has no such form
        logger.warning("%s does not compute in bfloat16: %s", manifest.name, error)
        return Choice(FLOAT32, "its encoder does not compute in bfloat16", float32_s)
    gain = float32_s / bfloat16_s
    if gain < LEAST_GAIN:
        return Choice(FLOAT32, f"bfloat16 is only {gain:.1f} times as fast", float32_s, bfloat16_s)
    iou = least_iou(model, manifest, exact, rounded)
    if not iou >= LEAST_IOU:
        reason = f"masks agree with those of bfloat16 only to an IoU of {iou:.3f}"
        return Choice(FLOAT32, reason, float32_s, bfloat16_s, iou)
    reason = f"{gain:.1f} times as fast as float32, masks agree to an IoU of {iou:.3f} or better"
    return Choice(BFLOAT16, reason, float32_s, bfloat16_s, iou)


def run(
    encode_image: Callable[[Tensor], dict[str, Tensor]], pixels: Tensor, precision: str
) -> dict[str, Tensor]:
    """name -> (1, C, h, w) float32, by a network's `encode_image`, in `precision`, on the device of `pixels`."""
    reduced = precision != FLOAT32
    with torch.inference_mode(), torch.autocast(pixels.device.type, DTYPES[precision], enabled=reduced):
        return {name: tensor.float() for name, tensor in encode_image(pixels).items()}


def least_iou(
    model: PromptableModel, manifest: Manifest, one: dict[str, Tensor], other: dict[str, Tensor]
) -> float:
    """The least IoU of the masks that two embeddings of `sample_image` give for a prompt, all outputs together."""
    least = 1.0
    for prompt in _clear_prompts(manifest):
        tensors = {name: torch.from_numpy(array) for name, array in prompt.items()}
        with torch.inference_mode():
            masks, others = (
                model.decode(embedding, **tensors)[0] > manifest.mask_threshold for embedding in (one, other)
            )
        either = int((masks | others).sum())
        least = min(least, int((masks & others).sum()) / either if either else 1.0)
    return least


def has_instructions() -> bool:
    """Whether torch says that the processor has instructions for bfloat16."""
    return any(_capabilities().get(name) for name in INSTRUCTIONS)


def machine() -> str:
    """Names what seconds depend on: the processor and its cores, torch and its threads."""
    parts = [platform.machine(), _capabilities(), os.cpu_count(), torch.get_num_threads(), torch.__version__]
    return hashlib.sha256(json.dumps(parts, sort_keys=True, default=str).encode()).hexdigest()[:16]


def _capabilities() -> dict[str, Any]:
    asked: Callable[[], Any] | None = getattr(torch.cpu, "get_capabilities", None)
    return dict(asked()) if asked else {}


def _timed(work: Callable[[], dict[str, Tensor]]) -> tuple[dict[str, Tensor], float]:
    """What it gives, and its seconds: the lesser of two runs, where it is not too long for a second."""
    taken: list[float] = []
    while True:
        started_s = time.perf_counter()
        made = work()
        taken.append(time.perf_counter() - started_s)
        if len(taken) == 2 or taken[0] > LONG_S:
            return made, min(taken)


def _clear_prompts(manifest: Manifest) -> list[dict[str, NDArray[np.float32]]]:
    """Decoder inputs without the embedding, on `sample_image`: points over all of it, a box around each shape."""
    height, width = IMAGE_HW
    frame = ModelFrame(height, width, manifest.input_side, fit=manifest.fit)
    low_res_side = manifest.low_res_side
    points = [([[x, y]], [1], None) for y in range(50, height, 100) for x in range(75, width, 150)]
    boxes = [(None, None, box) for box in ([115, 65, 285, 235], [345, 215, 525, 345], [395, 255, 475, 305])]
    prompts = []
    for coords, labels, box in [*points, *boxes, ([[200, 150]], [1], [115, 65, 285, 235])]:
        point_coords, point_labels = build_prompt_tensors(frame, coords, labels, box)
        prompts.append(
            {
                "point_coords": point_coords,
                "point_labels": point_labels,
                "mask_input": np.zeros((1, 1, low_res_side, low_res_side), np.float32),
                "has_mask_input": np.zeros(1, np.float32),
            }
        )
    return prompts


def _read(file: Path) -> Choice | None:
    """The choice that was kept; None where there is none of this version."""
    try:
        fields = json.loads(file.read_text(encoding="utf-8"))
        if fields.pop("version") != VERSION or fields["precision"] not in (FLOAT32, BFLOAT16):
            return None
        return Choice(**fields)
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return None
