"""Does a converted checkpoint compute what the original package computes, for the whole published networks?

    python benchmarks/sam_parity.py [VARIANT ...] [--images landscape ...] [--half]

Each network gets random weights (fixed seed), is saved in Meta's format, converted, loaded, and asked the same prompts
(points, a box, a mask, and their combinations) on a landscape, a portrait and a square image. Prints the largest
differences; exits with 1 when one is above 1e-3, which is meant for values of a standard deviation of up to 5: where
random weights give wider ones, it is as much more.

ViT-B takes minutes on two CPU cores and 3 GB of memory, ViT-H half an hour and 12 GB. The suite does the same for short
networks in tests/segmentation/test_sam_parity.py and test_sam2_parity.py. The originals of vit_*, slimsam_* and
mobile_sam are segment-anything and mobilesam-mirror, among the tests' packages; that of sam2-* is sam2, which has to be
put there first (benchmarks/original_sam2.py), and so has that of hq_*, segment-anything-hq
(benchmarks/original_sam_hq.py).
"""

import argparse
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

try:
    from benchmarks import original_sam2  # first: see there
except ModuleNotFoundError:
    original_sam2 = None
try:
    from benchmarks import original_sam_hq
except ModuleNotFoundError:
    original_sam_hq = None
from segmentation.families.convert import convert  # noqa: E402
from segmentation.families.sam.encoders.tiny_vit import TinyVitShape  # noqa: E402
from segmentation.families.sam.hq import HQ_FEATURES  # noqa: E402
from segmentation.families.sam.network import EMBEDDING_NAME, VARIANTS, SamShape  # noqa: E402
from segmentation.families.sam2 import network as sam2  # noqa: E402
from segmentation.predictor import Predictor, load_predictor  # noqa: E402
from tests.segmentation.original_mobile_sam import build_original_mobile  # noqa: E402
from tests.segmentation.original_sam import SamPredictor, build_original, photograph, randomise  # noqa: E402
from tests.segmentation.sam2_world import random_state  # noqa: E402
from tests.segmentation.test_sam_parity import TOLERANCE, prompts  # noqa: E402

IMAGES = {"landscape": (333, 517), "portrait": (517, 333), "square": (400, 400)}
SAMS = ("vit_b", "vit_l", "vit_h", "slimsam_50", "slimsam_77", "mobile_sam")
HQS = ("hq_vit_b", "hq_vit_l", "hq_vit_h", "hq_vit_tiny")
SAM2 = "sam2-"
USUAL_SPREAD = 5  # standard deviation of logits and embeddings


@dataclass
class Pair:
    """The original's predictor and ours, of the same weights.

    embeddings      of the original: name -> (1, C, h, w), after set_image
    prompt          what the original is asked in place of a prompt
    logit_limit     what the original cuts its low-res logits to
    gives_best      of the candidates the original gives the best rated one alone
    """

    original: Any
    converted: Predictor
    embeddings: Callable[[], dict[str, torch.Tensor]]
    prompt: Callable[[dict], dict] = staticmethod(lambda prompt: prompt)
    logit_limit: float = np.inf
    gives_best: bool = False


def pair_of(name: str, half: bool) -> Pair:
    """name: one of SAMS and HQS, or a variant of sam2 after SAM2."""
    if name.startswith(SAM2):
        return sam2_pair(name.removeprefix(SAM2), half)
    return hq_pair(name, half) if name in HQS else sam_pair(name, half)


def sam_pair(variant: str, half: bool) -> Pair:
    shape = VARIANTS[variant]
    if isinstance(shape, TinyVitShape):
        original = build_original_mobile(shape)
    else:
        assert isinstance(shape, SamShape)
        original = build_original(shape)
    original = randomise(original, seed=11).eval()
    converted = convert_and_load(original.state_dict(), "sam", variant, half)
    reference = SamPredictor(original)
    return Pair(reference, converted, lambda: {EMBEDDING_NAME: reference.get_image_embedding()})


def hq_pair(variant: str, half: bool) -> Pair:
    shape = VARIANTS[variant]
    original = randomise(original_sam_hq.build_original_hq(shape), seed=11).eval()
    converted = convert_and_load(original.state_dict(), "sam", variant, half)
    reference = original_sam_hq.SamPredictor(original)

    def embeddings() -> dict[str, torch.Tensor]:
        image = reference.get_image_embedding()
        with torch.inference_mode():
            return {EMBEDDING_NAME: image, HQ_FEATURES: original_sam_hq.hq_features(reference)}

    return Pair(reference, converted, embeddings, gives_best=True)


def sam2_pair(variant: str, half: bool) -> Pair:
    original = original_sam2.published_sam2(variant)
    original.load_state_dict(
        random_state({name: tuple(t.shape) for name, t in original.state_dict().items()})
    )
    original_sam2.settle_normalisations(original)
    converted = convert_and_load({"model": original.state_dict()}, "sam2", variant, half)
    reference = original_sam2.reference_predictor(original, sam2.VARIANTS[variant])

    def embeddings() -> dict[str, torch.Tensor]:
        fine, middle = reference._features["high_res_feats"]
        return {sam2.IMAGE: reference.get_image_embedding(), sam2.MIDDLE: middle, sam2.FINE: fine}

    return Pair(
        reference, converted, embeddings, original_sam2.prompt_for_reference, logit_limit=sam2.LOGIT_LIMIT
    )


def convert_and_load(checkpoint: Any, family: str, variant: str, half: bool) -> Predictor:
    with tempfile.TemporaryDirectory() as place:
        file, folder = Path(place) / "checkpoint.pt", Path(place) / "converted"
        torch.save(checkpoint, file)
        convert(file, family, variant, "converted", folder, half=half)
        file.unlink()
        predictor = load_predictor(folder, device="cpu")
        predictor.encoder  # noqa: B018  # loads the weights before their folder goes
    return predictor


def compare(name: str, images: list[str], half: bool) -> float:
    """Prints a row for each of IMAGES named; returns the largest difference of all."""
    pair = pair_of(name, half)
    worst = 0.0
    for image_name in images:
        image_hw = IMAGES[image_name]
        image = photograph(*image_hw)
        started = time.perf_counter()
        pair.original.set_image(image)
        original_s = time.perf_counter() - started
        started = time.perf_counter()
        pair.converted.set_image(image)
        converted_s = time.perf_counter() - started
        ours = pair.converted.get_image_embedding()
        pairs = [(ours[key], theirs.numpy()) for key, theirs in pair.embeddings().items()]
        embedding = max(np.abs(a - b).max() for a, b in pairs)
        worst = max(worst, *(np.abs(a - b).max() * min(1, USUAL_SPREAD / b.std()) for a, b in pairs))
        logits = iou = flipped = spread = 0.0
        for prompt in prompts(*image_hw).values():
            for multimask_output in (True, False):
                expected = pair.original.predict(**pair.prompt(prompt), multimask_output=multimask_output)
                answer = pair.converted.predict(**prompt, multimask_output=multimask_output)
                if pair.gives_best:
                    answer = tuple(part[[answer[1].argmax()]] for part in answer)
                cut = answer[2].clip(-pair.logit_limit, pair.logit_limit)
                logits = max(logits, np.abs(cut - expected[2]).max())
                iou = max(iou, np.abs(answer[1] - expected[1]).max())
                flipped = max(flipped, np.mean(answer[0] != expected[0]))
                spread = max(spread, expected[2].std())
        print(
            f"{name:14} {image_name:10} {embedding:10.2e} {logits:10.2e} {spread:8.1f} {iou:10.2e} {flipped:10.2e} "
            f"{original_s:9.1f} {converted_s:9.1f}",
            flush=True,
        )
        worst = max(worst, logits * min(1, USUAL_SPREAD / spread), iou)
    return worst


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    known = [*SAMS, *HQS, *(SAM2 + variant for variant in sam2.VARIANTS)]
    parser.add_argument(
        "variants",
        nargs="*",
        default=["vit_b"],
        metavar="VARIANT",
        help=f"vit_b (default); {', '.join(known)}",
    )
    parser.add_argument("--images", nargs="+", choices=IMAGES, default=list(IMAGES))
    parser.add_argument(
        "--half", action="store_true", help="convert with float16 weights, which is not held to 1e-3"
    )
    options = parser.parse_args()
    unknown = set(options.variants) - set(known)
    if unknown:
        parser.error(f"unknown variants {sorted(unknown)}")
    if original_sam2 is None and any(variant.startswith(SAM2) for variant in options.variants):
        parser.error("the sam2 package is not there: benchmarks/original_sam2.py says how to put it there")
    if original_sam_hq is None and set(options.variants) & set(HQS):
        parser.error("the package is not there: benchmarks/original_sam_hq.py says how to put it there")
    print(
        "largest difference of            embedding     logits    (std)        IoU     pixels  original, s   ours, s"
    )
    worst = max(compare(variant, options.images, options.half) for variant in options.variants)
    print(f"largest of all: {worst:.2e} (tolerance {TOLERANCE})")
    return 0 if options.half or worst <= TOLERANCE else 1


if __name__ == "__main__":
    sys.exit(main())
