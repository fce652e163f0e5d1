"""How an image encoder computes on a processor: in float32 or in bfloat16, by torch or by OpenVINO.

Some processors multiply bfloat16 many times faster than float32, others only seem to: which it is, and what a network's
masks say to numbers of 8 bits, is measured here, on the machine and with the weights in question. So is OpenVINO, where
it is installed: it must give torch's numbers, or in bfloat16 torch's masks, and sooner.
"""

import hashlib
import json
import logging
import os
import platform
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

import torch
from torch import Tensor

from segmentation import atomic_file, openvino_package
from segmentation.agreement import largest_difference, least_iou
from segmentation.bundle import Manifest
from segmentation.decoder.parity import sample_image
from segmentation.families import EncodeImage, PromptableModel, family_of

AUTO, FLOAT32, FLOAT16, BFLOAT16 = "auto", "float32", "float16", "bfloat16"
DTYPES = {FLOAT32: torch.float32, FLOAT16: torch.float16, BFLOAT16: torch.bfloat16}
TORCH, OPENVINO = "torch", "openvino"

# Of bfloat16's masks and float32's, for every prompt by itself: what is below is another mask.
LEAST_IOU = 0.99
# Of float32 by OpenVINO and by torch, over the embedding's largest value: the same sums in another order come to 1e-5,
# storing an embedding as float16 to 2e-4.
LARGEST_DIFFERENCE = 1e-4
# Less is not worth that two machines give embeddings that differ.
LEAST_GAIN = 1.3
# Of OpenVINO over torch in the same precision: less is not worth a second copy of the weights in memory.
LEAST_GAIN_OF_BACKEND = 1.1
# Where bfloat16 gains so much, no float32 comes near it, and OpenVINO's is not measured.
FAR_AHEAD = 2.0
# An encoder that takes less than this in float32 stays exact: nobody waits for it.
WORTH_S = 1.0
# A run that takes longer is not repeated.
LONG_S = 5.0
# Of the measurement and of what is measured: figures of another version are not believed.
VERSION = 3

# Names of `torch.cpu.get_capabilities`. Without them bfloat16 is several times slower than float32.
INSTRUCTIONS = ("amx_bf16", "avx512_bf16")

logger = logging.getLogger(__name__)


class Way(NamedTuple):
    """A back end, TORCH or OPENVINO, and a precision."""

    backend: str
    precision: str

    def __str__(self) -> str:
        return f"{self.precision} by OpenVINO" if self.backend == OPENVINO else self.precision


EXACT = Way(TORCH, FLOAT32)  # what all others are compared with


@dataclass(frozen=True)
class Choice:
    """
    precision       FLOAT32 or BFLOAT16
    reason          why, for people; goes on a line
    backend         TORCH or OPENVINO
    seconds         of an image, of each way that was measured, by the way's text
    least_iou       of all prompts, of the chosen way's masks and the exact ones; None: it was not measured
    """

    precision: str
    reason: str
    backend: str = TORCH
    seconds: Mapping[str, float] = field(default_factory=dict)
    least_iou: float | None = None

    @property
    def way(self) -> Way:
        return Way(self.backend, self.precision)


@dataclass(frozen=True)
class _Measured:
    """A way that keeps the masks. seconds: of an image. agreement: the reason's second half."""

    way: Way
    seconds: float
    agreement: str = ""
    least_iou: float | None = None


def ways(model: PromptableModel, manifest: Manifest, backend: str, precision: str) -> tuple[Way, ...]:
    """How `model` may compute here, on the CPU, torch's ways first.

    Args:
        backend: AUTO, TORCH or OPENVINO. A network that OpenVINO does not run is left to torch.
        precision: AUTO, FLOAT32 or BFLOAT16. With AUTO bfloat16 only where the processor has instructions for it.

    Raises:
        OpenVinoUnavailable: it is asked for by name, and is not installed.
    """
    in_bfloat16 = (BFLOAT16,) if has_instructions() else ()
    precisions = (FLOAT32, *in_bfloat16) if precision == AUTO else (precision,)
    if backend == OPENVINO:
        openvino_package.load()
    backends = [TORCH]
    if backend != TORCH and _openvino_form(model, manifest) and openvino_package.version():
        backends = [TORCH, OPENVINO] if backend == AUTO else [OPENVINO]
    return tuple(Way(each, numbers) for each in backends for numbers in precisions)


def choose(
    model: PromptableModel, manifest: Manifest, among: Sequence[Way], folder: Path | None = None
) -> Choice:
    """How `model` had best compute.

    Args:
        model: the bundle's network, float32, on the CPU.
        among: of `ways`.
        folder: where choices are kept, by bundle, machine and versions. None: measured anew.
    """
    if tuple(among) == (EXACT,):
        return Choice(FLOAT32, "the processor has no instructions for bfloat16")
    file = folder / f"{manifest.digest}-{machine(among)}.json" if folder else None
    kept = _read(file, among) if file else None
    if kept:
        return kept
    choice = measure(model, manifest, among)
    logger.info("%s computes in %s: %s", manifest.name, choice.way, choice.reason)
    if file:
        try:
            atomic_file.write_bytes(file, json.dumps(asdict(choice) | {"version": VERSION}).encode())
        except OSError as error:  # a full disk: measured again at the next start
            logger.warning("the choice of precision for %s cannot be kept: %s", manifest.name, error)
    return choice


def measure(model: PromptableModel, manifest: Manifest, among: Sequence[Way]) -> Choice:
    """Encodes a generated picture in each way, and compares seconds, numbers and masks. Arguments as for `choose`.

    Where none of them can be taken it is torch: in float32, or in the one precision that all of them have.
    """
    from segmentation.encoder import preprocess

    pixels = torch.from_numpy(
        preprocess(sample_image(), manifest.input_side, manifest.pixel_mean, manifest.pixel_std, manifest.fit)
    )
    expected, exact_s = _timed(lambda: run(model.encode_image, pixels, FLOAT32))
    seconds = {str(EXACT): exact_s}
    if EXACT in among and exact_s < WORTH_S:
        return Choice(
            FLOAT32,
            f"exact float32 is quick enough: {exact_s:.2f} s an image when it was measured",
            seconds=seconds,
        )
    must_gain = EXACT in among
    good: list[_Measured] = []
    refused: list[str] = []
    # bfloat16 first: what it gains tells whether OpenVINO's float32 is worth a measurement.
    for way in sorted(
        set(among) - {EXACT}, key=lambda way: (way.precision == FLOAT32, list(among).index(way))
    ):
        if way.precision == FLOAT32 and any(exact_s / other.seconds >= FAR_AHEAD for other in good):
            continue
        try:
            made, seconds[str(way)] = _encoded(model, manifest, way, pixels)
        except (RuntimeError, NotImplementedError) as error:  # of an operator that has no such form
            logger.warning("%s does not compute in %s: %s", manifest.name, way, error)
            refused.append(f"its encoder does not compute in {way}")
            continue
        gain = exact_s / seconds[str(way)]
        if must_gain and gain < (LEAST_GAIN_OF_BACKEND if way.precision == FLOAT32 else LEAST_GAIN):
            refused.append(f"{way} is only {gain:.1f} times as fast")
        elif way.precision == FLOAT32:
            difference = largest_difference(expected, made)
            if difference <= LARGEST_DIFFERENCE:
                good.append(_Measured(way, seconds[str(way)], "with the same numbers"))
            else:
                refused.append(f"{way} gives other numbers, by {difference:.0e} of the largest")
        else:
            iou = least_iou(model, manifest, expected, made)
            if iou >= LEAST_IOU:
                agreement = f"masks agree to an IoU of {iou:.3f} or better"
                good.append(_Measured(way, seconds[str(way)], agreement, iou))
            else:
                refused.append(
                    f"{way} is not taken, as its masks agree with the exact ones only to an IoU of {iou:.3f}"
                )
    best = _best([*([_Measured(EXACT, exact_s)] if must_gain else []), *good])
    if best is None or best.way == EXACT:
        common = {way.precision for way in among}
        precision = common.pop() if len(common) == 1 else FLOAT32
        return Choice(precision, "; ".join(refused), seconds=seconds)
    by_torch = " by torch" if best.way.backend == OPENVINO else ""
    reason = f"{exact_s / best.seconds:.1f} times as fast as float32{by_torch}, {best.agreement}"
    return Choice(best.way.precision, reason, best.way.backend, seconds, best.least_iou)


def _encoded(
    model: PromptableModel, manifest: Manifest, way: Way, pixels: Tensor
) -> tuple[dict[str, Tensor], float]:
    """The embedding, and its seconds. What OpenVINO has made of the network goes with the return."""
    encode_image = encoder_by(model, manifest, way)
    return _timed(lambda: encode_image(pixels))


def _best(measured: Sequence[_Measured]) -> _Measured | None:
    """The one to take: what is coarser, and what is not torch's, must be sooner by so much."""
    best = None
    for one in sorted(measured, key=lambda one: (one.way.precision != FLOAT32, one.way.backend != TORCH)):
        if best is None:
            best = one
            continue
        is_coarser = one.way.precision != best.way.precision
        if best.seconds / one.seconds >= (LEAST_GAIN if is_coarser else LEAST_GAIN_OF_BACKEND):
            best = one
    return best


def encoder_by(model: PromptableModel, manifest: Manifest, way: Way) -> EncodeImage:
    """The network's `encode_image`, in this way; on the CPU.

    Raises:
        OpenVinoUnavailable: it is not installed.
        RuntimeError: OpenVINO cannot run this network here.
    """
    if way.backend == TORCH:
        return lambda pixels: run(model.encode_image, pixels, way.precision)
    form = _openvino_form(model, manifest)
    if form is None:
        raise RuntimeError(f"OpenVINO does not run the encoder of {manifest.family} {manifest.variant}")
    encode_image = form(way.precision)
    # What is left to torch stays float32.
    return lambda pixels: run(encode_image, pixels, FLOAT32)


def run(encode_image: EncodeImage, pixels: Tensor, precision: str) -> dict[str, Tensor]:
    """name -> (1, C, h, w) float32, by a network's `encode_image`, in `precision`, on the device of `pixels`."""
    reduced = precision != FLOAT32
    with torch.inference_mode(), torch.autocast(pixels.device.type, DTYPES[precision], enabled=reduced):
        return {name: tensor.float() for name, tensor in encode_image(pixels).items()}


def has_instructions() -> bool:
    """Whether torch says that the processor has instructions for bfloat16."""
    return any(_capabilities().get(name) for name in INSTRUCTIONS)


def machine(among: Sequence[Way]) -> str:
    """Names what a choice depends on: processor and cores, torch and its threads, OpenVINO, what there is to choose."""
    parts: list[Any] = [
        platform.machine(),
        _capabilities(),
        os.cpu_count(),
        torch.get_num_threads(),
        torch.__version__,
    ]
    if any(way.backend == OPENVINO for way in among):
        parts.append(openvino_package.version())
    parts.append(sorted(among))
    return hashlib.sha256(json.dumps(parts, sort_keys=True, default=str).encode()).hexdigest()[:16]


def _capabilities() -> dict[str, Any]:
    asked: Callable[[], Any] | None = getattr(torch.cpu, "get_capabilities", None)
    return dict(asked()) if asked else {}


def _openvino_form(model: PromptableModel, manifest: Manifest) -> Callable[[str], EncodeImage] | None:
    form = family_of(manifest).by_openvino
    return form(model) if form else None


def _timed(work: Callable[[], dict[str, Tensor]]) -> tuple[dict[str, Tensor], float]:
    """What it gives, and its seconds: the lesser of two runs, where it is not too long for a second."""
    taken: list[float] = []
    while True:
        started_s = time.perf_counter()
        made = work()
        taken.append(time.perf_counter() - started_s)
        if len(taken) == 2 or taken[0] > LONG_S:
            return made, min(taken)


def _read(file: Path, among: Sequence[Way]) -> Choice | None:
    """The choice that was kept; None where there is none of this version."""
    try:
        fields = json.loads(file.read_text(encoding="utf-8"))
        if fields.pop("version") != VERSION:
            return None
        choice = Choice(**fields)
        return choice if choice.way in (EXACT, *among, Way(TORCH, BFLOAT16)) else None
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return None
