import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from segmentation import predictor as predictor_module
from segmentation.bundle import BundleDigestMismatch, BundleNotFound, load_manifest
from segmentation.decoder import DecoderMismatch, export_decoder
from segmentation.embedding_file import read_embedding, write_embedding
from segmentation.encoder import DeviceUnavailable, ImageEncoder, ImageMalformed
from segmentation.predictor import EmbeddingMalformed, ImageNotSet, load_predictor
from segmentation.prompts import PromptError
from tests.segmentation.original_sam import photograph

IMAGE = photograph(90, 140)
POINT = {"point_coords": np.array([[45.0, 50.0]]), "point_labels": np.array([1])}


@pytest.fixture(autouse=True)
def own_cache(tmp_path_factory, monkeypatch):
    monkeypatch.setenv("MASKWRIGHT_CACHE_DIR", str(tmp_path_factory.getbasetemp() / "decoder-cache"))


@pytest.fixture(scope="module")
def tiny(tiny_dir):
    predictor = load_predictor(tiny_dir, device="cpu")
    predictor.set_image(IMAGE)
    return predictor


@pytest.fixture(scope="module")
def tiny_onnx(tiny_dir, tmp_path_factory):
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("MASKWRIGHT_CACHE_DIR", str(tmp_path_factory.getbasetemp() / "decoder-cache"))
        predictor = load_predictor(tiny_dir, predict_onnx=True, device="cpu")
    predictor.set_image(IMAGE)
    return predictor


def test_three_candidates_or_the_one_mask(tiny):
    masks, iou_predictions, low_res_logits = tiny.predict(**POINT)
    assert (masks.shape, masks.dtype) == ((3, 90, 140), bool)
    assert iou_predictions.shape == (3,)
    assert (low_res_logits.shape, low_res_logits.dtype) == ((3, 256, 256), np.float32)

    one_mask, one_iou, one_logits = tiny.predict(**POINT, multimask_output=False)
    assert (one_mask.shape, one_iou.shape, one_logits.shape) == ((1, 90, 140), (1,), (1, 256, 256))

    all_logits, all_iou = tiny.predict_raw(**POINT)
    np.testing.assert_array_equal(all_logits, np.concatenate([one_logits, low_res_logits]))
    np.testing.assert_array_equal(all_iou, np.concatenate([one_iou, iou_predictions]))


def test_masks_are_the_logits_cut_at_the_threshold(tiny):
    masks, _, _ = tiny.predict(**POINT)
    logits, _, _ = tiny.predict(**POINT, return_logits=True)
    assert logits.dtype == np.float32
    np.testing.assert_array_equal(masks, logits > 0)
    assert masks.any() and not masks.all()


def test_low_res_logits_go_back_in_as_mask_input(tiny):
    _, _, logits = tiny.predict(**POINT)
    _, _, refined = tiny.predict(**POINT, mask_input=logits[:1])
    assert np.abs(refined - logits).max() > 0.01


@pytest.mark.parametrize(
    "prompt",
    [
        POINT,
        {"box": [10, 20, 80, 70]},
        {"point_coords": [[5, 5], [99, 40], [139, 89]], "point_labels": [1, 0, 1], "box": [0, 0, 139, 89]},
        {"mask_input": np.full((1, 256, 256), 3.0)},
        POINT | {"mask_input": np.linspace(-9, 9, 65536).reshape(1, 256, 256)},
    ],
    ids=["point", "box", "points and box", "mask", "point and mask"],
)
def test_onnxruntime_answers_as_torch_does(tiny, tiny_onnx, prompt):
    logits, iou = tiny.predict_raw(**prompt)
    onnx_logits, onnx_iou = tiny_onnx.predict_raw(**prompt)
    # Float32 on both sides, another order of additions; the logits are some units wide.
    np.testing.assert_allclose(onnx_logits, logits, atol=1e-3)
    np.testing.assert_allclose(onnx_iou, iou, atol=1e-3)


def test_stored_embedding_answers_almost_as_the_image(tiny_dir, tiny):
    content = write_embedding(ImageEncoder(tiny_dir, "cpu").encode(IMAGE), tiny.manifest.digest, (90, 140))
    file = read_embedding(content)
    stored = load_predictor(tiny_dir, device="cpu")
    stored.set_embedding(file.tensors, file.image_hw, file.bundle_digest)

    masks, iou, _ = tiny.predict(**POINT)
    stored_masks, stored_iou, _ = stored.predict(**POINT)
    # What is left is the rounding of the embedding to float16.
    np.testing.assert_allclose(stored_iou, iou, atol=1e-2)
    assert np.mean(stored_masks != masks) < 0.01


def test_bgr_is_rgb_turned_around(tiny_dir, tiny):
    other = load_predictor(tiny_dir, device="cpu")
    other.set_image(IMAGE[..., ::-1], image_format="BGR")
    name = "image_embeddings"
    np.testing.assert_array_equal(other.get_image_embedding()[name], tiny.get_image_embedding()[name])
    with pytest.raises(ValueError, match="RGB or BGR"):
        other.set_image(IMAGE, image_format="HSV")


@pytest.mark.parametrize("predict_onnx", [False, True])
def test_prompt_before_an_image_is_refused(tiny_dir, predict_onnx):
    predictor = load_predictor(tiny_dir, predict_onnx=predict_onnx, device="cpu")
    assert not predictor.is_image_set
    with pytest.raises(ImageNotSet, match="set_image"):
        predictor.predict(**POINT)


def test_image_that_is_refused_does_not_leave_the_last_one_behind(tiny_dir):
    predictor = load_predictor(tiny_dir, device="cpu")
    predictor.set_image(IMAGE)
    with pytest.raises(ImageMalformed):
        predictor.set_image(IMAGE.astype(np.float32))
    with pytest.raises(ImageNotSet):
        predictor.predict(**POINT)


@pytest.mark.parametrize(
    ("prompt", "sentence"),
    [
        ({}, "prompt is empty"),
        ({"point_coords": np.zeros((0, 2)), "point_labels": np.zeros(0)}, "prompt is empty"),
        ({"point_coords": [[np.nan, 1]], "point_labels": [1]}, "not finite"),
        ({"point_coords": [[1, 1, 1]], "point_labels": [1]}, r"\(N, 2\)"),
        ({"box": [1, 2, np.inf, 4]}, "not finite"),
        ({"mask_input": np.zeros((256, 256))}, r"\(1, 256, 256\)"),
        ({"mask_input": np.zeros((3, 256, 256))}, r"\(1, 256, 256\)"),
        ({"mask_input": np.zeros((1, 128, 128))}, r"\(1, 256, 256\)"),
        ({"mask_input": np.full((1, 256, 256), np.nan)}, "not finite"),
        ({"mask_input": "mask"}, "array of numbers"),
    ],
)
def test_malformed_prompt_is_refused_with_a_sentence(tiny, prompt, sentence):
    with pytest.raises(PromptError, match=sentence):
        tiny.predict(**prompt)


@pytest.mark.parametrize(
    ("image", "sentence"),
    [
        (np.zeros((8, 8), np.uint8), r"\(H, W, 3\)"),
        (np.zeros((8, 8, 4), np.uint8), r"\(H, W, 3\)"),
        (np.zeros((3, 8, 8), np.uint8), r"\(H, W, 3\)"),
        (np.zeros((0, 8, 3), np.uint8), "at least one pixel"),
        (np.zeros((8, 8, 3), np.float32), "uint8"),
        ([[[1, 2, 3]]], "uint8"),
    ],
)
def test_what_is_not_an_rgb_image_is_refused(tiny_dir, image, sentence):
    with pytest.raises(ImageMalformed, match=sentence):
        load_predictor(tiny_dir, device="cpu").set_image(image)


def test_embedding_of_another_bundle_is_refused(tiny, tiny_dir, other_tiny_dir):
    tensors = {name: tensor[0] for name, tensor in tiny.get_image_embedding().items()}
    other = load_predictor(other_tiny_dir, device="cpu")
    with pytest.raises(BundleDigestMismatch, match="other-tiny"):
        other.set_embedding(tensors, (90, 140), bundle_digest=tiny.manifest.digest)
    assert not other.is_image_set


@pytest.mark.parametrize(
    "tensors",
    [
        {},
        {"features": np.zeros((32, 64, 64))},
        {"image_embeddings": np.zeros((256, 64, 64))},
        {"image_embeddings": np.zeros((1, 32, 64, 64))},
        {"image_embeddings": np.zeros((32, 64, 64)), "more": np.zeros(1)},
        {"image_embeddings": np.full((32, 64, 64), np.nan)},
    ],
    ids=["none", "name", "channels", "batch axis", "too many", "not finite"],
)
def test_tensors_that_are_no_embedding_of_this_bundle_are_refused(tiny_dir, tensors):
    with pytest.raises(EmbeddingMalformed):
        load_predictor(tiny_dir, device="cpu").set_embedding(tensors, (90, 140))


def test_decoder_is_exported_once_and_kept(tiny_dir, monkeypatch, tmp_path):
    monkeypatch.setenv("MASKWRIGHT_CACHE_DIR", str(tmp_path / "cache"))
    load_predictor(tiny_dir, predict_onnx=True, device="cpu")
    path = tmp_path / "cache" / f"{load_manifest(tiny_dir).digest}.onnx"
    assert path.is_file()

    made = path.stat().st_mtime_ns
    load_predictor(tiny_dir, predict_onnx=True, device="cpu")
    assert path.stat().st_mtime_ns == made

    path.write_bytes(path.read_bytes()[:1000])
    load_predictor(tiny_dir, predict_onnx=True, device="cpu")
    assert path.stat().st_size > 1000


def test_cache_lies_in_the_users_cache_folder_unless_told_otherwise(monkeypatch, tmp_path):
    monkeypatch.delenv("MASKWRIGHT_CACHE_DIR")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert predictor_module.decoder_cache_dir() == tmp_path / "maskwright"
    monkeypatch.setenv("XDG_CACHE_HOME", "")
    assert predictor_module.decoder_cache_dir() == Path.home() / ".cache" / "maskwright"


def test_decoder_of_another_bundle_is_refused(tiny_dir, other_tiny_dir, tmp_path):
    export_decoder(other_tiny_dir, tmp_path / "other.onnx")
    with pytest.raises(DecoderMismatch, match="is wanted for"):
        load_predictor(tiny_dir, decoder_path=tmp_path / "other.onnx")


@pytest.mark.parametrize("content", [None, b"", b"not onnx"])
def test_file_that_is_no_decoder_is_refused(tiny_dir, tmp_path, content):
    path = tmp_path / "decoder.onnx"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(DecoderMismatch):
        load_predictor(tiny_dir, decoder_path=path)


def test_unknown_bundle_and_device_are_refused(tiny_dir, tmp_path):
    with pytest.raises(BundleNotFound):
        load_predictor("absent", bundle_dirs=(tmp_path,))
    with pytest.raises(DeviceUnavailable):
        load_predictor(tiny_dir, device="cuda:99")
    with pytest.raises(DeviceUnavailable):
        load_predictor(tiny_dir, device="abacus")


def test_bundle_is_found_by_name_where_told_to_look(tiny_dir):
    assert load_predictor("tiny", device="cpu", bundle_dirs=(tiny_dir.parent,)).manifest.name == "tiny"


def test_stored_embedding_and_onnx_need_no_torch(tiny_dir, tiny, tiny_onnx):
    """What the web process may do."""
    script = """
import sys
import numpy as np
from segmentation.predictor import load_predictor
predictor = load_predictor(sys.argv[1], predict_onnx=True)
predictor.set_embedding({"image_embeddings": np.zeros((32, 64, 64), np.float16)}, (90, 140))
predictor.predict(point_coords=[[1, 2]], point_labels=[1])
loaded = {"torch", "transformers", "onnx"} & set(sys.modules)
sys.exit(f"loaded {loaded}" if loaded else 0)
"""
    ran = subprocess.run(
        [sys.executable, "-c", script, str(tiny_dir)],
        cwd=Path(__file__).parents[2],
        env=os.environ.copy(),
        capture_output=True,
        text=True,
    )
    assert ran.returncode == 0, ran.stderr
