"""Writes what EfficientSAM's own code answers, which ours is held to.

    python tests/data/make_efficient_sam_cases.py FOLDER [--full]

FOLDER holds the authors' package `efficient_sam` (yformer/EfficientSAM: efficient_sam.py, efficient_sam_encoder.py,
efficient_sam_decoder.py, two_way_transformer.py, mlp.py), which is in no registry. With --full nothing is written: both
published sizes with random weights go through it and through ours, which takes a minute.
"""

import argparse
import importlib
import json
import sys
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import safetensors.numpy
import torch
from torch.nn import functional

sys.path[:0] = [str(Path(__file__).resolve().parents[2])]

from segmentation.decoder import export_decoder  # noqa: E402
from segmentation.families.convert import convert  # noqa: E402
from segmentation.families.efficient_sam.network import VARIANTS, EfficientSamShape  # noqa: E402
from segmentation.predictor import load_predictor  # noqa: E402
from tests.segmentation.efficient_sam_world import (  # noqa: E402
    CASES,
    IMAGES,
    SAMPLE,
    SHORT,
    picture,
    prompts,
    random_state,
)


def build(shape: EfficientSamShape) -> torch.nn.Module:
    """The original's `build_efficient_sam` with every size free."""
    names = ("efficient_sam", "efficient_sam_encoder", "efficient_sam_decoder", "two_way_transformer")
    whole, encoder, decoder, transformer = (
        importlib.import_module(f"efficient_sam.{name}") for name in names
    )
    side = shape.input_side // shape.patch
    common = {"activation": torch.nn.GELU, "normalize_before_activation": False}
    return whole.EfficientSam(
        image_encoder=encoder.ImageEncoderViT(
            img_size=shape.input_side,
            patch_size=shape.patch,
            in_chans=3,
            patch_embed_dim=shape.width,
            normalization_type="layer_norm",
            depth=shape.depth,
            num_heads=shape.heads,
            mlp_ratio=4.0,
            neck_dims=[shape.channels, shape.channels],
            act_layer=torch.nn.GELU,
        ),
        prompt_encoder=decoder.PromptEncoder(
            embed_dim=shape.channels,
            image_embedding_size=(side, side),
            input_image_size=(shape.input_side, shape.input_side),
        ),
        decoder_max_num_input_points=6,
        mask_decoder=decoder.MaskDecoder(
            transformer_dim=shape.channels,
            transformer=transformer.TwoWayTransformer(
                depth=2, embedding_dim=shape.channels, num_heads=8, mlp_dim=shape.decoder_mlp, **common
            ),
            num_multimask_outputs=3,
            normalization_type="layer_norm",
            iou_head_depth=2,
            iou_head_hidden_dim=shape.iou_width,
            upscaling_layer_dims=[shape.channels // 4, shape.channels // 8],
            **common,
        ),
    ).eval()


@torch.inference_mode()
def embed(original: Any, image: np.ndarray) -> torch.Tensor:
    pixels = torch.from_numpy(image).permute(2, 0, 1)[None] / 255
    return original.get_image_embeddings(pixels)


@torch.inference_mode()
def ask(
    original: Any, embedding: torch.Tensor, image_hw: tuple[int, int], prompt: dict[str, Any]
) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Low-res logits (3, S, S), IoU predictions (3,), logits at the image's size (3, H, W) as the original's."""
    coords, labels = prompt.get("point_coords", np.zeros((0, 2))), prompt.get("point_labels", np.zeros(0))
    if "box" in prompt:
        coords = np.concatenate([coords, prompt["box"].reshape(2, 2)])
        labels = np.concatenate([labels, [2, 3]])
    points = torch.tensor(coords, dtype=torch.float32)[None, None]
    kinds = torch.tensor(labels, dtype=torch.float32)[None, None]
    height, width = image_hw
    low, rated = original.predict_masks(embedding, points, kinds, True, height, width)
    whole, _ = original.predict_masks(embedding, points, kinds, True, height, width, height, width)
    return low[0, 0], rated[0, 0], whole[0, 0]


def shapes_of(network: torch.nn.Module) -> dict[str, tuple[int, ...]]:
    return {name: tuple(tensor.shape) for name, tensor in network.state_dict().items()}


def write_cases() -> None:
    original = build(SHORT)
    original.load_state_dict(random_state(shapes_of(original)))
    tensors = {}
    for image in IMAGES:
        embedding = embed(original, picture(image))
        tensors[f"{image}/embedding"] = embedding[0].numpy()[SAMPLE].copy()
        for kind, prompt in prompts(image).items():
            logits, rated, whole = ask(original, embedding, IMAGES[image], prompt)
            # The original enlarges by bicubic interpolation, this program by bilinear.
            masks = functional.interpolate(logits[None], IMAGES[image], mode="bilinear")[0] > 0
            place = f"{image}/{kind}"
            tensors[f"{place}/logits"] = logits[:, ::4, ::4].numpy().copy()
            tensors[f"{place}/iou"] = rated.numpy()
            tensors[f"{place}/masks"] = np.packbits(masks.numpy())
            other = float((masks != (whole > 0)).float().mean())
            print(
                f"{place}: std {logits.std():.1f}, iou {rated.numpy().round(2)}, bicubic differs in {other:.4f}"
            )
    published = {name: shapes_of(build(shape)) for name, shape in VARIANTS.items()}
    metadata = {"shapes": json.dumps(shapes_of(original)), "published": json.dumps(published)}
    safetensors.numpy.save_file(tensors, CASES, metadata)
    print(CASES.stat().st_size, "bytes")


def compare_full() -> None:
    for variant, shape in VARIANTS.items():
        original = build(shape)
        original.load_state_dict(random_state(shapes_of(original), gain=3))
        with tempfile.TemporaryDirectory() as folder:
            torch.save({"model": original.state_dict()}, f"{folder}/published.pt")
            size = Path(folder, "published.pt").stat().st_size
            convert(f"{folder}/published.pt", "efficient_sam", variant, "ours", f"{folder}/ours")
            ours = load_predictor(f"{folder}/ours", device="cpu")
            report = export_decoder(f"{folder}/ours", f"{folder}/decoder.onnx")
        image = picture("landscape")
        ours.set_image(image)
        theirs = embed(original, image)
        mine = ours.get_image_embedding()["image_embeddings"]
        print(
            f"{variant}: {size} bytes; embedding std {theirs.std():.2f}, {np.abs(mine - theirs.numpy()).max():.1e}"
        )
        print(f"  ONNX: {report.max_logit_difference:.1e}, {report.max_iou_difference:.1e}")
        for kind, prompt in prompts("landscape").items():
            given = {key: value for key, value in prompt.items() if key != "mask_input"}
            logits, rated, _ = ask(original, theirs, IMAGES["landscape"], prompt)
            _, my_rated, my_logits = ours.predict(**given)
            apart = np.abs(my_logits - logits.numpy()).max()
            print(
                f"  {kind}: std {logits.std():.1f}, {apart:.1e}, {np.abs(my_rated - rated.numpy()).max():.1e}"
            )


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("folder")
    parser.add_argument("--full", action="store_true")
    options = parser.parse_args()
    sys.path.insert(0, options.folder)
    compare_full() if options.full else write_cases()
