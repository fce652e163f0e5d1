"""The networks with SAM's decoder and another encoder, or other files, compute what their originals do.

Each original has random weights, is saved as it is published, and is converted from that. Narrow and short networks;
benchmarks/sam_parity.py does the published ones.
"""

import dataclasses

import numpy as np
import pytest
import torch
from transformers import SamConfig, SamMaskDecoderConfig, SamModel

from segmentation.decoder.export import export_decoder
from segmentation.decoder.package import export_package
from segmentation.encoder import preprocess
from segmentation.families.convert import convert
from segmentation.families.sam.network import VARIANTS
from segmentation.frames import STRETCH
from segmentation.masks import postprocess
from segmentation.predictor import load_predictor
from segmentation.prompts import build_prompt_tensors
from tests.segmentation.original_mobile_sam import TinySamPredictor, build_original_mobile
from tests.segmentation.original_mobile_sam import sam_model_registry as mobile_registry
from tests.segmentation.original_sam import SamPredictor, build_original, photograph, randomise
from tests.segmentation.test_sam_parity import TOLERANCE, assert_same_answers, prompts

SHORT = {
    "vit_b": dataclasses.replace(VARIANTS["vit_b"], width=48, heads=2, depth=2, global_layers=(1,)),
    "medsam": dataclasses.replace(VARIANTS["medsam"], width=48, heads=2, depth=2, global_layers=(1,)),
    # Heads of 14, MLPs not four times as wide, as SlimSAM-77 has.
    "slimsam_77": dataclasses.replace(
        VARIANTS["slimsam_77"], width=42, heads=3, mlp=174, depth=2, global_layers=(1,)
    ),
    # 320 keeps the size, in the original by its number.
    "mobile_sam": dataclasses.replace(
        VARIANTS["mobile_sam"], widths=(16, 32, 40, 320), depths=(1, 1, 2, 1), heads=(1, 2, 2, 10)
    ),
}
SHORT["tiny_sam"] = dataclasses.replace(
    SHORT["mobile_sam"], title="TinySAM", outputs=VARIANTS["tiny_sam"].outputs
)
IMAGES = [
    pytest.param((90, 150), None, id="landscape, every prompt"),
    pytest.param((150, 90), {"everything", "a box"}, id="portrait"),
    pytest.param((7, 5), {"three points", "a mask and a box"}, id="tiny"),
]


@pytest.fixture(autouse=True, scope="module")
def short_variants():
    with pytest.MonkeyPatch.context() as patch:
        for variant, shape in SHORT.items():
            patch.setitem(VARIANTS, variant, shape)
        yield


def loaded(source, variant, place):
    convert(source, "sam", variant, variant.replace("_", "-"), place / "bundle")
    return load_predictor(place / "bundle", device="cpu")


def saved(state, place):
    torch.save(state, place / "published.pth")
    return place / "published.pth"


@pytest.fixture(scope="module")
def mobile_pair(tmp_path_factory):
    place = tmp_path_factory.mktemp("mobile")
    original = randomise(build_original_mobile(SHORT["mobile_sam"]), seed=5).eval()
    return SamPredictor(original), loaded(saved(original.state_dict(), place), "mobile_sam", place)


@pytest.mark.parametrize(("image_hw", "names"), IMAGES)
def test_mobile_sam(mobile_pair, image_hw, names):
    assert_same_answers(*mobile_pair, photograph(*image_hw), names)


@pytest.fixture(scope="module")
def tiny_pair(tmp_path_factory):
    place = tmp_path_factory.mktemp("tiny")
    original = randomise(build_original_mobile(SHORT["tiny_sam"]), seed=10).eval()
    return TinySamPredictor(original), loaded(saved(original.state_dict(), place), "tiny_sam", place)


@pytest.mark.parametrize(("image_hw", "names"), IMAGES)
def test_tiny_sam_never_gives_the_first_mask(tiny_pair, image_hw, names):
    _, ours = tiny_pair
    assert ours.manifest.outputs.as_dict() == {"count": 4, "single": None, "candidates": [1, 2, 3]}
    assert ours.manifest.title == "TinySAM"
    assert_same_answers(*tiny_pair, photograph(*image_hw), names)


def test_tiny_sams_decoder_in_onnx_and_its_package_answer_as_torch(tiny_pair, tmp_path):
    _, ours = tiny_pair
    report = export_decoder(ours.bundle, tmp_path / "decoder.onnx")
    assert report.max_relative_logit_difference < 1e-3
    export_package(ours.bundle, tmp_path / "package.safetensors")


@pytest.fixture(scope="module")
def slim_pair(tmp_path_factory):
    place = tmp_path_factory.mktemp("slim")
    original = randomise(build_original(SHORT["slimsam_77"]), seed=6).eval()
    return SamPredictor(original), loaded(saved(original.state_dict(), place), "slimsam_77", place)


@pytest.mark.parametrize(("image_hw", "names"), IMAGES[1:])
def test_slim_sam_in_metas_layout(slim_pair, image_hw, names):
    assert_same_answers(*slim_pair, photograph(*image_hw), names)


def test_micro_sams_wrapper_holds_the_same_weights(tmp_path):
    original = build_original(SHORT["vit_b"])
    wrapped = {"model_state": {f"sam.{name}": tensor for name, tensor in original.state_dict().items()}}
    convert(
        saved({**wrapped, "epoch": 3}, tmp_path),
        "sam",
        "vit_b",
        "micro",
        tmp_path / "wrapped",
        title="micro-sam",
    )
    plain = convert(saved(original.state_dict(), tmp_path), "sam", "vit_b", "micro", tmp_path / "plain")
    assert (tmp_path / "wrapped/weights.safetensors").read_bytes() == (
        tmp_path / "plain/weights.safetensors"
    ).read_bytes()
    assert plain.title == "Segment Anything vit_b"


@pytest.mark.parametrize(("variant", "names"), [("vit_b", None), ("slimsam_77", {"one point", "everything"})])
def test_folder_of_hugging_face_answers_as_transformers_own_model(variant, names, tmp_path):
    shape = SHORT[variant]
    torch.manual_seed(8)
    theirs = SamModel(
        SamConfig(
            vision_config=shape.vision_config().to_dict(),
            # What Meta's decoder has, and ours; transformers' own default of 1e-6 differs from it by 2e-3.
            mask_decoder_config=SamMaskDecoderConfig(layer_norm_eps=1e-5).to_dict(),
        )
    ).eval()
    with torch.no_grad():
        for name, parameter in theirs.named_parameters():
            if name.startswith("vision_encoder."):
                parameter.normal_(std=0.2 if "pos" in name else 0.15)
            elif parameter.ndim == 1:
                parameter.add_(0.05 * torch.randn_like(parameter))
            else:
                parameter.normal_(std=parameter.shape[-1] ** -0.5)
        for network in theirs.mask_decoder.output_hypernetworks_mlps:
            network.proj_out.weight.mul_(20)
    theirs.save_pretrained(tmp_path / "folder")
    ours = loaded(tmp_path / "folder", variant, tmp_path)
    image = photograph(90, 150)
    ours.set_image(image)
    pixels = torch.from_numpy(preprocess(image, 1024, shape.pixel_mean, shape.pixel_std))
    with torch.inference_mode():
        embedding = theirs.get_image_embeddings(pixels)
        np.testing.assert_allclose(
            ours.get_image_embedding()["image_embeddings"], embedding.numpy(), atol=TOLERANCE
        )
        for name, prompt in prompts(90, 150).items():
            if names is not None and name not in names:
                continue
            inputs = their_inputs(ours.frame, **prompt)
            for multimask_output in (True, False):
                answer = theirs(image_embeddings=embedding, multimask_output=multimask_output, **inputs)
                masks, iou, logits = ours.predict(**prompt, multimask_output=multimask_output)
                assert answer.pred_masks.std() > 1
                np.testing.assert_allclose(logits, answer.pred_masks[0, 0], atol=TOLERANCE, err_msg=name)
                np.testing.assert_allclose(iou, answer.iou_scores[0, 0], atol=TOLERANCE, err_msg=name)
                expected = postprocess(answer.pred_masks[0, 0].numpy(), ours.frame) > 0
                assert np.mean(masks != expected) < 1e-4, name


def their_inputs(frame, point_coords=None, point_labels=None, box=None, mask_input=None):
    """A prompt as SamModel takes it, in model pixels; one prompt of one image."""
    inputs = {}
    if point_coords is not None:
        inputs["input_points"] = torch.from_numpy(frame.from_image(point_coords))[None, None]
        inputs["input_labels"] = torch.from_numpy(point_labels)[None, None]
    if box is not None:
        corners, _ = build_prompt_tensors(frame, box=box)
        inputs["input_boxes"] = torch.from_numpy(corners.reshape(1, 1, 4))
    if mask_input is not None:
        inputs["input_masks"] = torch.from_numpy(mask_input)[None]
    return inputs


@pytest.mark.parametrize("image_hw", [(90, 150), (150, 90), (7, 5)])
def test_medsam_sees_the_picture_squeezed_into_its_square_at_full_contrast(image_hw, tmp_path):
    original = randomise(build_original(SHORT["medsam"]), seed=9).eval()
    ours = loaded(saved(original.state_dict(), tmp_path), "medsam", tmp_path)
    image = photograph(*image_hw) // 2 + 40
    ours.set_image(image)
    height, width = image_hw
    box = np.array([width * 0.1, height * 0.2, width * 0.6, height * 0.8])
    masks, iou, logits = ours.predict(box=box, multimask_output=False)
    with torch.inference_mode():
        # MedSAM_Inference.py, but for the resizing, which is by another library there.
        resized = torch.from_numpy(preprocess(image, 1024, (0, 0, 0), (1, 1, 1), STRETCH))
        scaled = (resized - resized.min()) / (resized.max() - resized.min()).clip(min=1e-8)
        embedding = original.image_encoder(scaled)
        box_1024 = torch.tensor(box / [width, height, width, height] * 1024, dtype=torch.float32)
        sparse, dense = original.prompt_encoder(points=None, boxes=box_1024[None], masks=None)
        their_logits, their_iou = original.mask_decoder(
            embedding, original.prompt_encoder.get_dense_pe(), sparse, dense, multimask_output=False
        )
    np.testing.assert_allclose(ours.get_image_embedding()["image_embeddings"], embedding, atol=TOLERANCE)
    assert their_logits.std() > 1
    np.testing.assert_allclose(logits, their_logits[0], atol=TOLERANCE)
    np.testing.assert_allclose(iou, their_iou[0], atol=TOLERANCE)
    whole = torch.nn.functional.interpolate(their_logits, image_hw, mode="bilinear")
    assert np.mean(masks != (whole[0] > 0).numpy()) < 1e-4


def test_every_published_tensor_of_mobile_sam_has_its_place():
    from segmentation.families.sam import network, published

    shape = dataclasses.replace(
        SHORT["mobile_sam"],
        **{name: getattr(PUBLISHED_MOBILE, name) for name in ("widths", "depths", "heads", "windows")},
    )
    state = mobile_registry["vit_t"]().state_dict()
    assert published.convert_state(state, shape).keys() == network.SamNetwork(shape).state_dict().keys()


PUBLISHED_MOBILE = VARIANTS["mobile_sam"]
