"""SAM's own image encoder as it runs on a CPU, against transformers' modules with the same weights."""

from __future__ import annotations

import pytest
import torch

from segmentation.families.sam.encoders import vit
from segmentation.families.sam.network import SamShape


def encoder_of(**changes):
    """Random weights, the positions' tables too, which are zeros in a new network."""
    shape = SamShape(
        **{"width": 48, "depth": 3, "heads": 3, "global_layers": (1,), "channels": 16, "input_side": 320}
        | changes
    )
    torch.manual_seed(0)
    encoder = shape.new_encoder().eval()
    with torch.no_grad():
        for name, weights in encoder.named_parameters():
            if "norm" not in name:
                weights.normal_(std=0.4 if "pos" in name else 0.15)
            else:
                weights.add_(0.2 * torch.randn_like(weights))
    return encoder


@pytest.mark.parametrize(
    "changes",
    [
        {},  # windows of 14 in 20 patches: padded
        {"global_layers": (0, 1, 2)},
        {"input_side": 224, "global_layers": ()},  # one window, without padding
        {"width": 42, "mlp": 100},  # as pruned networks have it
    ],
)
@torch.inference_mode()
def test_it_gives_what_transformers_modules_give(changes):
    encoder = encoder_of(**changes)
    pixels = torch.randn(2, 3, encoder.image_size, encoder.image_size)
    expected = super(type(encoder), encoder).forward(pixels).last_hidden_state
    assert expected.std() > 0.5
    torch.testing.assert_close(vit.encode(encoder, pixels), expected, atol=2e-5, rtol=0)
    torch.testing.assert_close(encoder(pixels), expected, atol=2e-5, rtol=0)


def test_weights_that_change_after_an_image_are_rounded_anew():
    encoder, other = encoder_of(), encoder_of()
    with torch.no_grad():
        other.layers[0].mlp.lin1.weight.mul_(-1)
    pixels = torch.randn(1, 3, 320, 320)
    with torch.inference_mode(), torch.autocast("cpu", torch.bfloat16):
        before = vit.encode(encoder, pixels)
        encoder.load_state_dict(other.state_dict())
        after, expected = vit.encode(encoder, pixels), vit.encode(other, pixels)
    assert torch.equal(after, expected)
    assert not torch.equal(after, before)


@pytest.mark.parametrize("global_layers", [(), (0, 1, 2)])
@torch.inference_mode()
def test_bfloat16_products_give_nearly_the_same(global_layers):
    encoder = encoder_of(global_layers=global_layers)
    pixels = torch.randn(2, 3, 320, 320)
    exact = vit.encode(encoder, pixels)
    with torch.autocast("cpu", torch.bfloat16):
        rounded = encoder(pixels)
    assert rounded.dtype == torch.float32
    # Eight bits, through three layers: measured 0.002 and 0.017 of the spread.
    assert (rounded - exact).abs().mean() < 0.01 * exact.std()
    assert (rounded - exact).abs().max() < 0.1 * exact.std()


@torch.inference_mode()
def test_the_positions_folded_into_one_product_are_exact():
    encoder = encoder_of(global_layers=(0, 1, 2))
    tokens, attention = torch.randn(1, 20, 20, 48), encoder.layers[0].attn
    by_rows, at_once = (way(attention, tokens, 0) for way in (vit._over_all_by_rows, vit._over_all_at_once))
    torch.testing.assert_close(at_once, by_rows, atol=1e-5, rtol=0)


def test_where_gradients_are_asked_for_the_modules_give_them():
    encoder = encoder_of()
    encoder(torch.randn(1, 3, 320, 320)).sum().backward()
    assert encoder.layers[1].attn.rel_pos_h.grad.abs().sum() > 0


@pytest.mark.parametrize(("global_layers", "first"), [((1, 2), 1), ((2,), 2)])
def test_early_features_are_those_after_the_first_layer_over_the_whole_image(global_layers, first):
    encoder = encoder_of(global_layers=global_layers)
    given = []
    encoder.layers[first].register_forward_hook(lambda _layer, _inputs, tokens: given.append(tokens))
    pixels = torch.randn(1, 3, encoder.image_size, encoder.image_size)
    expected, early = encoder.with_early(pixels)  # by the modules, because gradients may be asked for
    torch.testing.assert_close(early, given[0].permute(0, 3, 1, 2))
    with torch.inference_mode():
        image, fast_early = encoder.with_early(pixels)
        torch.testing.assert_close(encoder(pixels), image)
    torch.testing.assert_close(image, expected, atol=2e-5, rtol=0)
    torch.testing.assert_close(fast_early, early, atol=2e-5 * float(early.detach().std()), rtol=0)
