"""Writes a bundle's decoder as ONNX, compared with torch before anybody sees it."""

import hashlib
import json
import warnings
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from segmentation import atomic_file
from segmentation.bundle import Bundle, Manifest
from segmentation.decoder.decoder_file import FORMAT, DecoderMismatch, DecoderReport
from segmentation.families import PromptableModel, load_model

# 17 has LayerNormalization as one operator; everything since onnxruntime(-web) 1.13 reads it.
OPSET = 17
PROMPT_INPUTS = ("point_coords", "point_labels", "mask_input", "has_mask_input")
OUTPUTS = ("low_res_masks", "iou_predictions")


def export_decoder(bundle: Bundle | Path | str, out_path: Path | str) -> DecoderReport:
    """Exports a bundle's decoder and compares it with torch over a set of prompts.

    The graph: inputs are the bundle's embedding tensors by name (1, C, h, w), `point_coords` (1, N, 2) in model pixels,
    `point_labels` (1, N), `mask_input` (1, 1, S, S), `has_mask_input` (1,), all float32, N free; outputs:
    `low_res_masks` (1, K, S, S) and `iou_predictions` (1, K), S the manifest's `low_res_side`, K its outputs' count.
    The file's metadata carries the bundle's digest.

    Args:
        bundle: the bundle or its folder.
        out_path: where the file goes; beside it, with the suffix .json, goes the report. Each is whole or not there.

    Raises:
        BundleError: the bundle cannot be loaded.
        DecoderMismatch: the network gives other shapes than the manifest promises, or the graph's answers differ from
            torch's by more than `segmentation.decoder.parity` tolerates; no file is left behind.
    """
    import onnx
    import onnxruntime
    import torch

    from segmentation.decoder import parity
    from segmentation.decoder.graph import DecoderGraph

    out_path = Path(out_path)
    bundle = Bundle.open(bundle)
    manifest = bundle.manifest
    model = load_model(bundle)
    embedding = parity.sample_embedding(model, manifest)
    example = parity.sample_prompts(manifest)[3]
    _check_shapes(model, manifest, embedding, example)

    with atomic_file.replacing(out_path) as temporary:
        graph = DecoderGraph(model, tuple(manifest.embedding))
        with warnings.catch_warnings():
            # The tracer warns of every Python number; that the graph holds for other prompts is what parity proves.
            warnings.simplefilter("ignore")
            # dynamo=False is the tracer. torch's newer exporter writes at least opset 18 and its own function library.
            torch.onnx.export(
                graph,
                tuple(torch.from_numpy(tensor) for tensor in (embedding | example).values()),
                str(temporary),
                input_names=[*embedding, *PROMPT_INPUTS],
                output_names=list(OUTPUTS),
                dynamic_axes={"point_coords": {1: "num_points"}, "point_labels": {1: "num_points"}},
                opset_version=OPSET,
                dynamo=False,
            )
        onnx_model = onnx.load(str(temporary))
        onnx.helper.set_model_props(
            onnx_model,
            {
                "format": FORMAT,
                "bundle_digest": manifest.digest,
                "bundle_name": manifest.name,
                "family": manifest.family,
                "input_side": str(manifest.input_side),
                "low_res_side": str(manifest.low_res_side),
                "mask_threshold": str(manifest.mask_threshold),
            },
        )
        onnx.checker.check_model(onnx_model, full_check=True)
        content = onnx_model.SerializeToString()
        temporary.write_bytes(content)

        session = onnxruntime.InferenceSession(content, providers=["CPUExecutionProvider"])
        difference = parity.compare(model, session, manifest, embedding)
        difference.require_tolerable(f"the exported decoder of bundle {manifest.name}")
        report = DecoderReport(
            bundle_name=manifest.name,
            bundle_digest=manifest.digest,
            family=manifest.family,
            sha256=hashlib.sha256(content).hexdigest(),
            size_bytes=len(content),
            opset=OPSET,
            logit_tolerance=parity.LOGIT_TOLERANCE,
            iou_tolerance=parity.IOU_TOLERANCE,
            **vars(difference),
        )
        # The report first: a decoder that is there has its report.
        report_text = json.dumps(report.as_dict(), indent=2) + "\n"
        atomic_file.write_bytes(out_path.with_suffix(".json"), report_text.encode())
    return report


def _check_shapes(
    model: PromptableModel,
    manifest: Manifest,
    embedding: dict[str, NDArray[np.float32]],
    prompt: dict[str, NDArray[np.float32]],
) -> None:
    """Holds the network to what the manifest says of it, which everybody else goes by."""
    import torch

    shapes = {tensor: array.shape[1:] for tensor, array in embedding.items()}
    if shapes != dict(manifest.embedding):
        raise DecoderMismatch(
            f"the image encoder of bundle {manifest.name} gives {shapes}, its manifest promises "
            f"{dict(manifest.embedding)}"
        )
    on_torch = {name: torch.from_numpy(array) for name, array in embedding.items()}
    with torch.inference_mode():
        logits, _ = model.decode(
            on_torch, **{name: torch.from_numpy(array) for name, array in prompt.items()}
        )
    promised = (1, manifest.outputs.count, manifest.low_res_side, manifest.low_res_side)
    if tuple(logits.shape) != promised:
        raise DecoderMismatch(
            f"the decoder of bundle {manifest.name} gives logits {tuple(logits.shape)}, "
            f"its manifest promises {promised}"
        )
