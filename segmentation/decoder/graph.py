"""The module that is traced."""

import torch
from torch import Tensor

from segmentation.families import PromptableModel


class DecoderGraph(torch.nn.Module):
    """A bundle's `decode` with one positional argument for every input of the graph: the exporter takes no dicts."""

    def __init__(self, model: PromptableModel, embedding_names: tuple[str, ...]) -> None:
        super().__init__()
        self.model = model
        self.embedding_names = embedding_names

    def forward(self, *inputs: Tensor) -> tuple[Tensor, Tensor]:
        """Embedding tensors in the order of `embedding_names`, then point_coords, point_labels, mask_input,
        has_mask_input."""
        count = len(self.embedding_names)
        embedding = dict(zip(self.embedding_names, inputs[:count], strict=True))
        return self.model.decode(embedding, *inputs[count:])
