"""FastSAM's ONNX file, made a bundle, finds and chooses what its authors' own code does.

Its answers lie in tests/data/fast_sam_cases.safetensors (make_fast_sam_cases.py, which does the published sizes as
well).
"""

import io

import numpy as np
import onnx
import pytest
import safetensors.numpy
import torch
from onnx import TensorProto, helper

from segmentation import masks
from segmentation.bundle import Bundle, write_manifest
from segmentation.decoder import export_decoder
from segmentation.embedding_file import as_int8, read_embedding, write_embedding
from segmentation.encoder import preprocess
from segmentation.families import load_model
from segmentation.families.convert import convert, main
from segmentation.families.family import WeightsInvalid
from segmentation.families.fast_sam import onnx_file
from segmentation.families.fast_sam.instances import SCORE, SLOTS, find_instances
from segmentation.families.fast_sam.network import VARIANTS, manifest_fields
from segmentation.families.published import CheckpointInvalid
from segmentation.predictor import load_predictor
from tests.segmentation.fast_sam_world import (
    CASES,
    PICTURES,
    SAMPLE,
    SHORT,
    network,
    onnx_bytes,
    picture,
    prompts,
)

SIDE, CELLS = SHORT.input_side, SHORT.low_res_side
CELL = SIDE // CELLS


@pytest.fixture(scope="module")
def short():
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(VARIANTS, "short", SHORT)
        yield


@pytest.fixture(scope="module")
def published(tmp_path_factory):
    path = tmp_path_factory.mktemp("published") / "FastSAM-short.onnx"
    path.write_bytes(onnx_bytes())
    return path


@pytest.fixture(scope="module")
def bundle(short, published, tmp_path_factory):
    """The folder of a bundle, made by the command, and of its decoder in ONNX."""
    place = tmp_path_factory.mktemp("fast")
    options = ["--family", "fast_sam", "--variant", "short", "--name", "ours", "--out", str(place / "ours")]
    assert main(["--from-file", str(published), *options]) == 0
    manifest = Bundle.open(place / "ours").manifest
    assert (manifest.title, manifest.licence) == ("short", "AGPL-3.0")
    export_decoder(place / "ours", place / "decoder.onnx")
    return place


def predictor_of(bundle, decoder="torch"):
    return load_predictor(
        bundle / "ours", device="cpu", decoder_path=bundle / "decoder.onnx" if decoder == "onnx" else None
    )


def reference(instance_masks, points, labels, box):
    """The authors' point_prompt and box_prompt over masks (n, S, S), the smallest first, in cells of the masks."""
    if box:
        x0, y0, x1, y1 = (int(side * CELLS / SIDE) for side in box)
        shared = instance_masks[:, y0:y1, x0:x1].sum((1, 2))
        union = (x1 - x0) * (y1 - y0) + instance_masks.sum((1, 2)) - shared
        return instance_masks[np.argmax(shared / union)]
    answer = np.zeros((CELLS, CELLS), bool)
    for mask in instance_masks[::-1]:
        for (x, y), label in zip(points, labels, strict=True):
            if mask[int(y * CELLS / SIDE), int(x * CELLS / SIDE)]:
                answer[mask] = label == 1
    return answer


def masks_of(predictor):
    """(n, S, S) bool of the instances, from the embedding alone: prototypes by coefficients, cut to the boxes."""
    embedding = predictor.get_image_embedding()
    slots = embedding["instances"][0, :, 0]
    slots = slots[:, slots[SCORE] > 0]
    logits = np.tensordot(slots[SCORE + 1 :].T, embedding["prototypes"][0], 1)
    centres = (np.arange(CELLS) + 0.5) * CELL
    x0, y0, x1, y1 = slots[:SCORE, :, None]
    inside = ((centres > y0) & (centres < y1))[:, :, None] & ((centres > x0) & (centres < x1))[:, None]
    return (logits > 0) & inside


@pytest.mark.parametrize("image", PICTURES)
def test_it_finds_the_instances_that_the_original_finds(bundle, image):
    expected = safetensors.numpy.load_file(CASES)
    ours = predictor_of(bundle)
    ours.set_image(picture(image))
    slots = ours.get_image_embedding()["instances"][0, :, 0]
    boxes, scores = slots[:SCORE].T, slots[SCORE]
    count = int((scores > 0).sum())
    # An instance whose mask has no cell is none here; it is nothing to be chosen.
    assert 0.95 * SLOTS < count <= SLOTS == len(expected[f"{image}/boxes"])
    assert not slots[:, count:].any()
    theirs = np.column_stack([expected[f"{image}/boxes"].clip(0, SIDE), expected[f"{image}/scores"]])
    for box, score in zip(boxes[:count], scores[:count], strict=True):
        assert np.abs(theirs - [*box, score]).max(1).min() < 1e-3
    areas = masks_of(ours).sum((1, 2))
    assert np.all(np.diff(areas) >= 0) and areas[0] > 0


@pytest.mark.parametrize("decoder", ["torch", "onnx"])
@pytest.mark.parametrize("image", PICTURES)
def test_a_prompt_chooses_what_the_original_chooses(bundle, image, decoder):
    expected = safetensors.numpy.load_file(CASES)
    ours = predictor_of(bundle, decoder)
    ours.set_image(picture(image))
    found = masks_of(ours)
    answered, agreeing = 0, []
    for kind, (points, labels, box) in prompts(image).items():
        low, rated = ours.predict_raw(points or None, labels or None, box)
        assert np.array_equal(low[0] > 0, reference(found, points, labels, box)), kind
        answered += (low[0] > 0).any()
        assert (rated[0] > 0.4) == (kind != "a point that is not it" and rated[0] != 0)
        # The original chooses among masks that were enlarged first, ours among those of the prototypes' size.
        shown = (masks.postprocess(low[:1], ours.present_frame())[0] > 0)[SAMPLE]
        theirs = np.unpackbits(expected[f"{image}/{kind}"], count=shown.size).reshape(shown.shape).astype(bool)
        agreeing.append((shown & theirs).sum() / max((shown | theirs).sum(), 1) if theirs.any() else 1.0)
    print(np.round(agreeing, 3))
    assert answered >= 8
    assert np.median(agreeing) > 0.97
