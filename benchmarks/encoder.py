"""How long does an image's embedding take, beside the original package with the same weights?

    python benchmarks/encoder.py [VARIANT ...] [--rounds 5] [--threads N]

For each network (vit_b where none is named; sam2-tiny and the like where sam2 is there, see sam_parity.py), in one
process and in turns: the original's `set_image`, this project's `set_image`, and for SAM's own encoder transformers'
modules, which this project used before; where the processor has instructions for bfloat16, this project in it as well;
where OpenVINO is installed and runs the encoder, this project by it. The originals of random_light.py's networks do not
install here: of those, this project alone, all compared with its own float32.
Random weights of a fixed seed, one picture of 1536 x 1024. Prints the median, least and most seconds after a first call
that does not count, how many times faster than the original's median that is, the largest and mean difference of the
embeddings, and how much memory a call takes for a moment beyond what the process had; and, last, which precision and
back end a worker would choose here, with how far its masks agree (segmentation/precision.py). With --cpu the process's
own seconds are counted: with --threads 1 the better measure where a machine has other work to do.
"""

import argparse
import copy
import gc
import statistics
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import torch

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from transformers.models.sam.modeling_sam import SamVisionEncoder  # noqa: E402

from benchmarks import random_light  # noqa: E402
from benchmarks.sam_parity import Pair, pair_of, photograph  # noqa: E402
from segmentation import precision  # noqa: E402
from segmentation.families.sam.encoders import vit  # noqa: E402
from segmentation.families.sam.network import VARIANTS, SamShape  # noqa: E402

IMAGE_HW = (1024, 1536)
ORIGINAL, OURS = "the original", "this project"
MEBIBYTE = 1 << 20


@contextmanager
def transformers_modules() -> Iterator[None]:
    """SAM's own encoder as transformers computes it, in place of ours."""
    ours = vit.encode
    vit.encode = lambda encoder, pixels: SamVisionEncoder.forward(encoder, pixels).last_hidden_state
    try:
        yield
    finally:
        vit.encode = ours


def candidates(name: str, pair: Pair) -> dict[str, Callable[[np.ndarray], None]]:
    def by_modules(image: np.ndarray) -> None:
        with transformers_modules():
            pair.converted.set_image(image)

    def in_bfloat16(image: np.ndarray) -> None:
        pair.converted.encoder.precision = precision.BFLOAT16
        try:
            pair.converted.set_image(image)
        finally:
            pair.converted.encoder.precision = precision.FLOAT32

    runs = {ORIGINAL: pair.original.set_image} if pair.original else {}
    runs[OURS] = pair.converted.set_image
    if precision.has_instructions():
        runs["this project, bfloat16"] = in_bfloat16
    encoder = pair.converted.encoder
    for way in precision.ways(encoder.model, encoder.manifest, precision.AUTO, precision.AUTO):
        if way.backend == precision.OPENVINO:
            runs[f"this project, {way}"] = by_openvino(pair, way)
    shape = VARIANTS.get(name)
    if isinstance(shape, SamShape) and not shape.high_quality:  # of which `encode` is not asked
        runs["transformers' modules"] = by_modules
    return runs


def by_openvino(pair: Pair, way: precision.Way) -> Callable[[np.ndarray], None]:
    own = pair.converted.encoder
    by_way = copy.copy(own)  # the same weights
    by_way.use(way)

    def set_image(image: np.ndarray) -> None:
        pair.converted.encoder = by_way
        try:
            pair.converted.set_image(image)
        finally:
            pair.converted.encoder = own

    return set_image


def peak_of(work: Callable[[], None], clock: Callable[[], float]) -> tuple[float, float]:
    """Seconds, and mebibytes beyond what was in use before, at the worst moment (Linux)."""
    gc.collect()
    Path("/proc/self/clear_refs").write_text("5")  # the high-water mark begins anew
    before = _status("VmRSS")
    started = clock()
    work()
    return clock() - started, (_status("VmHWM") - before) / MEBIBYTE


def _status(key: str) -> int:
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) * 1024 for line in lines if line.startswith(f"{key}:"))


def compare(name: str, rounds: int, clock: Callable[[], float]) -> None:
    is_alone = name in random_light.NAMES
    pair = Pair(None, random_light.predictor_of(name), dict) if is_alone else pair_of(name, half=False)
    image = photograph(*IMAGE_HW)
    runs = candidates(name, pair)
    seconds: dict[str, list[float]] = {label: [] for label in runs}
    extra: dict[str, float] = dict.fromkeys(runs, 0.0)
    difference: dict[str, tuple[float, float]] = {}
    for round_number in range(rounds + 1):
        for label, run in runs.items():
            took, peak = peak_of(lambda run=run: run(image), clock)
            if round_number == 0:
                continue
            seconds[label].append(took)
            extra[label] = max(extra[label], peak)
            if label != ORIGINAL and label not in difference:
                ours = pair.converted.get_image_embedding()
                if is_alone and label == OURS:
                    first = {key: torch.from_numpy(value.copy()) for key, value in ours.items()}
                theirs = first if is_alone else pair.embeddings()
                apart = [np.abs(ours[key] - theirs[key].numpy()) for key in theirs]
                difference[label] = max(each.max() for each in apart), max(each.mean() for each in apart)
    reference = statistics.median(seconds[OURS if is_alone else ORIGINAL])
    for label, taken in seconds.items():
        median = statistics.median(taken)
        print(
            f"{name:16} {label:35} {median:7.2f} [{min(taken):.2f} to {max(taken):.2f}] {reference / median:6.2f}x "
            "{:10.1e} {:8.1e} {:8.0f}".format(*difference.get(label, (0, 0)), extra[label]),
            flush=True,
        )
    encoder = pair.converted.encoder
    among = precision.ways(encoder.model, encoder.manifest, precision.AUTO, precision.AUTO)
    choice = precision.choose(encoder.model, encoder.manifest, among)
    measured = ", ".join(f"{way} {taken_s:.2f} s" for way, taken_s in choice.seconds.items())
    print(f"{name:16} chosen: {choice.way} ({choice.reason}); {measured}", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("variants", nargs="*", default=["vit_b"])
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--threads", type=int, default=torch.get_num_threads())
    parser.add_argument("--cpu", action="store_true", help="count the process's own seconds")
    args = parser.parse_args()
    torch.set_num_threads(args.threads)
    print(f"torch {torch.__version__}, {args.threads} threads, {torch.backends.cpu.get_cpu_capability()}")
    print(
        f"{'network':16} {'by':35} {'s':>7} {'':15} {'faster':>9} {'largest':>9} {'mean':>8} {'MiB more':>8}"
    )
    for name in args.variants:
        compare(name, args.rounds, time.process_time if args.cpu else time.perf_counter)


if __name__ == "__main__":
    main()
