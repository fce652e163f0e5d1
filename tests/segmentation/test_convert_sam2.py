import json
from pathlib import Path

import pytest
import safetensors.torch
import torch

from segmentation.bundle import BundleError, load_manifest
from segmentation.families import load_model
from segmentation.families.published import CheckpointInvalid
from segmentation.families.sam2.network import VARIANTS, Sam2Network
from segmentation.families.sam2.published import convert, convert_state
from tests.segmentation.sam2_world import SHORT, SHORT_EDGETAM, random_state

CASES = Path(__file__).parents[1] / "data/sam2_cases.safetensors"


@pytest.fixture(scope="module")
def state():
    """Of the short network, in Meta's layout, with what is for videos."""
    with safetensors.safe_open(CASES, "np") as file:
        shapes = json.loads(file.metadata()["states"])["sam2"]
    return random_state({name: tuple(shape) for name, shape in shapes.items()})


@pytest.fixture(autouse=True)
def short(monkeypatch):
    monkeypatch.setitem(VARIANTS, "short", SHORT)


@pytest.fixture
def checkpoint(state, tmp_path):
    path = tmp_path / "sam2.1_hiera_short.pt"
    torch.save({"model": state}, path)
    return path


def test_bundle_from_a_checkpoint_is_whole_and_loads(checkpoint, tmp_path):
    manifest = convert(checkpoint, "short", "sam2-short", tmp_path / "out" / "sam2-short")
    assert load_manifest(tmp_path / "out" / "sam2-short") == manifest
    assert (manifest.family, manifest.variant, manifest.title) == ("sam2", "short", "SAM 2.1 short")
    assert (manifest.fit, manifest.low_res_side, manifest.outputs.count) == ("stretch", 64, 4)
    assert manifest.embedding == {
        "image_embeddings": (32, 16, 16), "high_res_stride_8": (8, 32, 32), "high_res_stride_4": (4, 64, 64)
    }  # fmt: skip
    load_model(tmp_path / "out" / "sam2-short")
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["sam2-short"]


def test_sam_2_and_2_1_are_told_apart_by_their_title(state, tmp_path):
    older = {name: t for name, t in state.items() if name not in ("no_obj_embed_spatial",)}
    torch.save({"model": older}, tmp_path / "sam2_hiera_short.pt")
    assert convert(tmp_path / "sam2_hiera_short.pt", "short", "x", tmp_path / "x").title == "SAM 2 short"


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_a_file_of_halves_is_taken_as_float32(state, tmp_path, dtype):
    torch.save({"model": {name: tensor.to(dtype) for name, tensor in state.items()}}, tmp_path / "half.pt")
    convert(tmp_path / "half.pt", "short", "half", tmp_path / "half")
    weights = safetensors.torch.load_file(tmp_path / "half" / "weights.safetensors")
    assert {tensor.dtype for tensor in weights.values()} == {torch.float32}
    expected = state["sam_mask_decoder.iou_token.weight"].to(dtype).float()
    assert torch.equal(weights["mask_decoder.iou_token.weight"], expected)


def test_weights_that_are_not_numbers_are_refused_by_name(state):
    broken = state["sam_mask_decoder.conv_s0.weight"].clone()
    broken[0] = torch.nan
    with pytest.raises(
        CheckpointInvalid, match=r"mask_decoder.conv_s0.weight holds values that are not finite"
    ):
        convert_state(state | {"sam_mask_decoder.conv_s0.weight": broken}, SHORT)


@pytest.mark.parametrize(("is_of", "asked"), [("small", "tiny"), ("large", "base_plus"), ("tiny", "large")])
def test_another_variant_is_refused_by_its_name(is_of, asked):
    with torch.device("meta"):
        theirs = Sam2Network(VARIANTS[is_of]).state_dict()
    with pytest.raises(CheckpointInvalid, match=f"weights of {is_of}; convert them with --variant {is_of}"):
        convert_state(theirs, VARIANTS[asked])


@pytest.mark.parametrize(
    ("name", "whose"),
    [
        (
            "image_encoder.layers.0.blocks.0.conv1.c.weight",
            "MobileSAM, or of TinySAM .*, not of SAM 2: .* --family sam",
        ),
        ("detector.backbone.x", "SAM 3, not of SAM 2: this version"),
    ],
)
def test_another_family_is_named(name, whose):
    others = {name: torch.zeros(1), "mask_decoder.iou_token.weight": torch.zeros(1, 4)}
    with pytest.raises(CheckpointInvalid, match=f"the weights of {whose}"):
        convert_state(others, SHORT)


@pytest.mark.parametrize(("is_of", "asked"), [("edgetam", "tiny"), ("tiny", "edgetam")])
def test_edgetam_and_sam_2_are_told_apart(is_of, asked):
    with torch.device("meta"):
        theirs = Sam2Network(VARIANTS[is_of]).state_dict()
    with pytest.raises(CheckpointInvalid, match=f"weights.*convert them with --variant {is_of}"):
        convert_state(theirs, VARIANTS[asked])


def test_edgetam_has_no_batch_norms_in_the_bundle(tmp_path, monkeypatch):
    monkeypatch.setitem(VARIANTS, "short-edgetam", SHORT_EDGETAM)
    with safetensors.safe_open(CASES, "np") as file:
        shapes = json.loads(file.metadata()["states"])["edgetam"]
    torch.save(
        {"model": random_state({name: tuple(s) for name, s in shapes.items()})}, tmp_path / "edgetam.pt"
    )
    manifest = convert(tmp_path / "edgetam.pt", "short-edgetam", "x", tmp_path / "x")
    assert manifest.title == "EdgeTAM"
    weights = safetensors.torch.load_file(tmp_path / "x" / "weights.safetensors")
    assert "vision_encoder.backbone.timm_model.stages_0.blocks.0.token_mixer.bias" in weights
    assert not [name for name in weights if ".bn." in name]
    load_model(tmp_path / "x")


def test_missing_left_over_and_misshapen_tensors_are_named(state):
    token = "sam_mask_decoder.iou_token.weight"
    with pytest.raises(CheckpointInvalid, match="1 tensors are missing .mask_decoder.iou_token.weight"):
        convert_state({name: tensor for name, tensor in state.items() if name != token}, SHORT)
    with pytest.raises(CheckpointInvalid, match="1 are not known .mask_decoder.extra"):
        convert_state(state | {"sam_mask_decoder.extra": torch.zeros(1)}, SHORT)
    with pytest.raises(CheckpointInvalid, match=r"iou_token.weight is .2, 2."):
        convert_state(state | {token: torch.zeros(2, 2)}, SHORT)
    one_kind = "sam_prompt_encoder.point_embeddings.3.weight"
    with pytest.raises(CheckpointInvalid, match="missing .prompt_encoder.point_embed.weight"):
        convert_state({name: tensor for name, tensor in state.items() if name != one_kind}, SHORT)


@pytest.mark.parametrize("kept", [0, 3, 1000, 0.5, 0.999])
def test_cut_off_checkpoint_is_refused_and_leaves_nothing(checkpoint, tmp_path, kept):
    whole = checkpoint.read_bytes()
    checkpoint.write_bytes(whole[: kept if isinstance(kept, int) else int(kept * len(whole))])
    with pytest.raises(CheckpointInvalid, match="cut off, damaged or something else"):
        convert(checkpoint, "short", "broken", tmp_path / "broken")
    assert list(tmp_path.iterdir()) == [checkpoint]


class RunsWhenLoaded:
    def __reduce__(self):
        return print, ("code in a checkpoint ran",)


def test_code_in_a_checkpoint_does_not_run(tmp_path, capsys):
    torch.save({"model": {"weight": RunsWhenLoaded()}}, tmp_path / "evil.pt")
    with pytest.raises(CheckpointInvalid):
        convert(tmp_path / "evil.pt", "short", "evil", tmp_path / "evil")
    assert "ran" not in capsys.readouterr().out


def test_a_folder_must_hold_all_of_its_weights(state, tmp_path):
    folder = tmp_path / "sam2.1-hiera-short"
    folder.mkdir()
    with pytest.raises(CheckpointInvalid, match=r"has no model.safetensors"):
        convert(folder, "short", "x", tmp_path / "x")
    (folder / "model.safetensors").write_bytes(b"version https://git-lfs.github.com/spec/v1\n")
    with pytest.raises(CheckpointInvalid, match="cannot be read as safetensors: it is cut off"):
        convert(folder, "short", "x", tmp_path / "x")
    (folder / "model.safetensors").unlink()
    names = sorted(state)
    parts = {"a.safetensors": names[::2], "b.safetensors": names[1::2]}
    listed = {"weight_map": {name: part for part, held in parts.items() for name in held}}
    (folder / "model.safetensors.index.json").write_text(json.dumps(listed))
    safetensors.torch.save_file({name: state[name] for name in names[::2]}, folder / "a.safetensors")
    with pytest.raises(CheckpointInvalid, match="lacks b.safetensors: its download is not complete"):
        convert(folder, "short", "x", tmp_path / "x")
    safetensors.torch.save_file({name: state[name] for name in names[1::2]}, folder / "b.safetensors")
    assert convert(folder, "short", "x", tmp_path / "x").variant == "short"


def test_existing_folder_is_not_overwritten(checkpoint, tmp_path):
    (tmp_path / "mine").mkdir()
    with pytest.raises(BundleError, match="exists already"):
        convert(checkpoint, "short", "mine", tmp_path / "mine")
