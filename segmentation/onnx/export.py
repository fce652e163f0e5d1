"""Writes a bundle's decoder as ONNX, compared with torch before anybody sees it."""

import hashlib
import json
import warnings
from pathlib import Path
from typing import Any

from segmentation import atomic_file
from segmentation.bundle import load_manifest
from segmentation.onnx.decoder_file import FORMAT, DecoderMismatch, DecoderReport

# 17 has LayerNormalization as one operator; everything since onnxruntime(-web) 1.13 reads it.
OPSET = 17
PROMPT_INPUTS = ("point_coords", "point_labels", "mask_input", "has_mask_input")
OUTPUTS = ("low_res_masks", "iou_predictions")


def export_decoder(bundle_dir: Path | str, out_path: Path | str) -> DecoderReport:
    """Exports a bundle's decoder and compares it with torch over a set of prompts.

    The graph: inputs are the bundle's embedding tensors by name (1, C, h, w), `point_coords` (1, N, 2) in model pixels,
    `point_labels` (1, N), `mask_input` (1, 1, 256, 256), `has_mask_input` (1,), all float32, N free; outputs:
    `low_res_masks` (1, 4, 256, 256) and `iou_predictions` (1, 4). The file's metadata carries the bundle's digest.

    Args:
        bundle_dir: the bundle's folder.
        out_path: where the file goes; beside it, with the suffix .json, goes the report. Each is whole or not there.

    Raises:
        BundleError: the bundle cannot be loaded.
        DecoderMismatch: the graph's answers differ from torch's by more than `segmentation.onnx.parity` tolerates; no
            file is left behind.
    """
    import onnx
    import onnxruntime
    import torch

    from segmentation.encoder import preprocess
    from segmentation.families import load_model
    from segmentation.onnx import parity
    from segmentation.onnx.graph import DecoderGraph

    out_path = Path(out_path)
    manifest = load_manifest(bundle_dir)
    model = load_model(bundle_dir, manifest)
    pixels = preprocess(parity.sample_image(), manifest.input_side, manifest.pixel_mean, manifest.pixel_std)
    with torch.inference_mode():
        embedding = {name: t.numpy() for name, t in model.encode_image(torch.from_numpy(pixels)).items()}
    _check_shapes(manifest.name, embedding, manifest.embedding)

    with atomic_file.replacing(out_path) as temporary:
        example = parity.sample_prompts(manifest)[3]
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
        if not difference.is_tolerable:
            raise DecoderMismatch(
                f"the exported decoder of bundle {manifest.name} differs from torch over {difference.prompts} prompts: "
                f"logits by {difference.max_relative_logit_difference:.2g} of their range (at most "
                f"{parity.LOGIT_TOLERANCE}), IoU predictions by {difference.max_iou_difference:.2g} (at most "
                f"{parity.IOU_TOLERANCE}); it was not written"
            )
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


def _check_shapes(name: str, embedding: dict[str, Any], expected: Any) -> None:
    shapes = {tensor: array.shape[1:] for tensor, array in embedding.items()}
    if shapes != dict(expected):
        raise DecoderMismatch(
            f"the image encoder of bundle {name} gives {shapes}, its manifest promises {dict(expected)}"
        )
