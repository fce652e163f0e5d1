"""Writes what the originals' image encoders answer, which ours are held to.

    python tests/data/make_light_cases.py FOLDER

FOLDER holds a module `original_encoders` whose `build(variant, shape)` makes an original's encoder in the sizes of a
shape, from EdgeSAM's edge_sam/modeling/rep_vit.py, RepViT's sam/repvit_sam/modeling/repvit.py and efficientvit's models
(the package efficientsam 1.0.0 has them). They need timm and torchvision, which are not among this project's packages.
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

originals = importlib.import_module("original_encoders")
shapes, answers = {}, {}
for variant, shape in SHORT.items():
    encoder = originals.build(variant, shape).eval()
    shapes[variant] = {
        f"image_encoder.{name}": tuple(tensor.shape) for name, tensor in encoder.state_dict().items()
    }
    state = random_state(shapes[variant])
    encoder.load_state_dict({name.removeprefix("image_encoder."): tensor for name, tensor in state.items()})
    for name in IMAGES:
        pixels = torch.from_numpy(
            preprocess(picture(name), shape.input_side, shape.pixel_mean, shape.pixel_std)
        )
        if getattr(shape, "halved", False):
            pixels = torch.nn.functional.avg_pool2d(pixels, 2)
        with torch.inference_mode():
            embedding = encoder(pixels)[0].numpy()
        answers[f"{variant} {name}"] = embedding[SAMPLE].copy()
        print(variant, name, embedding.std())
safetensors.numpy.save_file(answers, CASES, {"shapes": json.dumps(shapes)})
