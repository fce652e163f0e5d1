"""A prompt encoder and a mask decoder as named numpy arrays, whichever package they come from.

The names are those of the `segment-anything` package's state (`mask_decoder.…`, `prompt_encoder.…`); a family gives its
own arrays by these names. numpy only: nothing here imports torch.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

# The embedding's tensors that only the tail takes. Of HQ-SAM; of SAM 2, for the first upscaling and the second.
HQ_FEATURES = "hq_features"
MIDDLE_FEATURES, FINE_FEATURES = "high_res_stride_8", "high_res_stride_4"


class DecoderWeights:
    """The arrays, by name, as float64: they are multiplied with each other before they are rounded once to float32.

    Whether it is HQ-SAM's or SAM 2's decoder is seen by the names of its tokens.

    channels, heads, head_width   of the attentions between tokens and image (heads * head_width = channels / 2)
    grid                          the image embedding is (channels, grid, grid)
    input_side                    pixels of the model frame
    mask_limit                    a mask prompt's logits are cut to -mask_limit..mask_limit; None: they are not
    """

    heads = 8

    def __init__(
        self,
        state: Mapping[str, NDArray],
        grid: int = 64,
        input_side: int = 1024,
        norm_epsilon: float = 1e-5,
        mask_limit: float | None = None,
    ) -> None:
        self._state = {name: np.asarray(value, np.float64) for name, value in state.items()}
        self.grid = grid
        self.input_side = input_side
        self.norm_epsilon = norm_epsilon
        self.mask_limit = mask_limit
        self.channels = self["mask_decoder.iou_token.weight"].shape[1]
        attention = self["mask_decoder.transformer.final_attn_token_to_image.q_proj.weight"]
        self.head_width = attention.shape[0] // self.heads
        depth = len({name.split(".")[3] for name in self._state if ".transformer.layers." in name})
        if depth != 2 or self["mask_decoder.mask_tokens.weight"].shape[0] != 4:
            raise ValueError("the split decoder is written for two-way transformers of 2 layers and 4 masks")

    def __getitem__(self, name: str) -> NDArray[np.float64]:
        return self._state[name]

    def linear(self, name: str) -> "Linear":
        return Linear(self[f"{name}.weight"], self[f"{name}.bias"])

    def mlp(self, name: str) -> "list[Linear]":
        """The layers of one of the decoder's MLPs, first to last."""
        count = len(
            {key for key in self._state if key.startswith(f"{name}.layers.") and key.endswith(".weight")}
        )
        return [self.linear(f"{name}.layers.{i}") for i in range(count)]

    @property
    def is_high_quality(self) -> bool:
        """Whether it is HQ-SAM's: one more token, whose mask is added to the others (`families.sam.hq`)."""
        return "mask_decoder.hf_token.weight" in self._state

    @property
    def has_fine_features(self) -> bool:
        """Whether it is SAM 2's: features of the image are added in both upscalings, predicted IoUs are sigmoids, and
        one more token, for the object's score, is attended to and then not asked."""
        return "mask_decoder.obj_score_token.weight" in self._state

    def own_tokens(self) -> NDArray[np.float64]:
        """(5 or 6, channels): for the IoU predictions, for the four masks, and HQ-SAM's or SAM 2's.

        SAM 2 has its own before the others. That makes no difference: attention does not see the order of tokens.
        """
        names = ["iou_token", "mask_tokens"]
        names += ["hf_token"] if self.is_high_quality else []
        names += ["obj_score_token"] if self.has_fine_features else []
        return np.concatenate([self[f"mask_decoder.{name}.weight"] for name in names])

    @property
    def asked_tokens(self) -> int:
        """How many of the own tokens something is made of: the first ones."""
        return 1 + len(self.filter_networks())

    def embedding_shapes(self) -> dict[str, list[int]]:
        """Name -> [C, h, w] of the image's tensors."""
        channels, grid = self.channels, self.grid
        shapes = {"image_embeddings": [channels, grid, grid]}
        if self.is_high_quality:
            shapes[HQ_FEATURES] = [channels // 8, 4 * grid, 4 * grid]
        if self.has_fine_features:
            shapes[MIDDLE_FEATURES] = [channels // 4, 2 * grid, 2 * grid]
            shapes[FINE_FEATURES] = [channels // 8, 4 * grid, 4 * grid]
        return shapes

    def filter_networks(self) -> "list[list[Linear]]":
        """The MLPs that make a filter of each of the own tokens but the first: the four masks', and HQ-SAM's."""
        names = [f"output_hypernetworks_mlps.{i}" for i in range(4)]
        names += ["hf_mlp"] if self.is_high_quality else []
        return [self.mlp(f"mask_decoder.{name}") for name in names]

    def image_positions(self) -> NDArray[np.float64]:
        """(channels, grid * grid): the positional encoding of each patch's centre."""
        centres = (np.arange(self.grid) + 0.5) / self.grid
        y, x = np.meshgrid(centres, centres, indexing="ij")
        points = np.stack([x.ravel(), y.ravel()], axis=1)  # (P, 2)
        angles = 2 * np.pi * ((2 * points - 1) @ self.position_matrix)
        return np.concatenate([np.sin(angles), np.cos(angles)], axis=1).T

    @property
    def position_matrix(self) -> NDArray[np.float64]:
        """(2, channels / 2): the random frequencies of the positional encoding."""
        return self["prompt_encoder.pe_layer.positional_encoding_gaussian_matrix"]


@dataclass(frozen=True)
class Linear:
    """y = weight x + bias; weight (out, in), bias (out,)."""

    weight: NDArray[np.float64]
    bias: NDArray[np.float64]
