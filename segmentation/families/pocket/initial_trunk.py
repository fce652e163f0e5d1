"""Starts the encoder's trunk from published MobileNetV2 weights in numpy form."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import cast
from zipfile import BadZipFile

import numpy as np
import torch
from torch import nn

from segmentation.errors import SegmentationError
from segmentation.families.pocket.network import InvertedResidual, Trunk


class InitialWeightsInvalid(SegmentationError, ValueError):
    """The file does not hold MobileNetV2 in the layout this reads."""


@torch.no_grad()
def load_trunk(trunk: Trunk, path: Path | str) -> None:
    """Copies `<layer>/weight` (OIHW) and `<layer>/bias` of an `.npz` into the trunk.

    Layers: `Conv`, `expanded_conv/{depthwise,project}`, `expanded_conv_k/{expand,depthwise,project}` for k = 1..16,
    batch norm folded in; anything else in the file (a head) is left alone.

    Raises:
        InitialWeightsInvalid: the file cannot be read, a layer is missing or has another shape.
    """
    try:
        arrays = np.load(path, allow_pickle=False)
    except (OSError, ValueError, BadZipFile) as error:
        raise InitialWeightsInvalid(f"{path} cannot be read as .npz: {error}") from error
    if not isinstance(arrays, np.lib.npyio.NpzFile):
        raise InitialWeightsInvalid(f"{path} is one array, not an .npz of many")
    with arrays:
        _copy(trunk.stem, arrays, "Conv")
        for index, block in enumerate(cast("Iterable[InvertedResidual]", trunk.blocks)):
            prefix = f"expanded_conv_{index}" if index else "expanded_conv"
            if block.expand is not None:
                _copy(block.expand, arrays, f"{prefix}/expand")
            _copy(block.depthwise, arrays, f"{prefix}/depthwise")
            _copy(block.project, arrays, f"{prefix}/project")


def _copy(layer: nn.Conv2d, arrays: np.lib.npyio.NpzFile, name: str) -> None:
    for part in ("weight", "bias"):
        parameter = layer.get_parameter(part)
        key = f"{name}/{part}"
        if key not in arrays.files:
            raise InitialWeightsInvalid(f"{key} is not in the file")
        values = arrays[key]
        if values.shape != tuple(parameter.shape):
            raise InitialWeightsInvalid(f"{key} is {values.shape}, the trunk wants {tuple(parameter.shape)}")
        parameter.copy_(torch.from_numpy(values.astype(np.float32)))
