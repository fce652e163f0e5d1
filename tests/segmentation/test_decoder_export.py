import hashlib
import json

import numpy as np
import onnx
import onnxruntime
import pytest

from segmentation.bundle import load_manifest
from segmentation.decoder import DecoderMismatch, __main__, export_decoder, read_decoder_metadata
from segmentation.families.sam.network import SamNetwork


@pytest.fixture(scope="module")
def exported(tiny_dir, tmp_path_factory):
    path = tmp_path_factory.mktemp("decoders") / "tiny.onnx"
    return path, export_decoder(tiny_dir, path)


def test_graph_has_the_promised_inputs_and_outputs(exported):
    session = onnxruntime.InferenceSession(str(exported[0]), providers=["CPUExecutionProvider"])
    assert {i.name: (i.type, i.shape) for i in session.get_inputs()} == {
        "image_embeddings": ("tensor(float)", [1, 32, 64, 64]),
        "point_coords": ("tensor(float)", [1, "num_points", 2]),
        "point_labels": ("tensor(float)", [1, "num_points"]),
        "mask_input": ("tensor(float)", [1, 1, 256, 256]),
        "has_mask_input": ("tensor(float)", [1]),
    }
    outputs = session.run(
        None,
        {
            "image_embeddings": np.zeros((1, 32, 64, 64), np.float32),
            "point_coords": np.zeros((1, 5, 2), np.float32),
            "point_labels": np.ones((1, 5), np.float32),
            "mask_input": np.zeros((1, 1, 256, 256), np.float32),
            "has_mask_input": np.zeros(1, np.float32),
        },
    )
    assert [o.name for o in session.get_outputs()] == ["low_res_masks", "iou_predictions"]
    assert [output.shape for output in outputs] == [(1, 4, 256, 256), (1, 4)]


def test_file_carries_its_bundles_digest(exported, tiny_dir):
    manifest = load_manifest(tiny_dir)
    assert read_decoder_metadata(exported[0]) == {
        "format": "maskwright-decoder/1",
        "bundle_digest": manifest.digest,
        "bundle_name": "tiny",
        "family": "sam",
        "input_side": "1024",
        "low_res_side": "256",
        "mask_threshold": "0.0",
    }


def test_report_says_how_the_file_compares(exported):
    path, report = exported
    assert json.loads(path.with_suffix(".json").read_text()) == report.as_dict()
    assert report.sha256 == hashlib.sha256(path.read_bytes()).hexdigest()
    assert report.size_bytes == path.stat().st_size
    assert report.prompts >= 15
    assert report.max_relative_logit_difference <= report.logit_tolerance == 1e-3
    assert report.max_iou_difference <= report.iou_tolerance == 1e-3


def test_file_has_an_operator_set_the_browser_reads(exported):
    model = onnx.load(str(exported[0]))
    assert {entry.domain: entry.version for entry in model.opset_import} == {"": 17}


def test_graph_that_only_holds_for_the_traced_prompt_is_refused_and_leaves_nothing(
    tiny_dir, tmp_path, monkeypatch
):
    """The fault tracing is prone to: a decision in Python becomes a constant of the graph."""
    decode = SamNetwork.decode

    def decides_in_python(self, embedding, point_coords, point_labels, mask_input, has_mask_input):
        if float(has_mask_input[0]) == 0:
            mask_input = mask_input * 0
            has_mask_input = has_mask_input * 0
        return decode(self, embedding, point_coords, point_labels, mask_input, has_mask_input)

    monkeypatch.setattr(SamNetwork, "decode", decides_in_python)
    with pytest.raises(DecoderMismatch, match="differs from torch over 17 prompts"):
        export_decoder(tiny_dir, tmp_path / "tiny.onnx")
    assert list(tmp_path.iterdir()) == []


def test_refused_export_leaves_the_present_file_alone(tiny_dir, tmp_path, monkeypatch):
    path = tmp_path / "tiny.onnx"
    path.write_bytes(b"the one that works")
    decode = SamNetwork.decode

    def gives_nan(self, *args, **kwargs):
        logits, iou = decode(self, *args, **kwargs)
        return logits * float("nan"), iou

    monkeypatch.setattr(SamNetwork, "decode", gives_nan)
    with pytest.raises(DecoderMismatch):
        export_decoder(tiny_dir, path)
    assert [file.name for file in tmp_path.iterdir()] == ["tiny.onnx"]
    assert path.read_bytes() == b"the one that works"


def test_encoder_that_breaks_the_manifests_promise_is_refused(tiny_dir, tmp_path, monkeypatch):
    encode = SamNetwork.encode_image
    monkeypatch.setattr(
        SamNetwork,
        "encode_image",
        lambda self, pixels: {name: t[..., ::2, ::2] for name, t in encode(self, pixels).items()},
    )
    with pytest.raises(DecoderMismatch, match="manifest promises"):
        export_decoder(tiny_dir, tmp_path / "tiny.onnx")


def test_onnx_file_of_something_else_is_refused(tmp_path):
    path = tmp_path / "other.onnx"
    graph = onnx.helper.make_graph([], "empty", [], [])
    onnx.save(onnx.helper.make_model(graph), str(path))
    with pytest.raises(DecoderMismatch, match="not a decoder of this format"):
        read_decoder_metadata(path)
    path.write_bytes(b"\xff\xff not a protobuf")
    with pytest.raises(DecoderMismatch, match="not a readable ONNX file"):
        read_decoder_metadata(path)


def test_command_says_what_it_made_and_what_went_wrong(tiny_dir, tmp_path, capsys):
    assert __main__.main([str(tiny_dir), "--output", str(tmp_path / "made" / "tiny.onnx")]) == 0
    assert "17 prompts against torch" in capsys.readouterr().out
    assert (tmp_path / "made" / "tiny.onnx").is_file()
    assert __main__.main([str(tmp_path / "absent"), "--output", str(tmp_path / "x.onnx")]) == 1
    assert "bundle_not_found" in capsys.readouterr().err
