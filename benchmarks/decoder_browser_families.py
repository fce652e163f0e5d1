"""The networks of `decoder_browser.py --family`: decoders of published size behind small encoders, random weights.

The decoder's time does not depend on its weights, and the embedding is what the random encoder makes of a picture.
"""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import safetensors.torch
import torch
from torch import nn

from segmentation.bundle import Bundle, write_manifest
from segmentation.decoder import parity
from segmentation.decoder.export import export_decoder
from segmentation.decoder.package import export_package, has_package
from segmentation.embedding_file import as_int8, write_embedding
from segmentation.families import FAMILIES as ROWS
from segmentation.families import load_model
from segmentation.testing.tiny import random_network

DECODER, PACKAGE, EMBEDDING = "plain.onnx", "package.safetensors", "embedding.safetensors"


def _sam(variant: str) -> tuple[nn.Module, dict[str, Any]]:
    from segmentation.families.sam.network import VARIANTS, manifest_fields

    network = random_network(VARIANTS[variant], seed=4)
    hq_mask_mlp = getattr(network.mask_decoder, "hq_mask_mlp", None)
    if hq_mask_mlp is not None:
        hq_mask_mlp.proj_out.weight.mul_(10)
    return network, manifest_fields("random", variant, "Random weights", "Apache-2.0")


def _sam2(variant: str) -> tuple[nn.Module, dict[str, Any]]:
    from segmentation.families.sam2.network import VARIANTS, Sam2Network, manifest_fields

    torch.manual_seed(4)
    network = Sam2Network(VARIANTS[variant]).eval().requires_grad_(False)
    for filters in network.mask_decoder.output_hypernetworks_mlps:
        filters.proj_out.weight.mul_(100)
    return network, manifest_fields("random", variant, "Random weights", "Apache-2.0")


# The encoder that is smallest: it is run once.
FAMILIES: dict[str, Callable[[], tuple[nn.Module, dict[str, Any]]]] = {
    "sam": lambda: _sam("mobile_sam"),
    "sam_hq": lambda: _sam("hq_vit_tiny"),
    "sam2": lambda: _sam2("tiny"),
}


def make_family(name: str, folder: Path) -> dict[str, Any]:
    """Writes the plain graph, the package where there is one, and an embedding; gives the page's row of the bundle."""
    network, fields = FAMILIES[name]()
    home = folder / "random"
    home.mkdir(exist_ok=True)
    weights = {key: tensor.contiguous() for key, tensor in network.state_dict().items()}
    safetensors.torch.save_file(weights, home / "weights.safetensors")
    manifest = write_manifest(home, fields)
    export_decoder(home, folder / DECODER)
    has_session = has_package(manifest.family)
    if has_session:
        export_package(home, folder / PACKAGE)
    embedding = parity.sample_embedding(load_model(Bundle.open(home)), manifest)
    tensors = {key: tensor[0] for key, tensor in embedding.items()}
    content = write_embedding(tensors, manifest.digest, parity.IMAGE_HW)
    (folder / EMBEDDING).write_bytes(content)
    (folder / f"int8-{EMBEDDING}").write_bytes(as_int8(content))
    session = ROWS[manifest.family].browser_session
    return {
        "name": manifest.name,
        "family": manifest.family,
        "title": manifest.title,
        "digest": manifest.digest,
        "inputSide": manifest.input_side,
        "fit": manifest.fit,
        "maskThreshold": manifest.mask_threshold,
        "lowResSide": manifest.low_res_side,
        "outputs": manifest.outputs.as_dict(),
        "decoderUrl": f"/models/{DECODER}",
        "fastDecoderUrl": f"/models/{PACKAGE}" if has_session else None,
        "sessionUrl": f"/js/decoder/worker/{session}/session.js" if has_session else None,
    }
