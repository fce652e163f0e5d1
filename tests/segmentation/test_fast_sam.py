"""FastSAM's ONNX file, made a bundle, finds and chooses what its authors' own code does.

Its answers lie in tests/data/fast_sam_cases.safetensors (make_fast_sam_cases.py, which does the published sizes as
well).
"""

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
    masks_of,
    onnx_bytes,
    picture,
    prompts,
)

SIDE, CELLS = SHORT.input_side, SHORT.low_res_side
CELL = SIDE // CELLS
PUBLISHED = dict(VARIANTS)


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


@pytest.mark.parametrize("image", PICTURES)
def test_it_finds_the_instances_that_the_original_finds(bundle, image):
    expected = safetensors.numpy.load_file(CASES)
    ours = predictor_of(bundle)
    ours.set_image(picture(image))
    slots = ours.get_image_embedding()["instances"][0, :, 0]
    boxes, scores = slots[:SCORE].T, slots[SCORE]
    count = int((scores > 0).sum())
    # An instance whose mask has no cell is none here; it is nothing to be chosen.
    assert 0.9 * SLOTS < count <= SLOTS == len(expected[f"{image}/boxes"])
    assert not slots[:, count:].any()
    theirs = np.column_stack([expected[f"{image}/boxes"].clip(0, SIDE), expected[f"{image}/scores"]])
    for box, score in zip(boxes[:count], scores[:count], strict=True):
        assert np.abs(theirs - [*box, score]).max(1).min() < 1e-3
    areas = masks_of(ours.get_image_embedding()).sum((1, 2))
    assert np.all(np.diff(areas) >= 0) and areas[0] > 0


@pytest.mark.parametrize("decoder", ["torch", "onnx"])
@pytest.mark.parametrize("image", PICTURES)
def test_a_prompt_chooses_what_the_original_chooses(bundle, image, decoder):
    expected = safetensors.numpy.load_file(CASES)
    ours = predictor_of(bundle, decoder)
    ours.set_image(picture(image))
    answered, agreeing = 0, []
    for kind, (points, labels, box) in prompts(image).items():
        low, rated = ours.predict_raw(points or None, labels or None, box)
        # The authors' own rules over the instances' masks of the prototypes' size.
        cells = np.unpackbits(expected[f"{image}/{kind}/cells"]).reshape(CELLS, CELLS)
        assert np.array_equal(low[0] > 0, cells), kind
        answered += (low[0] > 0).any()
        assert (rated[0] > 0.4) == (kind != "a point that is not it" and rated[0] != 0)
        # And from end to end: the original chooses among masks that were enlarged first.
        shown = (masks.postprocess(low[:1], ours.present_frame())[0] > 0)[SAMPLE]
        theirs = (
            np.unpackbits(expected[f"{image}/{kind}"], count=shown.size).reshape(shown.shape).astype(bool)
        )
        agreeing.append((shown & theirs).sum() / max((shown | theirs).sum(), 1) if theirs.any() else 1.0)
    assert answered >= 8
    # Of two instances that fit a box nearly as well, either may be the better one in cells or in pixels.
    assert np.median(agreeing) > 0.93 and np.mean(np.array(agreeing) > 0.7) > 0.9, agreeing


def candidates_of(found, points, labels, box):
    """Indices of the instances that are offered beside the answer, as docs/bundles.md says it."""
    cells = [
        (int(y * CELLS / SIDE), int(x * CELLS / SIDE), label)
        for (x, y), label in zip(points, labels, strict=True)
    ]
    fitting = [k for k, mask in enumerate(found) if all(mask[y, x] == (label == 1) for y, x, label in cells)]
    if not box:
        return [*fitting[:2], *fitting[2:][-1:]] if 1 in labels else []
    x0, y0, x1, y1 = (int(side * CELLS / SIDE) for side in box)
    shared = found[:, y0:y1, x0:x1].sum((1, 2))
    overlap = shared / ((x1 - x0) * (y1 - y0) + found.sum((1, 2)) - shared)
    return sorted((k for k in fitting if overlap[k] > 0), key=lambda k: -overlap[k])[:3]


@pytest.mark.parametrize("decoder", ["torch", "onnx"])
def test_part_object_and_whole_are_single_instances(bundle, decoder):
    ours = predictor_of(bundle, decoder)
    ours.set_image(picture("two"))
    found = masks_of(ours.get_image_embedding())
    scores = ours.get_image_embedding()["instances"][0, SCORE, 0]
    asked = prompts("two")
    asked |= {f"{kind} and points": (*asked["points 3"][:2], asked[kind][2]) for kind in ("box 0", "box 1")}
    whole_box = [2, 3, 250, 251]
    asked["a wide box and a point"] = [asked["points 1"][0][0]], [1], whole_box
    counts = set()
    for kind, (points, labels, box) in asked.items():
        low, rated = ours.predict_raw(points or None, labels or None, box)
        expected = candidates_of(found, points, labels, box)
        counts.add(len(expected))
        for place in range(3):
            if place < len(expected):
                assert np.array_equal(low[1 + place] > 0, found[expected[place]]), (kind, place)
                assert rated[1 + place] == pytest.approx(scores[expected[place]])
            else:
                assert rated[1 + place] == 0 and (low[1 + place] < 0).all(), (kind, place)
        if box and expected:
            # A box with points is answered by an instance that agrees with both.
            assert np.array_equal(low[0], low[1]) and rated[0] == rated[1], kind
    assert {0, 3} <= counts


def test_points_that_no_instance_agrees_with_change_what_the_box_chose(bundle):
    ours = predictor_of(bundle)
    ours.set_image(picture("two"))
    found = masks_of(ours.get_image_embedding())
    box = prompts("two")["box 0"][2]
    (chosen,) = candidates_of(found, [], [], box)[:1]
    # A point in it and a point that is not it in the same cell: no instance has one without the other.
    y, x = (int(place[0]) * CELL + 1 for place in found[chosen].nonzero())
    points, labels = [[x, y], [x, y]], [1, 0]
    assert not candidates_of(found, points, labels, box)
    low, _ = ours.predict_raw(points, labels, box)
    expected = found[chosen].copy()
    for mask in found[::-1]:
        if mask[y // CELL, x // CELL]:
            expected[mask] = False
    assert np.array_equal(low[0] > 0, expected)


@pytest.mark.parametrize("decoder", ["torch", "onnx"])
def test_where_nothing_was_found_every_mask_is_empty(bundle, decoder):
    ours = predictor_of(bundle, decoder)
    manifest = ours.manifest
    ours.set_embedding(
        {name: np.zeros(shape, np.float32) for name, shape in manifest.embedding.items()}, (SIDE, SIDE)
    )
    side = manifest.low_res_side
    for prompt in (
        {"point_coords": [[9, 9]], "point_labels": [1]},
        {"box": [3, 3, 60, 60]},
        {"box": [3, 3, 3, 3], "point_coords": [[9, 9]], "point_labels": [0]},
        {"mask_input": np.full((1, side, side), 9.0)},
    ):
        low, rated = ours.predict_raw(**prompt)
        assert (low < 0).all() and not rated.any()


def test_a_mask_input_has_no_effect(bundle):
    ours = predictor_of(bundle, "onnx")
    ours.set_image(picture("two"))
    prompt = {"point_coords": prompts("two")["points 2"][0], "point_labels": [1, 1]}
    mask = np.random.default_rng(1).normal(0, 5, (1, CELLS, CELLS))
    for without, with_mask in zip(
        ours.predict_raw(**prompt), ours.predict_raw(**prompt, mask_input=mask), strict=True
    ):
        assert np.array_equal(without, with_mask)
    graph = onnx.load(str(bundle / "decoder.onnx")).graph
    names = ["prototypes", "instances", "point_coords", "point_labels", "mask_input", "has_mask_input"]
    assert [given.name for given in graph.input] == names


@pytest.mark.parametrize("form", ["float16", "int8"])
def test_a_stored_embedding_chooses_the_same(bundle, form):
    ours = predictor_of(bundle)
    ours.set_image(picture("two"))
    exact = {
        kind: ours.predict_raw(*(part or None for part in prompt))[0]
        for kind, prompt in prompts("two").items()
    }
    stored = write_embedding(
        {name: tensor[0] for name, tensor in ours.get_image_embedding().items()},
        ours.manifest.digest,
        (SIDE, SIDE),
    )
    stored = as_int8(stored) if form == "int8" else stored
    ours.set_embedding(read_embedding(stored).tensors, (SIDE, SIDE))
    agreeing = []
    for kind, (points, labels, box) in prompts("two").items():
        shown, before = (
            low[0] > 0 for low in (ours.predict_raw(points or None, labels or None, box)[0], exact[kind])
        )
        agreeing.append((shown & before).sum() / (shown | before).sum() if before.any() else 1 - shown.mean())
    assert np.median(agreeing) > (0.99 if form == "float16" else 0.9), agreeing


def test_the_network_sees_0_to_1_and_grey_around(bundle):
    model = load_model(bundle / "ours")
    manifest = Bundle.open(bundle / "ours").manifest
    seen = []
    model._session = type(
        "",
        (),
        {"get_inputs": lambda self: [type("", (), {"name": "images"})], "run": lambda *a: seen.append(a)},
    )()
    image = picture("one")[:, :100]
    model.run(
        torch.from_numpy(preprocess(image, SIDE, manifest.pixel_mean, manifest.pixel_std, manifest.fit))
    )
    pixels = seen[0][2]["images"]
    np.testing.assert_allclose(pixels[0, :, :, :100], image.transpose(2, 0, 1) / 255, atol=1e-6)
    np.testing.assert_allclose(pixels[0, :, :, 100:], 114 / 255, atol=1e-6)


def test_the_border_draws_boxes_that_come_near_it():
    predictions = np.zeros((5 + 32, 5), np.float32)
    #                        centre x, y, width, height; score
    predictions[:5, 0] = 60, 60, 100, 100, 0.9  # from 10 to 110
    predictions[:5, 1] = 61, 60, 100, 100, 0.8  # overlaps it by more than .9
    predictions[:5, 2] = 128, 125, 250, 240, 0.7  # nearly everything
    predictions[:5, 3] = 150, 150, 40, 40, 0.4  # not more than the threshold
    predictions[:5, 4] = 150, 150, 40, 40, 0.41  # of no mask
    predictions[5] = 1, 1, 1, 1, -1
    prototypes = np.ones((32, CELLS, CELLS), np.float32)
    slots = find_instances(predictions, prototypes, SIDE)
    assert slots[:4, 0].tolist() == [0, 0, 110, 110] and slots[SCORE, 0] == np.float32(0.9)
    assert slots[:4, 1].tolist() == [0, 0, SIDE, SIDE] and slots[SCORE, 1] == np.float32(0.7)
    assert not slots[:, 2:].any() and slots.shape == (37, SLOTS)


def changed(change):
    model = onnx.load_model_from_string(onnx_bytes())
    change(model)
    return model.SerializeToString()


def in_another_file(model):
    onnx.external_data_helper.set_external_data(model.graph.initializer[0], "/etc/passwd")
    model.graph.initializer[0].ClearField("raw_data")


def with_a_loop(model):
    body = helper.make_graph([], "body", [], [])
    model.graph.node.append(helper.make_node("Loop", ["", ""], [], body=body))


def with_sparse_weights(model):
    values = helper.make_tensor("v", TensorProto.FLOAT, [1], [1.0])
    indices = helper.make_tensor("i", TensorProto.INT64, [1], [0])
    sparse = helper.make_sparse_tensor(values, indices, [4])
    model.graph.node.append(helper.make_node("Constant", [], ["sparse"], sparse_value=sparse))


def constant_in_another_file(model):
    value = helper.make_tensor("v", TensorProto.FLOAT, [1], [1.0])
    value.data_location = TensorProto.EXTERNAL
    model.graph.node.append(helper.make_node("Constant", [], ["far"], value=value))


def with_a_function(model):
    model.functions.append(
        helper.make_function("own", "F", ["a"], ["b"], [helper.make_node("Identity", ["a"], ["b"])], [])
    )


def of_two_classes(model):
    model.graph.output[0].type.tensor_type.shape.dim[1].dim_value += 1


def of_free_size(model):
    model.graph.input[0].type.tensor_type.shape.dim[0].dim_param = "batch"


def in_halves(model):
    model.graph.input[0].type.tensor_type.elem_type = TensorProto.FLOAT16


def of_another_stem(model):
    del model.graph.initializer[0].dims[:]
    model.graph.initializer[0].dims.extend([16, 3, 3, 3])


def of_another_library(model):
    model.graph.node[0].domain = "com.microsoft"


def not_a_number(model):
    bias = next(tensor for tensor in model.graph.initializer if tensor.name == "prototypes.bias")
    bias.raw_data = np.full(32, np.nan, np.float32).tobytes()


def of_a_negative_side(model):
    model.graph.initializer[0].dims[0] = -5


def with_a_huge_constant(model):
    shape = helper.make_tensor("huge_shape", TensorProto.INT64, [1], [2**30])
    model.graph.initializer.append(shape)
    model.graph.node.append(helper.make_node("ConstantOfShape", ["huge_shape"], ["huge"]))


def with_a_huge_weight(model):
    model.graph.initializer.append(TensorProto(name="w", data_type=TensorProto.FLOAT, dims=[2**62]))


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (of_a_negative_side, "negative side"),
        (with_a_huge_constant, r"huge in it has the shape \(1073741824,\), larger"),
        (with_a_huge_weight, "w in it has the shape .*, larger"),
        (in_another_file, "its weights lie in other files"),
        (constant_in_another_file, "its weights lie in other files"),
        (with_sparse_weights, "Constant holds .* sparse weights"),
        (with_a_loop, "Loop holds a graph of its own"),
        (with_a_function, "functions of its own"),
        (
            of_two_classes,
            r"gives \(1, 38, 1344\) .* FastSAM's takes \(1, 3, 256, 256\) and gives \(1, 37, 1344\)",
        ),
        (of_free_size, "takes a tensor of another kind or free size .* yolo export .* imgsz=256"),
        (in_halves, "takes a tensor of another kind"),
        (of_another_stem, "its first convolution gives 16 channels, not 8"),
        (of_another_library, "com.microsoft.Conv is not one of ONNX itself"),
        (not_a_number, "not finite"),
    ],
    ids=lambda part: getattr(part, "__name__", ""),
)
def test_a_file_that_is_not_such_a_network_is_refused(short, tmp_path, change, said):
    (tmp_path / "a.onnx").write_bytes(changed(change))
    with pytest.raises(CheckpointInvalid, match=said):
        convert(tmp_path / "a.onnx", "fast_sam", "short", "a", tmp_path / "a")
    assert [path.name for path in tmp_path.iterdir()] == ["a.onnx"]


def test_what_is_no_onnx_file_is_refused(short, published, tmp_path):
    cut = tmp_path / "cut.onnx"
    whole = published.read_bytes()
    # The last one is read by onnx, with a field that it does not know before the others, and as another format by
    # onnxruntime.
    unknown = b"\xfa\x01\x06\x00ORTM\x00"
    assert len(onnx.load_model_from_string(unknown + whole).graph.node) > 9
    for content in (b"", b"no", whole[:-1000], unknown + whole):
        cut.write_bytes(content)
        with pytest.raises(CheckpointInvalid, match="not an ONNX file, or it is cut off"):
            convert(cut, "fast_sam", "short", "a", tmp_path / "a")
    with pytest.raises(
        CheckpointInvalid, match=r"can run code .* .yolo export model=FastSAM-s.pt format=onnx imgsz=1024"
    ):
        convert(tmp_path / "FastSAM-s.pt", "fast_sam", "s", "a", tmp_path / "a")
    with pytest.raises(CheckpointInvalid, match="there is no file"):
        convert(tmp_path, "fast_sam", "s", "a", tmp_path / "a")
    with pytest.raises(CheckpointInvalid, match="cannot be stored in halves"):
        convert(published, "fast_sam", "short", "a", tmp_path / "a", half=True)
    with pytest.raises(CheckpointInvalid, match="variant must be one of s, x"):
        convert(published, "fast_sam", "m", "a", tmp_path / "a")


def test_the_variants_are_told_apart(short, published, tmp_path, monkeypatch):
    monkeypatch.setitem(VARIANTS, "other", type(SHORT)(title="Other", stem=9, input_side=SIDE))
    with pytest.raises(CheckpointInvalid, match="it is short; convert it with --variant short"):
        convert(published, "fast_sam", "other", "a", tmp_path / "a")


@pytest.mark.parametrize("content", [changed(in_another_file), b"no"], ids=["in_another_file", "no"])
def test_a_bundle_made_by_somebody_is_looked_through_as_well(short, tmp_path, content):
    held = {onnx_file.TENSOR: np.frombuffer(content, np.uint8)}
    safetensors.numpy.save_file(held, tmp_path / "weights.safetensors")
    write_manifest(tmp_path, manifest_fields("theirs", "short", "theirs", "MIT"))
    with pytest.raises(WeightsInvalid, match="of bundle theirs are not FastSAM's"):
        load_model(tmp_path)


def test_weights_of_others_are_refused(short, tmp_path):
    safetensors.numpy.save_file({"a": np.zeros(1, np.float32)}, tmp_path / "weights.safetensors")
    write_manifest(tmp_path, manifest_fields("theirs", "short", "theirs", "MIT"))
    with pytest.raises(WeightsInvalid, match=r"holds \['a'\], not the bytes of network.onnx"):
        load_model(tmp_path)


def test_the_published_networks_take_what_they_were_trained_with():
    for shape in PUBLISHED.values():
        assert shape.input_side == 1024 and shape.outputs == ((1, 37, 21504), (1, 32, 256, 256))
