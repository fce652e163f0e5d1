"""Adding a family changes nothing outside its folder and the table: a toy goes from image to decoder file.

tests/annotator/test_third_family.py and tests/e2e/test_third_family.py take it on to the site and the browser.
"""

import json

import numpy as np
import pytest

from segmentation import masks
from segmentation.bundle import DEFAULT_OUTPUTS, ManifestInvalid, load_manifest
from segmentation.decoder import DecoderMismatch, export_decoder
from segmentation.decoder.package import export_package, has_package
from segmentation.embedding_file import read_embedding, write_embedding
from segmentation.encoder import ImageEncoder
from segmentation.families import FAMILIES, UnknownFamily, load_model, recipe_of, trainable
from segmentation.predictor import load_predictor
from segmentation.prompts import candidate_order
from tests.segmentation.toy import FAMILY, OUTPUTS, make_toy_bundle

IMAGE = np.random.default_rng(2).integers(0, 256, (50, 80, 3), dtype=np.uint8)
PROMPTS = [
    {"point_coords": [[20, 30]], "point_labels": [1]},
    {"point_coords": [[20, 30], [60, 10]], "point_labels": [1, 0]},
    {"box": [10, 10, 60, 40]},
]


@pytest.fixture
def toy(tmp_path, monkeypatch):
    """The folder of a toy bundle, while the table has the toy's row."""
    monkeypatch.setitem(FAMILIES, FAMILY.name, FAMILY)
    make_toy_bundle(tmp_path / "toy")
    return tmp_path / "toy"


def test_a_bundle_of_a_family_without_a_row_is_refused(tmp_path):
    make_toy_bundle(tmp_path / "toy")
    with pytest.raises(UnknownFamily, match="'toy'; known: efficient_sam, fast_sam, pocket, sam, sam2"):
        load_model(tmp_path / "toy")


def test_the_manifest_says_the_outputs_and_the_digest_covers_them(toy, tmp_path):
    assert load_manifest(toy).outputs == OUTPUTS
    other = make_toy_bundle(tmp_path / "other", outputs=OUTPUTS.as_dict() | {"single": 0})
    assert other.digest != load_manifest(toy).digest


@pytest.mark.parametrize(
    "outputs",
    [
        {"count": 5, "single": 5, "candidates": [0]},
        {"count": 5, "single": 0, "candidates": [1, 5]},
        {"count": 5, "single": 0, "candidates": [1, 1]},
        {"count": 0, "single": 0, "candidates": []},
        {"count": 5, "single": 0},
        {"count": 5, "single": True, "candidates": [1]},
        {"count": 5, "single": None, "candidates": []},
        [5, 0, [1]],
        None,
    ],
)
def test_outputs_that_cannot_be_are_refused(tmp_path, outputs):
    with pytest.raises(ManifestInvalid, match="outputs must be"):
        make_toy_bundle(tmp_path / "toy", outputs=outputs)


def test_a_manifest_that_says_nothing_means_sams_four_and_its_padding(tiny_dir):
    assert not {"outputs", "fit", "takes_mask"} & set(json.loads((tiny_dir / "manifest.json").read_text()))
    assert load_manifest(tiny_dir).outputs == DEFAULT_OUTPUTS
    assert load_manifest(tiny_dir).fit == "pad"
    assert load_manifest(tiny_dir).takes_mask is True


@pytest.mark.parametrize("takes_mask", ["yes", None, 2])
def test_whether_a_mask_is_taken_is_said_by_true_or_false(tmp_path, takes_mask):
    with pytest.raises(ManifestInvalid, match="takes_mask must be true or false"):
        make_toy_bundle(tmp_path / "toy", takes_mask=takes_mask)


@pytest.mark.parametrize("fit", ["crop", None, 1])
def test_an_unknown_way_into_the_square_is_refused(tmp_path, fit):
    with pytest.raises(ManifestInvalid, match="fit must be 'pad' or 'stretch'"):
        make_toy_bundle(tmp_path / "toy", fit=fit)


def test_both_tensors_go_through_an_embedding_file(toy):
    encoder = ImageEncoder(toy, "cpu")
    content = write_embedding(encoder.encode(IMAGE), encoder.manifest.digest, IMAGE.shape[:2])
    stored = read_embedding(content, encoder.manifest.digest)
    assert {name: tensor.shape for name, tensor in stored.tensors.items()} == dict(encoder.manifest.embedding)


def test_the_predictor_gives_the_candidates_or_the_single_mask(toy):
    predictor = load_predictor(toy, device="cpu")
    predictor.set_image(IMAGE)
    logits, rated = predictor.predict_raw(**PROMPTS[0])
    assert (logits.shape, rated.shape) == ((5, 32, 32), (5,))
    several, ratings, low_res = predictor.predict(**PROMPTS[0])
    assert several.shape == (4, 50, 80)
    np.testing.assert_array_equal(low_res, logits[:4])
    np.testing.assert_array_equal(ratings, rated[:4])
    (one,), _, low_res = predictor.predict(**PROMPTS[0], multimask_output=False)
    np.testing.assert_array_equal(low_res, logits[4:])
    np.testing.assert_array_equal(one, masks.postprocess(logits[4:], predictor.frame)[0] > 0.25)


def test_the_exported_decoder_answers_as_torch_does(toy, tmp_path):
    report = export_decoder(toy, tmp_path / "toy.onnx")
    assert (report.family, report.prompts) == ("toy", 17)
    with_torch = load_predictor(toy, device="cpu")
    with_onnx = load_predictor(toy, device="cpu", decoder_path=tmp_path / "toy.onnx")
    for predictor in (with_torch, with_onnx):
        predictor.set_image(IMAGE)
    previous = None
    for prompt in PROMPTS:
        expected, actual = (p.predict_raw(**prompt, mask_input=previous) for p in (with_torch, with_onnx))
        np.testing.assert_allclose(actual[0], expected[0], atol=1e-4)
        np.testing.assert_allclose(actual[1], expected[1], atol=1e-5)
        assert candidate_order(actual[1], OUTPUTS, 2)[0] == 4
        previous = expected[0][4:]


def test_a_decoder_with_other_outputs_than_the_manifest_promises_is_refused(tmp_path, monkeypatch):
    monkeypatch.setitem(FAMILIES, FAMILY.name, FAMILY)
    make_toy_bundle(tmp_path / "toy", outputs=DEFAULT_OUTPUTS.as_dict())
    with pytest.raises(DecoderMismatch, match=r"gives logits \(1, 5, 32, 32\), its manifest promises \(1, 4"):
        export_decoder(tmp_path / "toy", tmp_path / "toy.onnx")
    assert not list(tmp_path.glob("*.onnx"))


def test_what_the_row_does_not_name_the_family_does_not_have(toy, tmp_path):
    assert not has_package("toy")
    with pytest.raises(DecoderMismatch, match="is of family toy: its decoder is one graph"):
        export_package(toy, tmp_path / "toy.safetensors")
    assert "toy" not in trainable()
    with pytest.raises(UnknownFamily, match="'toy' cannot be trained here; those that can: pocket"):
        recipe_of("toy")
