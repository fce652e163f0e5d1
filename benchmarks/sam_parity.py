"""Does a converted checkpoint compute what the segment-anything package computes, for the whole published networks?

    python benchmarks/sam_parity.py [vit_b] [vit_l] [vit_h] [--images landscape ...] [--half]

Each network gets random weights (fixed seed), is saved in Meta's format, converted, loaded, and asked the same prompts
(points, a box, a mask, and their combinations) on a landscape, a portrait and a square image. Prints the largest
differences; exits with 1 when one is above 1e-3. ViT-B takes minutes on two CPU cores and 3 GB of memory, ViT-H half an
hour and 12 GB. The suite does the same for short networks in tests/segmentation/test_sam_parity.py.
"""

import argparse
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import torch

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from segmentation.families.sam.published import PUBLISHED_VARIANTS, convert_checkpoint  # noqa: E402
from segmentation.predictor import load_predictor  # noqa: E402
from tests.segmentation.original_sam import SamPredictor, photograph, randomise, sam_model_registry  # noqa: E402
from tests.segmentation.test_sam_parity import TOLERANCE, prompts  # noqa: E402

IMAGES = {"landscape": (333, 517), "portrait": (517, 333), "square": (400, 400)}


def compare(variant: str, images: list[str], half: bool) -> float:
    """Prints a row for each of IMAGES named; returns the largest difference of all."""
    original = randomise(sam_model_registry[variant](), seed=11).eval()
    with tempfile.TemporaryDirectory() as place:
        checkpoint = Path(place) / f"{variant}.pth"
        torch.save(original.state_dict(), checkpoint)
        convert_checkpoint(checkpoint, variant, "converted", Path(place) / "converted", half=half)
        checkpoint.unlink()
        converted = load_predictor(Path(place) / "converted", device="cpu")
    reference = SamPredictor(original)
    worst = 0.0
    for name in images:
        image_hw = IMAGES[name]
        image = photograph(*image_hw)
        started = time.perf_counter()
        reference.set_image(image)
        original_s = time.perf_counter() - started
        started = time.perf_counter()
        converted.set_image(image)
        converted_s = time.perf_counter() - started
        embedding = np.abs(
            converted.get_image_embedding()["image_embeddings"] - reference.get_image_embedding().numpy()
        ).max()
        logits = iou = flipped = spread = 0.0
        for prompt in prompts(*image_hw).values():
            for multimask_output in (True, False):
                expected = reference.predict(**prompt, multimask_output=multimask_output)
                answer = converted.predict(**prompt, multimask_output=multimask_output)
                logits = max(logits, np.abs(answer[2] - expected[2]).max())
                iou = max(iou, np.abs(answer[1] - expected[1]).max())
                flipped = max(flipped, np.mean(answer[0] != expected[0]))
                spread = max(spread, expected[2].std())
        print(
            f"{variant:6} {name:10} {embedding:10.2e} {logits:10.2e} {spread:8.1f} {iou:10.2e} {flipped:10.2e} "
            f"{original_s:9.1f} {converted_s:9.1f}",
            flush=True,
        )
        worst = max(worst, embedding, logits, iou)
    return worst


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "variants", nargs="*", default=["vit_b"], metavar="VARIANT", help="vit_b (default), vit_l, vit_h"
    )
    parser.add_argument("--images", nargs="+", choices=IMAGES, default=list(IMAGES))
    parser.add_argument(
        "--half", action="store_true", help="convert with float16 weights, which is not held to 1e-3"
    )
    options = parser.parse_args()
    unknown = set(options.variants) - set(PUBLISHED_VARIANTS)
    if unknown:
        parser.error(f"unknown variants {sorted(unknown)}")
    print(
        "largest difference of    embedding     logits    (std)        IoU     pixels  original, s   ours, s"
    )
    worst = max(compare(variant, options.images, options.half) for variant in options.variants)
    print(f"largest of all: {worst:.2e} (tolerance {TOLERANCE})")
    return 0 if options.half or worst <= TOLERANCE else 1


if __name__ == "__main__":
    sys.exit(main())
