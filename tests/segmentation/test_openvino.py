"""Image encoders that OpenVINO runs: against torch with the same weights, and when it is chosen."""

from __future__ import annotations

import logging
import subprocess
import sys

import numpy as np
import pytest
import torch

from segmentation import openvino_package, precision
from segmentation.agreement import largest_difference
from segmentation.encoder import ImageEncoder
from segmentation.families.sam.encoders import vit
from segmentation.openvino_package import OpenVinoUnavailable
from segmentation.precision import EXACT, Way
from tests.segmentation.original_sam import photograph
from tests.segmentation.test_vit import encoder_of

# `make test` installs it.
needs_openvino = pytest.mark.skipif(
    openvino_package.version() is None, reason="OpenVINO is not installed (the extra `openvino`)"
)
BFLOAT16 = Way("torch", "bfloat16")
BY_OPENVINO = Way("openvino", "float32")
BFLOAT16_BY_OPENVINO = Way("openvino", "bfloat16")


@pytest.fixture
def not_installed(monkeypatch):
    """As Python sees a package that is not there."""
    monkeypatch.delitem(sys.modules, "openvino", raising=False)

    class Nowhere:
        def find_spec(self, name, path=None, target=None):
            if name == "openvino":
                raise ModuleNotFoundError("No module named 'openvino'", name="openvino")

    monkeypatch.setattr(sys, "meta_path", [Nowhere(), *sys.meta_path])


@pytest.fixture
def clock(monkeypatch):
    """Seconds of an image in each way; what is run is real. `change` may spoil what a way gives."""
    seconds = {EXACT: 8.0, BFLOAT16: 2.0, BY_OPENVINO: 6.0, BFLOAT16_BY_OPENVINO: 1.0}
    changes, now, asked = {}, [0.0], []
    real_run, real_encoder_by = precision.run, precision.encoder_by

    def run(encode_image, pixels, name):
        now[0] += seconds[EXACT]
        return real_run(encode_image, pixels, name)

    def encoder_by(model, manifest, way):
        asked.append(way)
        encode_image = real_encoder_by(model, manifest, way)

        def encode(pixels):
            before = now[0]
            made = encode_image(pixels)
            now[0] = before + seconds[way]
            return changes.get(way, lambda tensors: tensors)(made)

        return encode

    monkeypatch.setattr(precision, "run", run)
    monkeypatch.setattr(precision, "encoder_by", encoder_by)
    monkeypatch.setattr(precision.time, "perf_counter", lambda: now[0])
    monkeypatch.setattr(precision, "has_instructions", lambda: True)
    return seconds, changes, asked


def spoiled(share):
    def change(tensors):
        noise = torch.Generator().manual_seed(0)
        return {
            name: tensor + share * tensor.abs().max() * torch.randn(tensor.shape, generator=noise)
            for name, tensor in tensors.items()
        }

    return change


# --- the graph ---


@needs_openvino
@pytest.mark.parametrize(
    "changes",
    [
        {},  # windows of 14 in 20 patches: padded
        {"global_layers": (0, 1, 2)},
        {"input_side": 224, "global_layers": ()},  # one window, without padding
        {"input_side": 336, "global_layers": (0,)},  # 21 rows of patches, which no number of parts divides
        {"width": 42, "mlp": 100},  # as pruned networks have it
    ],
)
@torch.inference_mode()
def test_openvino_gives_what_torch_gives(changes):
    from segmentation.families.sam.encoders.vit_openvino import OpenVinoVit

    encoder = encoder_of(**changes)
    pixels = torch.randn(1, 3, encoder.image_size, encoder.image_size)
    expected = vit.encode(encoder, pixels)
    assert expected.std() > 0.5
    torch.testing.assert_close(OpenVinoVit(encoder, "float32")(pixels), expected, atol=2e-5, rtol=0)
    rounded = OpenVinoVit(encoder, "bfloat16")(pixels)
    # Eight bits, through three layers and the neck: measured 0.006 and 0.044 of the spread. A processor without
    # instructions for it may compute in float32.
    assert (rounded - expected).abs().mean() < 0.015 * expected.std()
    assert (rounded - expected).abs().max() < 0.15 * expected.std()


@needs_openvino
@torch.inference_mode()
def test_openvino_gives_early_features_as_torch_gives_them():
    from segmentation.families.sam.encoders.vit_openvino import OpenVinoVit

    encoder = encoder_of(global_layers=(1, 2))
    pixels = torch.randn(1, 3, encoder.image_size, encoder.image_size)
    expected, early = vit.encode_with_early(encoder, pixels)
    by_openvino = OpenVinoVit(encoder, "float32", with_early=True)
    image, made = by_openvino.with_early(pixels)
    by_openvino.with_early(torch.zeros_like(pixels))  # leaves what was given before as it is
    torch.testing.assert_close(image, expected, atol=2e-5, rtol=0)
    torch.testing.assert_close(made, early, atol=2e-5 * float(early.std()), rtol=0)


@needs_openvino
def test_a_bundles_embedding_is_the_same_by_openvino(tiny_dir):
    exact = ImageEncoder(tiny_dir, "cpu")
    other = ImageEncoder(tiny_dir, "cpu", precision="float32", backend="openvino")
    assert (exact.place, exact.backend) == ("cpu", "torch")
    assert (other.place, other.backend, other.choice) == ("cpu in float32 by OpenVINO", "openvino", None)
    image = photograph(60, 90)
    expected, made = (encoder.encode(image, np.float32) for encoder in (exact, other))
    assert made.keys() == expected.keys()
    for name, tensor in expected.items():
        np.testing.assert_allclose(made[name], tensor, atol=1e-5 * np.abs(tensor).max())


@needs_openvino
def test_an_image_that_openvino_cannot_do_is_done_by_torch(tiny_dir):
    encoder = ImageEncoder(tiny_dir, "cpu", precision="bfloat16", backend="openvino")
    encoder._encode_image = lambda pixels: {
        name: torch.full((1, *shape), torch.inf) for name, shape in encoder.manifest.embedding.items()
    }
    image = photograph(40, 60)
    for name, tensor in ImageEncoder(tiny_dir, "cpu").encode(image).items():
        np.testing.assert_array_equal(encoder.encode(image)[name], tensor)


@needs_openvino
def test_a_network_that_openvino_does_not_run_stays_with_torch():
    encoder = ImageEncoder("pocket", "cpu", precision="float32", backend="openvino")
    assert encoder.backend == "torch"


@needs_openvino
def test_openvino_that_fails_leaves_the_network_to_torch(tiny_dir, monkeypatch, caplog):
    def refuse(*arguments):
        raise RuntimeError("out of memory")

    monkeypatch.setattr(openvino_package, "compiled", refuse)
    with caplog.at_level(logging.WARNING):
        encoder = ImageEncoder(tiny_dir, "cpu", precision="bfloat16", backend="openvino")
    assert (encoder.backend, encoder.precision) == EXACT
    assert "OpenVINO does not run tiny, torch does: out of memory" in caplog.text
    assert encoder.encode(photograph(40, 60))


# --- the package ---


@needs_openvino
def test_openvino_reports_to_nobody():
    code = (
        "import sys; from segmentation import openvino_package as p; module = p.load(); "
        "from openvino.tools.ovc import telemetry_utils; "
        "sys.exit(not module.__version__ or telemetry_utils.tm.__name__ != 'openvino.tools.ovc.telemetry_stub' "
        "or any(name.startswith('openvino_telemetry.') for name in sys.modules))"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_asked_for_and_not_installed_it_says_what_to_install(tiny_dir, not_installed):
    with pytest.raises(OpenVinoUnavailable, match="is not installed. Install it .pip install .* openvino"):
        ImageEncoder(tiny_dir, "cpu", backend="openvino")
    with pytest.raises(ValueError, match="backend must be auto, torch or openvino, got 'onnx'"):
        ImageEncoder(tiny_dir, "cpu", backend="onnx")


def test_not_installed_it_is_not_among_the_ways(network, not_installed, monkeypatch):
    monkeypatch.setattr(precision, "has_instructions", lambda: True)
    assert precision.ways(*network, "auto", "auto") == (EXACT, BFLOAT16)


def test_installed_and_broken_it_is_said_once_and_left(network, monkeypatch, caplog):
    def broken(name):
        raise ImportError("libtbb.so.12: cannot open shared object file")

    monkeypatch.setattr(openvino_package.importlib, "import_module", broken)
    openvino_package._warn_once.cache_clear()
    for _ in range(2):
        assert precision.ways(*network, "auto", "float32") == (EXACT,)
    assert caplog.text.count("installed and cannot be loaded: libtbb.so.12") == 1
    with pytest.raises(OpenVinoUnavailable, match="cannot be loaded"):
        precision.ways(*network, "openvino", "float32")


# --- the choice ---


@needs_openvino
def test_the_ways_are_what_the_settings_allow(network, monkeypatch):
    monkeypatch.setattr(precision, "has_instructions", lambda: True)
    everything = (EXACT, BFLOAT16, BY_OPENVINO, BFLOAT16_BY_OPENVINO)
    assert precision.ways(*network, "auto", "auto") == everything
    assert precision.ways(*network, "torch", "auto") == (EXACT, BFLOAT16)
    assert precision.ways(*network, "openvino", "auto") == (BY_OPENVINO, BFLOAT16_BY_OPENVINO)
    assert precision.ways(*network, "auto", "float32") == (EXACT, BY_OPENVINO)
    monkeypatch.setattr(precision, "has_instructions", lambda: False)
    assert precision.ways(*network, "auto", "auto") == (EXACT, BY_OPENVINO)


@needs_openvino
def test_openvino_is_chosen_where_it_is_faster_and_the_masks_are_the_same(network, clock):
    choice = precision.choose(*network, precision.ways(*network, "auto", "auto"))
    assert (choice.way, choice.least_iou >= 0.99) == (BFLOAT16_BY_OPENVINO, True)
    assert choice.reason.startswith("8.0 times as fast as float32 by torch, masks agree to an IoU of ")
    # Four times as fast in bfloat16: its float32 need not be measured.
    assert choice.seconds == {"float32": 8, "bfloat16": 2, "bfloat16 by OpenVINO": 1}


@needs_openvino
@pytest.mark.parametrize(
    ("seconds", "chosen"),
    [
        ({BFLOAT16_BY_OPENVINO: 1.9}, BFLOAT16),  # not enough for a second copy of the weights
        ({BFLOAT16: 7.0, BFLOAT16_BY_OPENVINO: 5.9}, BY_OPENVINO),  # hardly faster than what is exact
        ({BFLOAT16: 7.0, BFLOAT16_BY_OPENVINO: 7.0}, BY_OPENVINO),
        ({BFLOAT16: 7.0, BFLOAT16_BY_OPENVINO: 7.0, BY_OPENVINO: 7.5}, EXACT),
        ({EXACT: 0.9}, EXACT),
    ],
)
def test_what_gains_little_is_not_chosen(network, clock, seconds, chosen):
    clock[0].update(seconds)
    assert precision.choose(*network, precision.ways(*network, "auto", "auto")).way == chosen


@needs_openvino
def test_masks_and_numbers_that_differ_leave_it_to_torch(network, clock):
    seconds, changes, _asked = clock
    seconds[BFLOAT16] = 7.0
    changes[BFLOAT16_BY_OPENVINO] = spoiled(0.3)
    changes[BY_OPENVINO] = spoiled(3e-3)
    choice = precision.choose(*network, precision.ways(*network, "auto", "auto"))
    assert choice.way == EXACT
    assert (
        "bfloat16 by OpenVINO is not taken, as its masks agree with the exact ones only to an IoU of 0."
        in choice.reason
    )
    assert "float32 by OpenVINO gives other numbers, by " in choice.reason
    # Also where the settings ask for OpenVINO.
    assert precision.choose(*network, precision.ways(*network, "openvino", "auto")).way == EXACT
    # Values that are no numbers agree with nothing.
    changes[BY_OPENVINO] = lambda tensors: {name: tensor * torch.nan for name, tensor in tensors.items()}
    assert precision.choose(*network, precision.ways(*network, "auto", "float32")).way == EXACT


@needs_openvino
def test_a_precision_that_is_asked_for_stays_where_openvino_is_refused(network, clock):
    changes = clock[1]
    changes[BFLOAT16] = changes[BFLOAT16_BY_OPENVINO] = spoiled(0.3)
    assert precision.choose(*network, precision.ways(*network, "auto", "bfloat16")).way == BFLOAT16


@needs_openvino
def test_a_choice_is_kept_for_the_version_and_for_what_there_was_to_choose(
    network, clock, monkeypatch, tmp_path
):
    asked = clock[2]
    everything = precision.ways(*network, "auto", "auto")
    first = precision.choose(*network, everything, tmp_path)
    asked.clear()
    assert precision.choose(*network, everything, tmp_path) == first and asked == []
    precision.choose(*network, precision.ways(*network, "auto", "float32"), tmp_path)
    assert asked == [BY_OPENVINO]
    asked.clear()
    monkeypatch.setattr(openvino_package, "version", lambda: "2099.1")
    assert precision.choose(*network, everything, tmp_path) == first and asked
    assert len(list(tmp_path.iterdir())) == 3


def test_differences_are_measured_by_the_largest_value():
    one = {"a": torch.tensor([100.0, 1.0]), "b": torch.tensor([1.0])}
    assert largest_difference(one, {"a": torch.tensor([100.0, 2.0]), "b": one["b"]}) == pytest.approx(0.01)
    assert largest_difference(one, {"a": one["a"], "b": torch.tensor([1.5])}) == pytest.approx(0.5)
    assert np.isnan(largest_difference(one, {"a": one["a"] * torch.nan, "b": one["b"]}))
