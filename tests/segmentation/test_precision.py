"""Which precision an image encoder computes in: the choice, what refuses bfloat16, and what is kept."""

from __future__ import annotations

import dataclasses
import json

import numpy as np
import pytest
import torch

from segmentation import agreement, precision
from segmentation.encoder import COMPILE_AFTER, ImageEncoder
from tests.segmentation.original_sam import photograph

BY_TORCH = (precision.EXACT, precision.Way("torch", "bfloat16"))


@pytest.fixture
def clock(monkeypatch):
    """Seconds of a run in each precision; what is run is real."""
    seconds = {precision.FLOAT32: 8.0, precision.BFLOAT16: 2.0}
    real_run, now, runs = precision.run, [0.0], []

    def run(encode_image, pixels, name):
        now[0] += seconds[name]
        runs.append(name)
        return real_run(encode_image, pixels, name)

    monkeypatch.setattr(precision, "run", run)
    monkeypatch.setattr(precision.time, "perf_counter", lambda: now[0])
    monkeypatch.setattr(precision, "has_instructions", lambda: True)
    seconds["runs"] = runs
    return seconds


def test_bfloat16_is_chosen_where_it_is_faster_and_the_masks_are_the_same(network, clock):
    choice = precision.choose(*network, BY_TORCH)
    assert (choice.precision, choice.seconds) == ("bfloat16", {"float32": 8, "bfloat16": 2})
    assert 0.99 <= choice.least_iou < 1
    assert choice.reason.startswith("4.0 times as fast as float32, masks agree")


def test_masks_that_differ_refuse_it(network, clock, monkeypatch):
    model, manifest = network
    encode_image = model.encode_image

    def coarse(pixels):
        """As if eight bits were too few for this network."""
        made = encode_image(pixels)
        if not torch.is_autocast_enabled("cpu"):
            return made
        return {name: tensor + 0.3 * torch.randn_like(tensor) for name, tensor in made.items()}

    monkeypatch.setattr(model, "encode_image", coarse)
    choice = precision.choose(model, manifest, BY_TORCH)
    assert choice.precision == "float32"
    assert (
        "bfloat16 is not taken, as its masks agree with the exact ones only to an IoU of 0." in choice.reason
    )


def test_one_output_that_is_another_mask_is_seen_among_three_that_agree(network, monkeypatch):
    model, manifest = network
    embedding = {"image_embeddings": torch.zeros(1, 1, 1, 1)}
    other = {"image_embeddings": torch.ones(1, 1, 1, 1)}
    side = manifest.low_res_side

    def decode(embedding, **prompt):
        logits = torch.ones(1, 4, side, side)
        moved = bool(embedding["image_embeddings"].max())
        logits[0, 3] = -1
        logits[0, 3, :20, 20 : 40 if moved else 21] = 1  # 400 pixels, or 20 of them
        return logits, torch.ones(1, 4)

    monkeypatch.setattr(model, "decode", decode)
    assert agreement.least_iou(model, manifest, embedding, embedding) == 1
    assert agreement.least_iou(model, manifest, embedding, other) == pytest.approx(20 / 400)


def test_values_that_are_no_numbers_refuse_it(network, clock, monkeypatch):
    model, manifest = network
    encode_image = model.encode_image

    def broken(pixels):
        factor = torch.nan if torch.is_autocast_enabled("cpu") else 1
        return {name: tensor * factor for name, tensor in encode_image(pixels).items()}

    monkeypatch.setattr(model, "encode_image", broken)
    assert precision.choose(model, manifest, BY_TORCH).precision == "float32"


def test_a_network_that_cannot_is_left_in_float32(network, clock, monkeypatch):
    model, manifest = network
    encode_image = model.encode_image

    def refusing(pixels):
        if torch.is_autocast_enabled("cpu"):
            raise RuntimeError('"bicubic" not implemented for "BFloat16"')
        return encode_image(pixels)

    monkeypatch.setattr(model, "encode_image", refusing)
    choice = precision.choose(model, manifest, BY_TORCH)
    assert (choice.precision, choice.reason) == ("float32", "its encoder does not compute in bfloat16")


@pytest.mark.parametrize(
    "seconds, reason",
    [
        ((0.9, 0.1), "exact float32 is quick enough: 0.90 s an image when it was measured"),
        ((8.0, 7.0), "bfloat16 is only 1.1 times as fast"),
        ((8.0, 24.0), "bfloat16 is only 0.3 times as fast"),
    ],
)
def test_what_gains_little_stays_exact(network, clock, seconds, reason):
    clock[precision.FLOAT32], clock[precision.BFLOAT16] = seconds
    choice = precision.choose(*network, BY_TORCH)
    assert choice.precision == "float32" and choice.reason == reason


def test_without_the_instructions_nothing_is_run(network, clock, monkeypatch, tmp_path):
    monkeypatch.undo()
    monkeypatch.setattr(torch.cpu, "get_capabilities", lambda: {"avx2": True, "amx_bf16": False})
    monkeypatch.setattr(precision, "run", None)
    among = precision.ways(*network, "torch", "auto")
    choice = precision.choose(*network, among, tmp_path)
    assert choice.precision == "float32" and "no instructions" in choice.reason
    assert not list(tmp_path.iterdir())
    # A torch that does not tell.
    monkeypatch.delattr(torch.cpu, "get_capabilities")
    assert not precision.has_instructions()


def test_a_choice_is_kept_for_the_bundle_the_machine_and_torch(network, clock, monkeypatch, tmp_path):
    first = precision.choose(*network, BY_TORCH, tmp_path)
    clock["runs"].clear()
    assert precision.choose(*network, BY_TORCH, tmp_path) == first and clock["runs"] == []

    monkeypatch.setattr(torch, "__version__", "99.0")
    precision.choose(*network, BY_TORCH, tmp_path)
    assert clock["runs"] == ["float32", "bfloat16", "bfloat16"]  # a long run is not repeated
    clock["runs"].clear()
    model, manifest = network
    precision.choose(model, dataclasses.replace(manifest, digest="0" * 64), BY_TORCH, tmp_path)
    assert clock["runs"]
    assert len(list(tmp_path.iterdir())) == 3


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"[]",
        b"{}",
        b'{"version": 0, "precision": "bfloat16", "reason": ""}',
        b'{"version": 2, "precision": "int8", "reason": ""}',
    ],
)
def test_what_was_kept_and_is_damaged_or_old_is_measured_again(network, clock, tmp_path, content):
    precision.choose(*network, BY_TORCH, tmp_path)
    (file,) = tmp_path.iterdir()
    file.write_bytes(content)
    clock["runs"].clear()
    precision.choose(*network, BY_TORCH, tmp_path)
    assert clock["runs"] and json.loads(file.read_text())["version"] == precision.VERSION


def test_a_choice_that_cannot_be_kept_is_made_all_the_same(network, clock, tmp_path):
    (tmp_path / "file").write_bytes(b"")
    assert precision.choose(*network, BY_TORCH, tmp_path / "file" / "below").precision == "bfloat16"


def test_an_encoder_computes_in_what_it_is_told(tiny_dir, monkeypatch):
    image = photograph(60, 90)
    exact, forced = (ImageEncoder(tiny_dir, "cpu", precision=name) for name in ("float32", "bfloat16"))
    assert (exact.place, forced.place, forced.choice) == ("cpu", "cpu in bfloat16", None)
    assert ImageEncoder(tiny_dir, "cpu").precision == "float32"
    (name,) = exact.manifest.embedding
    expected, rounded = (encoder.encode(image, np.float32)[name] for encoder in (exact, forced))
    assert 0 < np.abs(rounded - expected).max() < 0.1 * expected.std() * 5

    chosen = precision.Choice("bfloat16", "so it was found")
    monkeypatch.setattr(precision, "choose", lambda *arguments: chosen)
    auto = ImageEncoder(tiny_dir, "cpu", precision="auto")
    assert (auto.choice, auto.precision) == (chosen, "bfloat16")
    np.testing.assert_array_equal(auto.encode(image, np.float32)[name], rounded)
    with pytest.raises(ValueError, match="precision must be"):
        ImageEncoder(tiny_dir, "cpu", precision="float8")


def test_what_overflows_is_encoded_once_more_in_float32(tiny_dir, monkeypatch):
    encoder = ImageEncoder(tiny_dir, "cpu", precision="bfloat16")
    encode_image = encoder.model.encode_image

    def overflowing(pixels):
        factor = torch.inf if torch.is_autocast_enabled("cpu") else 1
        return {name: tensor * factor for name, tensor in encode_image(pixels).items()}

    monkeypatch.setattr(encoder, "_encode_image", overflowing)
    assert all(np.isfinite(tensor).all() for tensor in encoder.encode(photograph(60, 90)).values())
    assert (encoder.last_way, encoder.precision) == (precision.EXACT, "bfloat16")
    monkeypatch.setattr(encoder, "_encode_image", encode_image)
    encoder.encode(photograph(60, 90))
    assert encoder.last_way == precision.Way("torch", "bfloat16")


def test_an_encoder_is_compiled_after_some_images_and_gives_the_same(tiny_dir, monkeypatch):
    compile_ = torch.compile
    # Without the compiler of C++, which not every machine has.
    monkeypatch.setattr(
        torch, "compile", lambda function, **kinds: compile_(function, backend="eager", **kinds)
    )
    encoder, plain = ImageEncoder(tiny_dir, "cpu", compiles=True), ImageEncoder(tiny_dir, "cpu")
    image = photograph(40, 60)
    for count in range(1, COMPILE_AFTER + 3):
        made = encoder.encode(image)
        assert encoder.is_compiled == (count > COMPILE_AFTER)
    for name, tensor in plain.encode(image).items():
        np.testing.assert_array_equal(made[name], tensor)
    assert not plain.is_compiled


def test_an_encoder_that_cannot_be_compiled_goes_on_without(tiny_dir, monkeypatch):
    def refuse(function, **kinds):
        def compiled(pixels):
            raise RuntimeError("no compiler here")

        return compiled

    monkeypatch.setattr(torch, "compile", refuse)
    encoder = ImageEncoder(tiny_dir, "cpu", compiles=True)
    for _ in range(COMPILE_AFTER + 2):
        assert encoder.encode(photograph(40, 60))
    assert not encoder.is_compiled
