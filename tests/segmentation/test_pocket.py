"""pocket's network: its frames, what it ignores, what is built in, what it may cost."""

import numpy as np
import pytest
import torch

from segmentation.encoder import ImageEncoder
from segmentation.families.pocket.network import VARIANTS, PocketModel, box_maps, inside_box, outside_box
from segmentation.predictor import load_predictor

SIDE = 128


@pytest.fixture(scope="module")
def model():
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        return PocketModel().eval().requires_grad_(False)


@pytest.fixture(scope="module")
def embedding(model):
    pixels = torch.rand(1, 3, SIDE, SIDE, generator=torch.Generator().manual_seed(1)) * 2 - 1
    return model.encode_image(pixels)


def decode(model, embedding, points, labels, previous=None):
    mask_input = torch.zeros(1, 1, SIDE // 2, SIDE // 2) if previous is None else previous
    return model.decode(
        embedding, torch.tensor([points]), torch.tensor([labels]), mask_input,
        torch.tensor([float(previous is not None)]),
    )  # fmt: skip


def test_shapes_are_those_of_the_interface(model, embedding):
    assert {name: tuple(t.shape) for name, t in embedding.items()} == {
        "stride16": (1, 96, 8, 8), "stride8": (1, 48, 16, 16), "stride4": (1, 24, 32, 32),
    }  # fmt: skip
    logits, iou = decode(model, embedding, [[10.0, 20.0]], [1.0])
    assert (logits.shape, iou.shape) == ((1, 4, 64, 64), (1, 4))
    assert ((iou >= 0) & (iou <= 1)).all()


@pytest.mark.parametrize("count", [1, 5])
def test_padding_points_change_nothing(model, embedding, count):
    points, labels = [[10.0, 20.0], [90.0, 70.0]], [1.0, 0.0]
    expected = decode(model, embedding, points, labels)
    padded = decode(model, embedding, points + [[0.0, 0.0]] * count, labels + [-1.0] * count)
    for a, b in zip(expected, padded, strict=True):
        torch.testing.assert_close(a, b, rtol=1e-4, atol=1e-4)


def test_order_of_points_changes_nothing(model, embedding):
    points, labels = [[10.0, 20.0], [90.0, 70.0], [40.0, 40.0]], [1.0, 0.0, 1.0]
    a, _ = decode(model, embedding, points, labels)
    b, _ = decode(model, embedding, points[::-1], labels[::-1])
    torch.testing.assert_close(a, b, rtol=1e-4, atol=1e-4)


def test_mask_input_counts_only_when_it_is_said_to(model, embedding):
    points, labels = torch.tensor([[[10.0, 20.0]]]), torch.tensor([[1.0]])
    previous = torch.randn(1, 1, 64, 64, generator=torch.Generator().manual_seed(2)) * 5
    without = model.decode(embedding, points, labels, torch.zeros_like(previous), torch.zeros(1))[0]
    ignored = model.decode(embedding, points, labels, previous, torch.zeros(1))[0]
    used = model.decode(embedding, points, labels, previous, torch.ones(1))[0]
    assert torch.equal(without, ignored)
    assert (used - without).abs().max() > 1e-3


def test_a_batch_decodes_as_its_prompts_do_alone(model, embedding):
    points = torch.tensor([[[10.0, 20.0], [60.0, 60.0]], [[90.0, 70.0], [0.0, 0.0]]])
    labels = torch.tensor([[2.0, 3.0], [1.0, -1.0]])
    pair = {name: maps.expand(2, -1, -1, -1) for name, maps in embedding.items()}
    together = model.decode(pair, points, labels, torch.zeros(2, 1, 64, 64), torch.zeros(2))[0]
    for index in range(2):
        alone = decode(model, embedding, points[index].tolist(), labels[index].tolist())[0]
        torch.testing.assert_close(together[index : index + 1], alone, rtol=1e-4, atol=1e-4)


def test_a_click_presses_its_own_sign_into_the_logits(model):
    side = 512  # a click is about three pixels wide there
    embedding = {
        f"stride{s}": torch.zeros(1, c, side // s, side // s) for s, c in ((16, 96), (8, 48), (4, 24))
    }
    points, labels = torch.tensor([[[82.0, 82.0], [402.0, 402.0]]]), torch.tensor([[1.0, 0.0]])
    saved = model.decoder.click_gain.clone()
    results = []
    for gain in (0.0, 50.0):
        model.decoder.click_gain.fill_(gain)
        prompt = (points, labels, torch.zeros(1, 1, 256, 256), torch.zeros(1))
        results.append(model.decode(embedding, *prompt)[0][0])
    model.decoder.click_gain.copy_(saved)
    change = results[1] - results[0]
    assert (change[:, 41, 41] > 10).all() and (change[:, 201, 201] < -10).all()
    assert change[:, 120, 120].abs().max() < 1e-3


def test_box_is_drawn_where_it_is():
    points = torch.tensor([[[32.0, 16.0], [96.0, 64.0]]]) / SIDE
    labels = torch.tensor([[2.0, 3.0]])
    like = torch.zeros(1, 1, 32, 32)  # 4 model pixels to a cell
    inside = inside_box(points, labels, like)[0, 0] > 0.5
    rows, columns = np.flatnonzero(inside.any(1)), np.flatnonzero(inside.any(0))
    assert (rows[0], rows[-1] + 1, columns[0], columns[-1] + 1) == (4, 16, 8, 24)
    maps, has_box = box_maps(points, labels, like)
    outside = outside_box(maps)[0, 0]
    assert has_box.item() == 1
    assert (outside[inside] == 0).all() and (outside[:3] > 0).all()
    # One box width to the right of the box: x = 160 would be; cell 31's middle, x = 126, is 30 / 64 of a width away.
    assert outside[8, 31].item() == pytest.approx(30 / 64, abs=1e-5)
    assert (box_maps(points, torch.tensor([[1.0, 0.0]]), like)[0] == 0).all()


def decoder_macs(variant: str = "v1", side: int = 512) -> int:
    """Multiply-adds of one `decode` at an input side, convolutions only."""
    counted = 0

    def count(module: torch.nn.Conv2d, _inputs: tuple, output: torch.Tensor) -> None:
        nonlocal counted
        counted += output.numel() * module.weight[0].numel()

    model = PocketModel(variant).eval()
    hooks = [
        m.register_forward_hook(count) for m in model.decoder.modules() if isinstance(m, torch.nn.Conv2d)
    ]
    channels = VARIANTS[variant].channels
    embedding = {
        f"stride{s}": torch.zeros(1, c, side // s, side // s)
        for s, c in zip((16, 8, 4), channels, strict=True)
    }
    with torch.no_grad():
        model.decode(
            embedding,
            torch.zeros(1, 1, 2),
            torch.ones(1, 1),
            torch.zeros(1, 1, side // 2, side // 2),
            torch.zeros(1),
        )
    for hook in hooks:
        hook.remove()
    return counted


def test_decoder_stays_cheap_enough_for_a_browser():
    assert decoder_macs(side=512) < 0.4e9


def test_bundled_embedding_is_small_and_far_from_the_limits_of_float16():
    encoder = ImageEncoder("pocket", "cpu")
    image = np.random.default_rng(0).integers(0, 256, (200, 300, 3), dtype=np.uint8)
    embedding = encoder.encode(image, np.float32)
    assert sum(tensor.size * 2 for tensor in embedding.values()) < 2 * 2**20
    assert max(np.abs(tensor).max() for tensor in embedding.values()) < 1000


def test_bundled_masks_survive_storing_the_embedding_as_float16():
    predictor = load_predictor("pocket", device="cpu")
    y, x = np.mgrid[:240, :320]
    image = np.where(((x - 150) ** 2 + (y - 120) ** 2 < 60**2)[..., None], (200, 60, 40), (60, 90, 120))
    image = image.astype(np.uint8)
    masks = []
    for dtype in (np.float32, np.float16):
        predictor.set_embedding(predictor.encoder.encode(image, dtype), image.shape[:2])
        masks.append(predictor.predict([[150, 120]], [1])[0])
    assert np.mean(masks[0] != masks[1]) < 2e-3


def test_larger_network_begins_as_the_smaller_one_whose_weights_it_takes():
    small, large = PocketModel("v1").eval(), PocketModel("v2").eval()
    large.take_weights(small.state_dict())
    pixels = torch.rand(1, 3, SIDE, SIDE, generator=torch.Generator().manual_seed(1)) * 2 - 1
    expected, grown = small.encode_image(pixels), large.encode_image(pixels)
    for name, tensor in expected.items():
        torch.testing.assert_close(grown[name], tensor, rtol=0, atol=0)
    sum(tensor.square().sum() for tensor in grown.values()).backward()
    assert all(block.narrow.weight.grad.abs().sum() > 0 for block in large.neck.blocks16)


def test_weights_of_another_network_are_refused():
    small, large = PocketModel("v1"), PocketModel("v2")
    with pytest.raises(RuntimeError, match=r"another network: neck\.blocks16\.2"):
        small.take_weights(large.state_dict())
    without = {name: tensor for name, tensor in small.state_dict().items() if "iou_head" not in name}
    with pytest.raises(RuntimeError, match=r"another network: decoder\.iou_head"):
        large.take_weights(without)
