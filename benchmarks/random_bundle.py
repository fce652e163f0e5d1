"""A bundle of ViT-B's size with random weights, to measure the page with: `python benchmarks/random_bundle.py DIR`."""

import argparse
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))  # so that it runs by its path too

import safetensors.torch
import torch

from segmentation.bundle import write_manifest
from segmentation.families.sam.network import VARIANTS, SamNetwork, manifest_fields
from segmentation.testing.tiny import random_network


def main() -> None:
    parser = argparse.ArgumentParser(
        prog="python benchmarks/random_bundle.py", description=__doc__.split(":")[0]
    )
    parser.add_argument("directory", type=Path, help="the bundle's folder, made if it is not there")
    directory = parser.parse_args().directory
    directory.mkdir(parents=True, exist_ok=True)
    network = random_network(VARIANTS["vit_b"], seed=0)
    smooth_masks(network)
    weights = {name: tensor.contiguous() for name, tensor in network.state_dict().items()}
    safetensors.torch.save_file(weights, directory / "weights.safetensors")
    write_manifest(directory, manifest_fields("random-vit-b", "vit_b", "ViT-B, random weights", "Apache-2.0"))


@torch.no_grad()
def smooth_masks(network: SamNetwork) -> None:
    """Makes masks regions as a trained network's are: the outline of noise would be all that the page's time goes to.

    What differs from token to token without a reason in the picture goes, and so does what differs between the pixels
    of a token.
    """
    for name, parameter in network.vision_encoder.named_parameters():
        if name.endswith(("pos_embed", "rel_pos_h", "rel_pos_w")):
            parameter.zero_()
    for layer in (network.mask_decoder.upscale_conv1, network.mask_decoder.upscale_conv2):
        layer.weight.copy_(layer.weight[:, :, :1, :1].expand_as(layer.weight))


if __name__ == "__main__":
    main()
