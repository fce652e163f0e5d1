import dataclasses

import numpy as np
import pytest
import safetensors.torch
import torch

from segmentation.bundle import WeightsMismatch, load_manifest, write_manifest
from segmentation.encoder import EmbeddingNotFinite, ImageEncoder, pick_device, preprocess
from segmentation.families import UnknownFamily, WeightsInvalid, load_model
from segmentation.families.sam.network import VARIANTS, SamNetwork, manifest_fields
from segmentation.families.sam.shape import PIXEL_MEAN, PIXEL_STD
from segmentation.testing.tiny import make_tiny_bundle, random_network
from tests.segmentation.original_sam import ResizeLongestSide, build_original, photograph


@pytest.mark.parametrize(
    "image_hw", [(40, 70), (70, 40), (50, 50), (1, 30), (30, 1), (1100, 1500), (333, 517)]
)
def test_preprocessing_is_that_of_segment_anything_bit_for_bit(image_hw):
    image = photograph(*image_hw)
    resized = ResizeLongestSide(1024).apply_image(image)
    original = build_original(VARIANTS["tiny"]).preprocess(torch.from_numpy(resized).permute(2, 0, 1)[None])

    pixels = preprocess(image, 1024, PIXEL_MEAN, PIXEL_STD)

    assert (pixels.shape, pixels.dtype) == ((1, 3, 1024, 1024), np.float32)
    np.testing.assert_array_equal(pixels, original.numpy())


@pytest.mark.parametrize("image_hw", [(40, 70), (700, 40), (1, 30), (1100, 1500)])
def test_a_stretched_image_fills_the_square_resized_as_a_float_tensor_is(image_hw):
    image = photograph(*image_hw)
    # sam2, utils/transforms.py: torchvision's ToTensor, Resize and Normalize, which come to this.
    whole = torch.from_numpy(image).permute(2, 0, 1)[None].float() / 255
    resized = torch.nn.functional.interpolate(whole, (256, 256), mode="bilinear", antialias=True)
    mean, std = torch.tensor(PIXEL_MEAN)[:, None, None] / 255, torch.tensor(PIXEL_STD)[:, None, None] / 255

    pixels = preprocess(image, 256, PIXEL_MEAN, PIXEL_STD, "stretch")

    assert (pixels.shape, pixels.dtype) == ((1, 3, 256, 256), np.float32)
    np.testing.assert_allclose(pixels, ((resized - mean) / std).numpy(), atol=1e-5)


def test_image_too_narrow_for_the_original_still_has_a_column():
    pixels = preprocess(np.full((5000, 1, 3), 255, np.uint8), 1024, (0, 0, 0), (255, 255, 255))
    assert pixels[0, :, :, 0].min() == 1 and pixels[0, :, :, 1:].max() == 0


def test_embedding_has_the_manifests_names_and_shapes_in_float16(tiny_dir):
    encoder = ImageEncoder(tiny_dir, device="cpu")
    embedding = encoder.encode(photograph(60, 90))
    assert {name: tensor.shape for name, tensor in embedding.items()} == dict(encoder.manifest.embedding)
    assert {tensor.dtype for tensor in embedding.values()} == {np.dtype(np.float16)}


def test_embedding_does_not_depend_on_how_the_image_lies_in_memory(tiny_dir):
    encoder = ImageEncoder(tiny_dir, device="cpu")
    image = photograph(60, 90)
    turned = np.asfortranarray(image)
    turned.setflags(write=False)
    for name, tensor in encoder.encode(image).items():
        np.testing.assert_array_equal(encoder.encode(turned)[name], tensor)


def test_embedding_that_float16_cannot_hold_is_refused(tiny_dir, monkeypatch):
    monkeypatch.setattr(
        SamNetwork,
        "encode_image",
        lambda self, pixels: {"image_embeddings": torch.full((1, 32, 64, 64), 1e6)},
    )
    encoder = ImageEncoder(tiny_dir, device="cpu")
    with pytest.raises(EmbeddingNotFinite):
        encoder.encode(photograph(8, 8))
    encoder.encode(photograph(8, 8), dtype=np.float32)


def test_image_encoder_runs_in_half_precision_as_on_a_gpu():
    """The same autocast on the CPU, with attention over windows and over the whole image."""
    network = random_network(dataclasses.replace(VARIANTS["tiny"], global_layers=(1,)), seed=0)
    pixels = torch.from_numpy(preprocess(photograph(60, 90), 1024, PIXEL_MEAN, PIXEL_STD))
    with torch.inference_mode():
        exact = network.encode_image(pixels)["image_embeddings"]
        with torch.autocast("cpu", torch.float16):
            half = network.encode_image(pixels)["image_embeddings"]
    # float16 keeps 11 bits; over two layers that leaves some thousandths of the embedding's spread of 1.
    torch.testing.assert_close(half.float(), exact, atol=0.02, rtol=0)


def test_auto_is_a_gpu_when_torch_sees_one(monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    assert pick_device("auto").type == "cuda"
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    assert pick_device("auto").type == "cpu"


def test_exchanged_weights_are_not_loaded(tmp_path):
    make_tiny_bundle(tmp_path / "a")
    make_tiny_bundle(tmp_path / "b", seed=1)
    (tmp_path / "a" / "weights.safetensors").write_bytes(
        (tmp_path / "b" / "weights.safetensors").read_bytes()
    )
    with pytest.raises(WeightsMismatch):
        load_model(tmp_path / "a")


def test_weights_of_another_network_are_not_loaded(tmp_path):
    safetensors.torch.save_file({"some.weight": torch.zeros(2)}, tmp_path / "weights.safetensors")
    write_manifest(tmp_path, manifest_fields("other", "tiny", "Other", "Apache-2.0"))
    with pytest.raises(WeightsInvalid, match="do not fit sam tiny"):
        load_model(tmp_path)


@pytest.mark.parametrize(
    "change", [{"family": "unheard-of"}, {"variant": "vit_xxl"}, {"family": "pocket", "variant": "v0"}]
)
def test_unknown_family_and_variant_are_refused(tmp_path, change):
    (tmp_path / "weights.safetensors").write_bytes(b"")
    write_manifest(tmp_path, manifest_fields("other", "tiny", "Other", "Apache-2.0") | change)
    with pytest.raises(UnknownFamily, match="known: "):
        load_model(tmp_path)


def test_tiny_bundle_is_the_same_for_the_same_seed(tmp_path):
    digests = {make_tiny_bundle(tmp_path / str(n), seed).digest for n, seed in enumerate((0, 0, 1))}
    assert len(digests) == 2
    assert load_manifest(tmp_path / "0").low_res_side == 256
