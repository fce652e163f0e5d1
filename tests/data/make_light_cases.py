"""Writes what the originals' image encoders answer, which ours are held to.

    python tests/data/make_light_cases.py FOLDER

FOLDER holds a module `original_repvit` with `edge_sam(widths, depths)` and `repvit_sam(widths, depths)`, which build
the originals' encoders: EdgeSAM's edge_sam/modeling/rep_vit.py and RepViT's sam/repvit_sam/modeling/repvit.py, their
lists of blocks made of the sizes. Both files need timm, and timm torchvision; neither is among this project's packages.
"""

import importlib
import json
import sys
from pathlib import Path

import safetensors.numpy
import torch

sys.path[:0] = [str(Path(__file__).resolve().parents[2]), sys.argv[1]]

from segmentation.encoder import preprocess  # noqa: E402
from tests.segmentation.light_world import CASES, IMAGES, SAMPLE, SHORT, picture, random_state  # noqa: E402

originals = importlib.import_module("original_repvit")
shapes, answers = {}, {}
for variant, shape in SHORT.items():
    encoder = getattr(originals, variant)(shape.widths, shape.depths).eval()
    shapes[variant] = {
        f"image_encoder.{name}": tuple(tensor.shape) for name, tensor in encoder.state_dict().items()
    }
    state = random_state(shapes[variant])
    encoder.load_state_dict({name.removeprefix("image_encoder."): tensor for name, tensor in state.items()})
    for name in IMAGES:
        pixels = preprocess(picture(name), shape.input_side, shape.pixel_mean, shape.pixel_std)
        with torch.inference_mode():
            embedding = encoder(torch.from_numpy(pixels))[0].numpy()
        answers[f"{variant} {name}"] = embedding[SAMPLE].copy()
        print(variant, name, embedding.std())
safetensors.numpy.save_file(answers, CASES, {"shapes": json.dumps(shapes)})
