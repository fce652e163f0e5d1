import pytest
import safetensors
import torch

from segmentation.bundle import BundleError, load_manifest
from segmentation.families import load_model
from segmentation.families.published import CheckpointInvalid, read_published
from segmentation.families.sam import published
from segmentation.families.sam.names import to_meta, to_transformers
from segmentation.families.sam.network import VARIANTS, SamNetwork
from segmentation.families.sam.published import convert_checkpoint, convert_state
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
    manifest = convert_checkpoint(tiny_checkpoint, "vit_b", "sam-vit-b", tmp_path / "out" / "sam-vit-b")

    assert load_manifest(tmp_path / "out" / "sam-vit-b") == manifest
    assert (manifest.family, manifest.variant, manifest.name) == ("sam", "vit_b", "sam-vit-b")
    assert manifest.pixel_mean == (123.675, 116.28, 103.53)
    load_model(tmp_path / "out" / "sam-vit-b")
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["sam-vit-b"]


def test_half_stores_half(tiny_checkpoint, tmp_path):
    convert_checkpoint(tiny_checkpoint, "vit_b", "whole", tmp_path / "whole")
    convert_checkpoint(tiny_checkpoint, "vit_b", "half", tmp_path / "half", half=True)

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
        convert_checkpoint(tiny_checkpoint, "vit_b", "broken", tmp_path / "broken")
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
        convert_checkpoint(tiny_checkpoint, "vit_b", "mine", tmp_path / "mine")


def test_command_says_what_it_made_and_what_went_wrong(tiny_checkpoint, tmp_path, capsys):
    arguments = [
        str(tiny_checkpoint),
        "--variant",
        "vit_b",
        "--name",
        "mine",
        "--output",
        str(tmp_path / "mine"),
    ]
    assert published.main(arguments) == 0
    assert load_manifest(tmp_path / "mine").digest in capsys.readouterr().out
    assert published.main(arguments) == 1
    assert "exists already" in capsys.readouterr().err
