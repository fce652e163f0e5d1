"""Writes what the sam2 package answers, which ours is held to: `python tests/data/make_sam2_cases.py`.

The package has to be there for that, as benchmarks/original_sam2.py says.
"""

import hashlib
import json
import sys
from pathlib import Path

import numpy as np
import safetensors.numpy

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))

from benchmarks.original_sam2 import (  # noqa: E402  # first: see there
    prompt_for_reference,
    published_sam2,
    reference_predictor,
    short_sam2,
)
from segmentation.families.sam2.network import VARIANTS  # noqa: E402
from tests.segmentation.sam2_world import IMAGES, SHORT, picture, prompts, random_state  # noqa: E402


def state_digest(shapes: dict[str, tuple[int, ...]]) -> str:
    """sha256 over the names and shapes of the tensors that single images need."""
    kept = ("image_encoder.", "sam_prompt_encoder.", "sam_mask_decoder.", "no_mem_embed")
    lines = sorted(f"{name} {list(shape)}" for name, shape in shapes.items() if name.startswith(kept))
    return hashlib.sha256("\n".join(lines).encode()).hexdigest()


def main() -> None:
    digests = {}
    for variant in VARIANTS:
        for version in ("2", "2.1"):
            network = published_sam2(variant, version)
            digest = state_digest({name: tuple(t.shape) for name, t in network.state_dict().items()})
            assert digests.setdefault(variant, digest) == digest

    network = short_sam2(SHORT)
    shapes = {name: tuple(tensor.shape) for name, tensor in network.state_dict().items()}
    network.load_state_dict(random_state(shapes))
    predictor = reference_predictor(network, SHORT)
    tensors: dict[str, np.ndarray] = {}
    for name in IMAGES:
        predictor.set_image(picture(name))
        fine, middle = predictor._features["high_res_feats"]
        for kind, values in {
            "fine": fine,
            "middle": middle,
            "image": predictor.get_image_embedding(),
        }.items():
            tensors[f"{name}/{kind}"] = values[0, :, ::5, ::5].numpy()
        for kind, prompt in prompts(name).items():
            for multimask in (True, False):
                masks, rated, logits = predictor.predict(
                    **prompt_for_reference(prompt), multimask_output=multimask
                )
                place = f"{name}/{kind}/{'several' if multimask else 'one'}"
                tensors[f"{place}/masks"] = np.packbits(masks > 0)
                tensors[f"{place}/iou"] = rated
                tensors[f"{place}/logits"] = logits[:, ::3, ::3]
                print(f"{place}: std {logits.std():.1f}, iou {rated.round(3)}, area {masks.mean():.3f}")
    metadata = {"state": json.dumps(shapes), "digests": json.dumps(digests)}
    content = safetensors.numpy.save(
        {name: np.ascontiguousarray(values) for name, values in tensors.items()}, metadata=metadata
    )
    (Path(__file__).parent / "sam2_cases.safetensors").write_bytes(content)
    print(len(content), "bytes")


if __name__ == "__main__":
    main()
