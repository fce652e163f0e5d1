"""A bundle of ViT-B's size with random weights, to measure the page with: `python -m benchmarks.random_bundle DIR`."""

import argparse
from pathlib import Path

import safetensors.torch

from segmentation.bundle import write_manifest
from segmentation.families.sam import VARIANTS, manifest_fields
from segmentation.families.tiny import random_network


def main() -> None:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.random_bundle", description=__doc__.split(":")[0]
    )
    parser.add_argument("directory", type=Path, help="the bundle's folder, made if it is not there")
    directory = parser.parse_args().directory
    directory.mkdir(parents=True, exist_ok=True)
    weights = random_network(VARIANTS["vit_b"], seed=0).state_dict()
    safetensors.torch.save_file(weights, directory / "weights.safetensors")
    write_manifest(directory, manifest_fields("random-vit-b", "vit_b", "ViT-B, random weights", "Apache-2.0"))


if __name__ == "__main__":
    main()
