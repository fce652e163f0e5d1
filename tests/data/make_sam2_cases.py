"""Writes what the sam2 package answers, which ours is held to: `python tests/data/make_sam2_cases.py`.

The package has to be there for that, as benchmarks/original_sam2.py says.
"""

import hashlib
import json
import sys
from pathlib import Path

import numpy as np
import safetensors.numpy
import torch

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))

from benchmarks.original_sam2 import (  # noqa: E402  # first: see there
    SAM2ImagePredictor,
    prompt_for_reference,
    published_sam2,
    reference_predictor,
    short_sam2,
)
from segmentation.families.sam2.network import VARIANTS  # noqa: E402
from tests.segmentation.sam2_world import ASKED, NETWORKS, picture, prompts, random_state  # noqa: E402


def of_images(network: torch.nn.Module) -> dict[str, tuple[int, ...]]:
    """Names and shapes of the tensors that single images need."""
    kept = ("image_encoder.", "sam_prompt_encoder.", "sam_mask_decoder.", "no_mem_embed")
    return {name: tuple(t.shape) for name, t in network.state_dict().items() if name.startswith(kept)}


def state_digest(shapes: dict[str, tuple[int, ...]]) -> str:
    lines = sorted(f"{name} {list(shape)}" for name, shape in shapes.items())
    return hashlib.sha256("\n".join(lines).encode()).hexdigest()


def answers(predictor: SAM2ImagePredictor, place: str, image: str) -> dict[str, np.ndarray]:
    """Every so many values of the embedding and of the logits, all masks and IoU predictions."""
    predictor.set_image(picture(image))
    fine, middle = predictor._features["high_res_feats"]
    maps = {"fine": fine, "middle": middle, "image": predictor.get_image_embedding()}
    tensors = {f"{place}/{name}": values[0, :, ::5, ::5].numpy() for name, values in maps.items()}
    for kind, prompt in prompts(image).items():
        for which in ("several", "one"):
            masks, rated, logits = predictor.predict(
                **prompt_for_reference(prompt), multimask_output=which == "several"
            )
            tensors[f"{place}/{kind}/{which}/masks"] = np.packbits(masks > 0)
            tensors[f"{place}/{kind}/{which}/iou"] = rated
            tensors[f"{place}/{kind}/{which}/logits"] = logits[:, ::4, ::4]
            print(
                f"{place}/{kind}/{which}: std {logits.std():.1f}, iou {rated.round(3)}, area {masks.mean():.3f}"
            )
    return tensors


def main() -> None:
    digests = {}
    for variant in VARIANTS:
        for version in ("2", "2.1"):
            network = published_sam2(variant, version)
            digest = state_digest(of_images(network))
            assert digests.setdefault(variant, digest) == digest

    states, tensors = {}, {}
    for network_name, image in ASKED:
        shape = NETWORKS[network_name]
        network = short_sam2(shape)
        shapes = {name: tuple(tensor.shape) for name, tensor in network.state_dict().items()}
        network.load_state_dict(random_state(shapes))
        # One with what is for videos, as published.
        states[network_name] = shapes if network_name == "sam2" else of_images(network)
        tensors |= answers(reference_predictor(network, shape), f"{network_name}/{image}", image)
    metadata = {"states": json.dumps(states), "digests": json.dumps(digests)}
    content = safetensors.numpy.save(
        {name: np.ascontiguousarray(values) for name, values in tensors.items()}, metadata=metadata
    )
    (Path(__file__).parent / "sam2_cases.safetensors").write_bytes(content)
    print(len(content), "bytes")


if __name__ == "__main__":
    main()
