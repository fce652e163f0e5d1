"""How long does SAM's image encoder take on a lent machine: its GPU, and two of its cores?

    python benchmarks/encoder_device.py [VARIANT] [--rounds 5] [--batches 1 8] [--cpu vit_b]

With random weights of a fixed seed, in turns: segment-anything's encoder as it comes (float32), this project's as the
worker runs it (float16 under autocast on a GPU), and candidates that the worker does not run yet (bfloat16, compiled).
Prints the median milliseconds of one image, how many times faster than the original's median for the same batch that
is, and the largest and mean difference of the embeddings. Needs torch, transformers and segment-anything only.
"""

import argparse
import statistics
import sys
import time
from collections.abc import Callable
from pathlib import Path

import torch

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from segmentation.families.sam.network import VARIANTS, SamNetwork, SamShape  # noqa: E402
from segmentation.families.sam.published import convert_state  # noqa: E402
from tests.segmentation.original_sam import build_original, randomise  # noqa: E402

Run = Callable[[torch.Tensor], torch.Tensor]


def networks(variant: str) -> tuple[torch.nn.Module, SamNetwork]:
    """The original's image encoder and our network, of the same weights."""
    shape = VARIANTS[variant]
    assert isinstance(shape, SamShape)
    original = randomise(build_original(shape), seed=11).eval().requires_grad_(False)
    ours = SamNetwork(shape)
    ours.load_state_dict(convert_state(original.state_dict(), shape))
    return original.image_encoder, ours.eval().requires_grad_(False)


def milliseconds(run: Run, pixels: torch.Tensor) -> float:
    if pixels.is_cuda:
        torch.cuda.synchronize()
    started = time.perf_counter()
    run(pixels)
    if pixels.is_cuda:
        torch.cuda.synchronize()
    return (time.perf_counter() - started) * 1000 / len(pixels)


def compare(title: str, runs: dict[str, Run], pixels: torch.Tensor, rounds: int) -> None:
    """Prints a row for each run; the first is what the others are compared with."""
    taken: dict[str, list[float]] = {name: [] for name in runs}
    made: dict[str, torch.Tensor] = {}
    for round_number in range(rounds + 1):
        for name, run in runs.items():
            if round_number == 0:  # compiles, and does not count
                made[name] = run(pixels).float().cpu()
            else:
                taken[name].append(milliseconds(run, pixels))
    first = next(iter(runs))
    reference = statistics.median(taken[first])
    for name, times in taken.items():
        median = statistics.median(times)
        difference = (made[name] - made[first]).abs()
        print(
            f"{title:22} {name:34} {median:9.1f} {reference / median:6.2f}x {difference.max():9.1e} "
            f"{difference.mean():9.1e}",
            flush=True,
        )


def under(kind: str, dtype: torch.dtype, encoder: torch.nn.Module) -> Run:
    def run(pixels: torch.Tensor) -> torch.Tensor:
        with torch.inference_mode(), torch.autocast(kind, dtype):
            return encoder(pixels)

    return run


def plain(encoder: torch.nn.Module) -> Run:
    def run(pixels: torch.Tensor) -> torch.Tensor:
        with torch.inference_mode():
            return encoder(pixels)

    return run


def pictures(count: int, variant: str) -> torch.Tensor:
    side = VARIANTS[variant].input_side
    return torch.rand(count, 3, side, side, generator=torch.Generator().manual_seed(5)) * 4 - 2


def on_gpu(variant: str, batches: list[int], rounds: int) -> None:
    original, ours = networks(variant)
    original.cuda()
    encoder = ours.vision_encoder.cuda()
    compiled = torch.compile(encoder)
    runs = {
        "the original, float32": plain(original),
        "this project, float16 autocast": under("cuda", torch.float16, encoder),
        "bfloat16 autocast": under("cuda", torch.bfloat16, encoder),
        "float16 autocast, compiled": under("cuda", torch.float16, compiled),
        "bfloat16 autocast, compiled": under("cuda", torch.bfloat16, compiled),
    }
    for count in batches:
        compare(
            f"{torch.cuda.get_device_name()[:12]} {variant} x {count}",
            runs,
            pictures(count, variant).cuda(),
            rounds,
        )


def on_two_cores(variant: str, rounds: int) -> None:
    torch.set_num_threads(2)
    original, ours = networks(variant)
    encoder = ours.vision_encoder
    runs = {
        "the original, float32": plain(original),
        "this project, float32": plain(encoder),
        "this project, bfloat16 autocast": under("cpu", torch.bfloat16, encoder),
    }
    compare(f"two cores {variant}", runs, pictures(1, variant), rounds)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("variant", nargs="?", default="vit_h")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--batches", type=int, nargs="*", default=[1, 8])
    parser.add_argument("--cpu", metavar="VARIANT", help="Two cores as well, with this one.")
    args = parser.parse_args()
    print(f"torch {torch.__version__}, {torch.backends.cpu.get_cpu_capability()}")
    print(f"{'where':22} {'by':34} {'ms/image':>9} {'faster':>7} {'largest':>9} {'mean':>9}")
    if args.cpu:
        on_two_cores(args.cpu, min(args.rounds, 3))
    if torch.cuda.is_available():
        on_gpu(args.variant, args.batches, args.rounds)


if __name__ == "__main__":
    main()
