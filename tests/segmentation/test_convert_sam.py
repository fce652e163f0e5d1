import zipfile

import pytest
import safetensors
import torch

from segmentation.bundle import BundleError, load_manifest
from segmentation.families import load_model
from segmentation.families.convert import convert, main
from segmentation.families.published import CheckpointInvalid, fitted, read_published, write_bundle
from segmentation.families.sam.names import to_meta, to_transformers
from segmentation.families.sam.network import VARIANTS, SamNetwork
from segmentation.families.sam.published import convert_state
from tests.segmentation.fast_sam_world import onnx_bytes
from tests.segmentation.original_sam import build_original, sam_model_registry


@pytest.fixture
def tiny_checkpoint(tmp_path, monkeypatch):
    """A checkpoint in Meta's format that stands for ViT-B's, and is small."""
    monkeypatch.setitem(VARIANTS, "vit_b", VARIANTS["tiny"])
    path = tmp_path / "tiny.pth"
    torch.save(build_original(VARIANTS["tiny"]).state_dict(), path)
    return path


@pytest.mark.parametrize("variant", ["vit_b", "vit_l", "vit_h"])
def test_every_published_tensor_finds_its_place_and_none_is_left_over(variant):
    with torch.device("meta"):
        original = sam_model_registry[variant]().state_dict()
        ours = SamNetwork(VARIANTS[variant]).state_dict()

    renamed = {to_transformers(key): tuple(tensor.shape) for key, tensor in original.items()}

    assert len(renamed) == len(original)
    assert renamed == {key: tuple(tensor.shape) for key, tensor in ours.items()}
    assert [to_meta(to_transformers(key)) for key in original] == list(original), "the table holds both ways"


def test_bundle_from_a_checkpoint_is_whole_and_loads(tiny_checkpoint, tmp_path):
    manifest = convert(tiny_checkpoint, "sam", "vit_b", "sam-vit-b", tmp_path / "out" / "sam-vit-b")

    assert load_manifest(tmp_path / "out" / "sam-vit-b") == manifest
    assert (manifest.family, manifest.variant, manifest.name) == ("sam", "vit_b", "sam-vit-b")
    assert manifest.pixel_mean == (123.675, 116.28, 103.53)
    load_model(tmp_path / "out" / "sam-vit-b")
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["sam-vit-b"]


def test_half_stores_half(tiny_checkpoint, tmp_path):
    convert(tiny_checkpoint, "sam", "vit_b", "whole", tmp_path / "whole")
    convert(tiny_checkpoint, "sam", "vit_b", "half", tmp_path / "half", half=True)

    with safetensors.safe_open(tmp_path / "half" / "weights.safetensors", "pt") as file:
        assert {file.get_tensor(key).dtype for key in file.keys()} == {torch.float16}
    assert all(parameter.dtype == torch.float32 for parameter in load_model(tmp_path / "half").parameters())


def test_checkpoint_of_another_variant_is_refused_by_its_name(tmp_path):
    with torch.device("meta"):
        state = sam_model_registry["vit_l"]().state_dict()
    with pytest.raises(CheckpointInvalid, match="--variant vit_l"):
        convert_state(state, VARIANTS["vit_b"])


@pytest.mark.parametrize("kept", [0, 1, 3, 1000, 0.5, 0.999])
def test_cut_off_checkpoint_is_refused_and_leaves_nothing(tiny_checkpoint, tmp_path, kept):
    whole = tiny_checkpoint.read_bytes()
    tiny_checkpoint.write_bytes(whole[: kept if isinstance(kept, int) else int(kept * len(whole))])
    with pytest.raises(CheckpointInvalid, match="cut off, damaged or something else"):
        convert(tiny_checkpoint, "sam", "vit_b", "broken", tmp_path / "broken")
    assert list(tmp_path.iterdir()) == [tiny_checkpoint]


@pytest.mark.parametrize(
    "content", [b"<html>not found</html>", b"PK\x03\x04", b"\x80\x02}q\x00.", b"\0" * 4096]
)
def test_file_that_is_no_checkpoint_is_refused(tmp_path, content):
    path = tmp_path / "sam.pth"
    path.write_bytes(content)
    with pytest.raises(CheckpointInvalid):
        convert_state(read_published(path), VARIANTS["vit_b"])


class RunsWhenLoaded:
    def __reduce__(self):
        return print, ("code in a checkpoint ran",)


def test_code_in_a_checkpoint_does_not_run(tmp_path, capsys):
    path = tmp_path / "evil.pth"
    torch.save({"weight": RunsWhenLoaded()}, path)
    with pytest.raises(CheckpointInvalid):
        read_published(path)
    assert "ran" not in capsys.readouterr().out


@pytest.mark.parametrize(
    ("content", "beginning"),
    [
        (b"<html>moved</html>", "it begins with '<html>moved</htm'"),
        (b"hello\n", "with 'hello"),
        (b"", "it is empty"),
    ],
)
def test_what_torch_advises_is_never_shown(tmp_path, content, beginning):
    """To load it with weights_only=False runs whatever code the file has."""
    (tmp_path / "sam.pth").write_bytes(content)
    with pytest.raises(CheckpointInvalid) as refused:
        read_published(tmp_path / "sam.pth")
    assert beginning in str(refused.value) and f"({len(content)} bytes)" in str(refused.value)
    assert "weights_only" not in str(refused.value) and "(101)" not in str(refused.value)


@pytest.mark.parametrize("name", ["fast.onnx", "fast.pth"])
def test_an_onnx_file_under_another_family_is_said_to_be_one(tmp_path, name):
    (tmp_path / name).write_bytes(onnx_bytes())
    with pytest.raises(BundleError, match="is an ONNX file: .*--family fast_sam"):
        convert(tmp_path / name, "sam", "vit_b", "x", tmp_path / "x")


def test_missing_file_is_refused(tmp_path):
    with pytest.raises(CheckpointInvalid, match="there is no file"):
        read_published(tmp_path / "absent.pth")


def test_wrapped_state_dict_is_refused_with_what_it_holds(tmp_path):
    path = tmp_path / "finetuned.pth"
    torch.save({"model": {"weight": torch.zeros(1)}, "epoch": 3}, path)
    with pytest.raises(CheckpointInvalid, match="epoch"):
        read_published(path)


def test_missing_left_over_and_misshapen_tensors_are_named():
    state = build_original(VARIANTS["tiny"]).state_dict()
    missing = {key: value for key, value in state.items() if key != "mask_decoder.iou_token.weight"}
    with pytest.raises(CheckpointInvalid, match="1 tensors are missing .mask_decoder.iou_token.weight"):
        convert_state(missing, VARIANTS["tiny"])
    with pytest.raises(CheckpointInvalid, match="hq_token"):
        convert_state(state | {"mask_decoder.hq_token.weight": torch.zeros(1)}, VARIANTS["tiny"])
    with pytest.raises(CheckpointInvalid, match="iou_token.weight is .2, 2."):
        convert_state(state | {"mask_decoder.iou_token.weight": torch.zeros(2, 2)}, VARIANTS["tiny"])


def test_existing_folder_is_not_overwritten(tiny_checkpoint, tmp_path):
    (tmp_path / "mine").mkdir()
    with pytest.raises(BundleError, match="exists already"):
        convert(tiny_checkpoint, "sam", "vit_b", "mine", tmp_path / "mine")


def test_command_says_what_it_made_and_what_went_wrong(tiny_checkpoint, tmp_path, capsys):
    arguments = [
        "--from-file",
        str(tiny_checkpoint),
        "--family",
        "sam",
        "--variant",
        "vit_b",
        "--name",
        "mine",
    ]
    arguments += ["--out", str(tmp_path / "mine")]
    assert main(arguments) == 0
    assert load_manifest(tmp_path / "mine").digest in capsys.readouterr().out
    assert main(arguments) == 1
    assert "exists already" in capsys.readouterr().err


def named(*names):
    return {name: torch.zeros(1) for name in names}


@pytest.mark.parametrize(
    ("names", "sentence"),
    [
        (["sam_mask_decoder.iou_token.weight"], "weights of SAM 2: convert them with --family sam2"),
        (["mask_decoder.hf_token.weight"], "weights of HQ-SAM: convert them with --family sam "),
        (
            ["mask_decoder.hf_token.weight", "image_encoder.layers.0.blocks.0.conv1.c.weight"],
            "weights of Light HQ-SAM: .* --family sam --variant hq_vit_tiny",
        ),
        (
            ["image_encoder.layers.0.blocks.0.conv1.c.weight"],
            "MobileSAM, or of TinySAM .--variant tiny_sam.: .* --family sam --variant mobile_sam",
        ),
        (["image_encoder.fuse_stage2.weight"], "EdgeSAM: .* --variant edge_sam"),
        (["image_encoder.features.0.0.c.weight"], "RepViT-SAM: .* --variant repvit_sam"),
        (
            ["image_encoder.backbone.stages.4.op_list.0.main.x"],
            "EfficientViT-SAM-L0: .* --variant efficientvit_sam_l0",
        ),
    ],
)
def test_weights_of_another_network_are_named_with_how_to_convert_them(names, sentence):
    with pytest.raises(CheckpointInvalid, match=sentence):
        convert_state(named(*names), VARIANTS["vit_b"])


def test_mobile_sam_is_not_taken_for_a_pruned_one_nor_the_other_way(tmp_path):
    with torch.device("meta"):
        slim = build_original(VARIANTS["slimsam_50"]).state_dict()
        large = sam_model_registry["vit_l"]().state_dict()
    with pytest.raises(CheckpointInvalid, match="weights of SlimSAM-50: .* --variant slimsam_50"):
        convert_state(slim, VARIANTS["mobile_sam"])
    # MedSAM has ViT-B's network: the sentence can only name the network.
    with pytest.raises(CheckpointInvalid, match="weights of Segment Anything vit_l"):
        convert_state(large, VARIANTS["medsam"])
    medsams = build_original(VARIANTS["tiny"]).state_dict() | {
        "image_encoder.pos_embed": torch.zeros(1, 64, 64, 768)
    }
    with pytest.raises(CheckpointInvalid, match="not a checkpoint of this network"):
        convert_state(medsams, VARIANTS["medsam"])


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_a_file_of_halves_is_stored_as_float32(tiny_checkpoint, tmp_path, dtype):
    state = {name: tensor.to(dtype) for name, tensor in torch.load(tiny_checkpoint).items()}
    torch.save(state, tmp_path / "half.pth")
    convert(tmp_path / "half.pth", "sam", "vit_b", "half", tmp_path / "half")
    with safetensors.safe_open(tmp_path / "half" / "weights.safetensors", "pt") as file:
        assert {file.get_tensor(key).dtype for key in file.keys()} == {torch.float32}


@pytest.mark.parametrize("value", [torch.nan, torch.inf])
def test_weights_that_are_not_finite_are_refused_by_name(value):
    state = build_original(VARIANTS["tiny"]).state_dict()
    state["mask_decoder.iou_token.weight"][0, 0] = value
    with pytest.raises(
        CheckpointInvalid, match="mask_decoder.iou_token.weight holds values that are not finite"
    ):
        convert_state(state, VARIANTS["tiny"])


def test_a_training_checkpoint_with_objects_is_refused_with_what_to_do(tmp_path):
    torch.save({"model": {}, "loss": RunsWhenLoaded()}, tmp_path / "training.pth")
    with pytest.raises(CheckpointInvalid, match="save its state dict alone"):
        convert(tmp_path / "training.pth", "sam", "vit_b", "x", tmp_path / "x")


@pytest.mark.parametrize(
    ("family", "variant", "name", "sentence"),
    [
        ("pocket", "v1", "x", "those that have: sam, sam2"),
        ("yolo", "v1", "x", "those that have: sam, sam2"),
        ("sam", "vit_x", "x", "variant must be one of vit_b, vit_l, vit_h, medsam"),
        ("sam", "vit_b", "My SAM", "a bundle's name has 1 to 64"),
    ],
)
def test_what_cannot_be_made_is_said_before_anything_is_read(family, variant, name, sentence, tmp_path):
    with pytest.raises(BundleError, match=sentence):
        convert(tmp_path / "absent.pth", family, variant, name, tmp_path / "x")


def test_file_and_folder_are_not_confused(tiny_checkpoint, tmp_path, capsys):
    rest = ["--family", "sam", "--variant", "vit_b", "--name", "x", "--out", str(tmp_path / "x")]
    for option, path in (("--from-folder", tiny_checkpoint), ("--from-file", tmp_path)):
        with pytest.raises(SystemExit):
            main([option, str(path), *rest])
    said = capsys.readouterr().err
    assert "a single file is given with --from-file" in said and "give it with --from-folder" in said


@pytest.mark.parametrize("weight", [(3, 3, 1, 1), (3,)])
def test_a_batch_norm_that_does_not_fit_its_convolution_is_said(weight):
    norm = ("weight", "bias", "running_mean", "running_var")
    state = {f"image_encoder.x.bn.{name}": torch.zeros(2) for name in norm}
    with pytest.raises(CheckpointInvalid, match="a batch norm does not fit"):
        convert_state(state | {"image_encoder.x.c.weight": torch.zeros(weight)}, VARIANTS["mobile_sam"])


def _edited(source, target, edit):
    with zipfile.ZipFile(source) as old, zipfile.ZipFile(target, "w") as new:
        for entry in old.infolist():
            new.writestr(entry.filename, edit(entry.filename, old.read(entry)))
    return target


def test_a_storage_shorter_than_its_tensor_is_refused(tmp_path):
    torch.save({"a": torch.ones(64, 64), "b": torch.ones(9000)}, tmp_path / "whole.pth")
    cut = _edited(
        tmp_path / "whole.pth",
        tmp_path / "cut.pth",
        lambda name, content: content[:8192] if name.endswith("data/0") else content,
    )
    with pytest.raises(CheckpointInvalid, match="a wants 16384 bytes"):
        read_published(cut)


def test_changed_bytes_of_a_zip_are_found_by_its_checksum(tmp_path):
    torch.save({"a": torch.ones(64, 64)}, tmp_path / "whole.pth")
    content = (tmp_path / "whole.pth").read_bytes()
    at = content.index(torch.ones(64).numpy().tobytes())
    (tmp_path / "flipped.pth").write_bytes(content[:at] + b"x" + content[at + 1 :])
    with pytest.raises(CheckpointInvalid, match="another checksum"):
        read_published(tmp_path / "flipped.pth")


def test_values_that_do_not_fit_the_stored_kind_are_refused(tmp_path):
    state = {"a": torch.full((2,), 1e300, dtype=torch.float64)}
    layer = torch.nn.Module()
    layer.a = torch.nn.Parameter(torch.zeros(2))
    with pytest.raises(CheckpointInvalid, match="a holds values .* too large for torch.float32"):
        fitted(state, layer)
    with pytest.raises(CheckpointInvalid, match="too large for torch.float16"):
        write_bundle(tmp_path / "x", {"a": torch.full((2,), 1e6)}, {}, half=True)
    for odd in (torch.eye(2).to_sparse(), torch.empty(2, device="meta")):
        with pytest.raises(CheckpointInvalid, match="not a plain tensor"):
            fitted({"a": odd}, layer)
    assert list(fitted({"a": torch.ones(2).to(torch.float8_e4m3fn)}, layer)["a"]) == [1, 1]


@pytest.mark.parametrize(
    "content", [b"\x80\x02}(K\x01u.", b"\x80\x02]" + b"0" * 9 + b".", b"\x80\x02}K\x01a.", b"."]
)
def test_a_pickle_that_is_none_is_refused_in_a_sentence(tmp_path, content):
    (tmp_path / "odd.pth").write_bytes(content)
    with pytest.raises(CheckpointInvalid, match="cannot be read as a checkpoint"):
        read_published(tmp_path / "odd.pth")


def test_a_disk_without_room_is_said_before_anything_is_written(tmp_path, monkeypatch):
    monkeypatch.setattr("segmentation.families.published.SPARE_BYTES", 10**16)
    with pytest.raises(BundleError, match="the bundle takes 4 MB, and .* MB are free .* make room"):
        write_bundle(tmp_path / "bundle", {"a": torch.ones(1000, 1000)}, {})
    assert list(tmp_path.iterdir()) == []
