"""Networks of full size with random weights whose originals do not install here: for timing them by themselves."""

from __future__ import annotations

import tempfile
from pathlib import Path

import safetensors.torch
import torch

from segmentation.bundle import write_manifest
from segmentation.families.efficient_sam import network as efficient_sam
from segmentation.families.sam import network as sam
from segmentation.predictor import Predictor, load_predictor
from segmentation.testing.tiny import random_network

SAMS = ("edge_sam", "repvit_sam", *(name for name in sam.VARIANTS if name.startswith("efficientvit_sam_")))
EFFICIENT_SAM = "efficient_sam-"
NAMES = (*SAMS, *(EFFICIENT_SAM + variant for variant in efficient_sam.VARIANTS))


def predictor_of(name: str) -> Predictor:
    """Args: name: one of NAMES."""
    if name in SAMS:
        network = random_network(sam.VARIANTS[name], seed=11)
        fields = sam.manifest_fields(name.replace("_", "-"), name, name, "none")
    else:
        variant = name.removeprefix(EFFICIENT_SAM)
        torch.manual_seed(11)
        network = efficient_sam.EfficientSamNetwork(efficient_sam.VARIANTS[variant])
        fields = efficient_sam.manifest_fields(name.replace("_", "-"), variant, name, "none")
    with tempfile.TemporaryDirectory() as place:
        safetensors.torch.save_file(network.state_dict(), Path(place) / "weights.safetensors")
        write_manifest(Path(place), fields)
        predictor = load_predictor(place, device="cpu")
        predictor.encoder  # noqa: B018  # loads the weights before their folder goes
    return predictor
