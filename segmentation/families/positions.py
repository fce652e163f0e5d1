"""Where patches lie, as SAM's decoder and its descendants are told."""

import torch
from torch import Tensor, nn


def image_positions(shared_embedding: nn.Module, side: int) -> Tensor:
    """(1, C, side, side): where each patch's centre lies. Only weights go in, so the ONNX export folds it away.

    Args:
        shared_embedding: transformers' positional embedding of the prompt encoder.
        side: patches.
    """
    weights = shared_embedding.positional_embedding
    assert isinstance(weights, Tensor)
    centres = (torch.arange(side, device=weights.device, dtype=weights.dtype) + 0.5) / side
    y, x = torch.meshgrid(centres, centres, indexing="ij")
    return shared_embedding(torch.stack([x, y], dim=-1)).permute(2, 0, 1)[None]
