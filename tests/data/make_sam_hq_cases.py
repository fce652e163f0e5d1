"""Writes what HQ-SAM's own code answers, which ours is held to: `python tests/data/make_sam_hq_cases.py`.

The package has to be there for that, as benchmarks/original_sam_hq.py says.
"""

import json
import sys
from pathlib import Path

import numpy as np
import safetensors.numpy
import torch

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))

from benchmarks.original_sam_hq import SamPredictor, build_original_hq, hq_features, sam_model_registry  # noqa: E402
from tests.segmentation.sam_hq_world import (  # noqa: E402
    CASES,
    HQ_SAMPLE,
    IMAGE_SAMPLE,
    IMAGES,
    LOGITS_SAMPLE,
    SHORT,
    picture,
    prompts,
    random_state,
    shapes_digest,
)


def shapes_of(network: torch.nn.Module) -> dict[str, tuple[int, ...]]:
    return {name: tuple(tensor.shape) for name, tensor in network.state_dict().items()}


@torch.inference_mode()
def answers(predictor: SamPredictor, place: str, image: str) -> dict[str, np.ndarray]:
    predictor.set_image(picture(image))
    fine = hq_features(predictor)
    tensors = {
        f"{place}/image": predictor.features[0].numpy()[IMAGE_SAMPLE].copy(),
        f"{place}/hq": fine[0].numpy()[HQ_SAMPLE].copy(),
    }
    print(f"{place}: image std {predictor.features.std():.2f}, hq std {fine.std():.2f}")
    for kind, prompt in prompts(image).items():
        for which in ("several", "one"):
            masks, rated, logits = predictor.predict(**prompt, multimask_output=which == "several")
            _, _, alone = predictor.predict(**prompt, multimask_output=which == "several", hq_token_only=True)
            tensors[f"{place}/{kind}/{which}/masks"] = np.packbits(masks)
            tensors[f"{place}/{kind}/{which}/iou"] = rated
            tensors[f"{place}/{kind}/{which}/logits"] = logits[LOGITS_SAMPLE].copy()
            print(
                f"  {kind}/{which}: std {logits.std():.1f}, of that HQ's {alone.std():.1f}, iou {rated.round(3)}, "
                f"area {masks.mean():.3f}"
            )
    return tensors


def main() -> None:
    shapes, tensors = {}, {}
    for variant, shape in SHORT.items():
        network = build_original_hq(shape)
        shapes[variant] = shapes_of(network)
        network.load_state_dict(random_state(shapes[variant]))
        predictor = SamPredictor(network.eval())  # once more: see build_original_hq
        for image in IMAGES:
            tensors |= answers(predictor, f"{variant}/{image}", image)
    with torch.device("meta"):
        published = {
            f"hq_{name}": shapes_of(sam_model_registry[name]()) for name in ("vit_b", "vit_l", "vit_h")
        }
    published_tiny = shapes_of(sam_model_registry["vit_tiny"]())
    metadata = {
        "shapes": json.dumps(shapes),
        "digests": json.dumps({variant: shapes_digest(tensors) for variant, tensors in published.items()}),
        "tiny": json.dumps(published_tiny),
    }
    safetensors.numpy.save_file(tensors, CASES, metadata)
    print(CASES.stat().st_size, "bytes")


if __name__ == "__main__":
    main()
