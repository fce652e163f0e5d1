"""A bundle for tests: SAM's structure, small and with random weights, so that the whole path takes seconds.

It segments nothing meaningful; it behaves like a real one in every shape, name and check.
"""

from collections.abc import Iterable
from pathlib import Path
from typing import cast

import safetensors.torch
import torch
from torch import nn
from transformers.models.sam.modeling_sam import SamFeedForward

from segmentation import atomic_file
from segmentation.bundle import Manifest, write_manifest
from segmentation.families.sam.network import VARIANTS, SamNetwork, manifest_fields
from segmentation.families.sam.shape import NetworkShape


def make_tiny_bundle(directory: Path | str, seed: int = 0, name: str = "tiny") -> Manifest:
    """Writes a bundle of family `sam`, variant `tiny`, into `directory` (made if it is not there).

    Args:
        directory: the bundle's folder; for `find_bundle` by name it must be called `name`.
        seed: two bundles with different seeds have different weights and so different digests.
    """
    directory = Path(directory)
    directory.mkdir(parents=True, exist_ok=True)
    network = random_network(VARIANTS["tiny"], seed)
    with atomic_file.replacing(directory / "weights.safetensors") as path:
        safetensors.torch.save_file(network.state_dict(), path)
    return write_manifest(
        directory, manifest_fields(name, "tiny", "Tiny, random weights (tests)", "Apache-2.0")
    )


@torch.no_grad()
def random_network(shape: NetworkShape, seed: int) -> SamNetwork:
    """A network whose weights all matter.

    transformers starts the position tables at zero and the rest near it, which would hide mistakes in them; here every
    layer gets torch's own start and every bare parameter normal values.
    """
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        network = SamNetwork(shape)
        for module in network.modules():
            if isinstance(module, nn.Linear | nn.Conv2d | nn.ConvTranspose2d | nn.Embedding):
                module.reset_parameters()
            elif isinstance(module, nn.LayerNorm):
                nn.init.normal_(module.weight, mean=1.0, std=0.1)
                nn.init.normal_(module.bias, std=0.1)
        nn.init.normal_(network.prompt_encoder.shared_embedding.positional_embedding)
        for name, parameter in network.vision_encoder.named_parameters():
            if name.endswith(("pos_embed", "rel_pos_h", "rel_pos_w")):
                nn.init.normal_(parameter, std=0.2)
        # Logits several units wide, as a trained network's are: a tolerance on them then means something.
        for hypernetwork in cast("Iterable[SamFeedForward]", network.mask_decoder.output_hypernetworks_mlps):
            hypernetwork.proj_out.weight.mul_(100)
            hypernetwork.proj_out.bias.mul_(100)
    return network.eval().requires_grad_(False)
