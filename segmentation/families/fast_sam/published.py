"""Turns FastSAM's ONNX file into a bundle, which keeps it as it is."""

from pathlib import Path

import numpy as np
import torch

from segmentation.bundle import Manifest
from segmentation.families.fast_sam import onnx_file
from segmentation.families.fast_sam.network import (
    LICENCE,
    VARIANTS,
    FastSamNetwork,
    FastSamShape,
    manifest_fields,
)
from segmentation.families.published import CheckpointInvalid, require_free, shape_of, write_bundle


def convert(
    source: Path | str,
    variant: str,
    name: str,
    output: Path | str,
    half: bool = False,
    title: str | None = None,
    licence: str | None = None,
) -> Manifest:
    """As `segmentation.families.convert.convert`, for this family.

    Args:
        source: the ONNX file that Ultralytics' exporter makes of FastSAM-s.pt or FastSAM-x.pt.
        half: is refused: the file is kept as it is.
    """
    require_free(output)
    shape = shape_of(variant, VARIANTS)
    if half:
        raise CheckpointInvalid("FastSAM's ONNX file is kept as it is and cannot be stored in halves")
    content = _read(Path(source), shape)
    try:
        _require_variant(content, shape)
        _try_once(FastSamNetwork(content, shape), shape)
    except onnx_file.FileUnfit as error:
        raise CheckpointInvalid(f"{source} is not {shape.title} as it is exported: {error}") from error
    state = {onnx_file.TENSOR: torch.frombuffer(bytearray(content), dtype=torch.uint8)}
    return write_bundle(
        output, state, manifest_fields(name, variant, title or shape.title, licence or LICENCE)
    )


def _read(source: Path, shape: FastSamShape) -> bytes:
    if source.suffix in (".pt", ".pth"):
        raise CheckpointInvalid(
            f"{source} holds Python objects besides tensors, as every checkpoint of Ultralytics does. Loading such a "
            "file can run code of whoever made it, so it is refused; where it is trusted, make an ONNX file of it "
            f"(yolo export model={source.name} format=onnx imgsz={shape.input_side}) and convert that"
        )
    if not source.is_file():
        raise CheckpointInvalid(f"there is no file {source}; FastSAM is converted from one ONNX file")
    return source.read_bytes()


def _require_variant(content: bytes, shape: FastSamShape) -> None:
    stem = onnx_file.stem_channels(onnx_file.check(content, shape.input_side, shape.outputs))
    if stem == shape.stem:
        return
    for variant, other in VARIANTS.items():
        if other.stem == stem and other.input_side == shape.input_side:
            raise onnx_file.FileUnfit(f"it is {other.title}; convert it with --variant {variant}")
    raise onnx_file.FileUnfit(f"its first convolution gives {stem} channels, not {shape.stem}")


def _try_once(network: FastSamNetwork, shape: FastSamShape) -> None:
    """What a file says of its shapes need not be so: it is run once on a grey picture."""
    side = shape.input_side
    try:
        answers = network.run(torch.zeros(1, 3, side, side))
    except Exception as error:
        # onnxruntime's exceptions have no common class of their own below Exception.
        raise onnx_file.FileUnfit(f"onnxruntime cannot run it: {str(error):.300}") from error
    if tuple(answer.shape for answer in answers) != shape.outputs:
        raise onnx_file.FileUnfit("it does not give what it says of itself")
    if not all(np.isfinite(answer).all() for answer in answers):
        raise onnx_file.FileUnfit(
            "it gives values that are not finite (NaN or infinite): the training that made it failed, or the file is "
            "damaged"
        )
