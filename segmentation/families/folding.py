"""Convolutions that take up what follows or accompanies them: the same network, smaller and faster.

Done once, when published weights are converted, in float64. A batch norm in evaluation mode is a factor and a term for
each channel; a 1 x 1 convolution and the identity beside a 3 x 3 one are its centre.
"""

from collections.abc import Mapping

import torch
from torch import Tensor
from torch.nn import functional

from segmentation.families.published import CheckpointInvalid

_NORM = ("weight", "bias", "running_mean", "running_var")


def fold(state: Mapping[str, Tensor], epsilon: float) -> dict[str, Tensor]:
    """A state without batch norms.

    Takes up, for every X, in this order: `X.c` and its norm `X.bn` become X (TinyViT, RepViT), `X.conv` and its norm
    `X.norm` too (EfficientViT); then `X.conv`, 3 x 3, `X.conv1`, 1 x 1, and the identity become X; then the norm `X.bn`
    over their sum. A `X.conv` with none of these is called X as well. What lacks its counterpart otherwise stays as it
    is, for the check of names to find.

    Raises:
        CheckpointInvalid: a norm's tensors, or a branch's, do not fit those of their convolution.
    """
    try:
        return _folded(dict(state), epsilon)
    except (RuntimeError, IndexError) as error:  # torch's, of shapes that do not go together
        raise CheckpointInvalid(
            "a batch norm does not fit the convolution before it: the file is damaged, or of a changed network "
            f"({error})"
        ) from error


def _folded(left: dict[str, Tensor], epsilon: float) -> dict[str, Tensor]:
    for convolution, norm in (("c", "bn"), ("conv", "norm")):
        for place in _places(left, f".{convolution}.weight"):
            if _has_norm(left, f"{place}.{norm}"):
                weight, bias = _take_convolution(left, f"{place}.{convolution}")
                _put(left, place, *_normed(weight, bias, _take_norm(left, f"{place}.{norm}"), epsilon))
    for place in _places(left, ".conv1.weight"):
        if f"{place}.conv.weight" in left:
            weight, bias = _take_convolution(left, f"{place}.conv")
            centre, centre_bias = _take_convolution(left, f"{place}.conv1")
            weight, bias = weight + functional.pad(centre + 1, (1, 1, 1, 1)), bias + centre_bias
            if _has_norm(left, f"{place}.bn"):
                weight, bias = _normed(weight, bias, _take_norm(left, f"{place}.bn"), epsilon)
            _put(left, place, weight, bias)
    return {name.replace(".conv.", "."): tensor for name, tensor in left.items()}


def _places(state: Mapping[str, Tensor], end: str) -> list[str]:
    return [name.removesuffix(end) for name in state if name.endswith(end)]


def _has_norm(state: Mapping[str, Tensor], place: str) -> bool:
    return all(f"{place}.{name}" in state for name in _NORM)


def _take_convolution(state: dict[str, Tensor], place: str) -> tuple[Tensor, Tensor]:
    weight = state.pop(f"{place}.weight").double()
    bias = state.pop(f"{place}.bias", None)
    return weight, torch.zeros(len(weight), dtype=torch.float64) if bias is None else bias.double()


def _take_norm(state: dict[str, Tensor], place: str) -> list[Tensor]:
    state.pop(f"{place}.num_batches_tracked", None)
    return [state.pop(f"{place}.{name}").double() for name in _NORM]


def _normed(weight: Tensor, bias: Tensor, norm: list[Tensor], epsilon: float) -> tuple[Tensor, Tensor]:
    scale, shift, mean, variance = norm
    factor = scale / (variance + epsilon).sqrt()
    return weight * factor[:, None, None, None], shift + (bias - mean) * factor


def _put(state: dict[str, Tensor], place: str, weight: Tensor, bias: Tensor) -> None:
    state[f"{place}.weight"], state[f"{place}.bias"] = weight, bias
