"""Where a simulated person clicks."""

import numpy as np
import pytest

from segmentation.training.loop import add_corrections, first_prompts
from segmentation.training.prompt_simulation import (
    PromptBatch,
    centre_of_largest_region,
    next_click,
    noisy_box,
    random_point,
)


def field(*rectangles, height=40, width=50):
    mask = np.zeros((height, width), bool)
    for top, left, bottom, right in rectangles:
        mask[top:bottom, left:right] = True
    return mask


def test_first_evaluation_click_is_deepest_inside_the_largest_part():
    target = field((2, 2, 5, 5), (10, 10, 31, 31))
    assert centre_of_largest_region(target) == (20, 20)
    assert next_click(target, np.zeros_like(target)) == ((20, 20), 1)


def test_border_of_the_picture_counts_as_outside():
    row, column = centre_of_largest_region(field((0, 0, 21, 21)))
    assert (row, column) == (10, 10)


def test_click_goes_where_more_is_wrong():
    target = field((10, 10, 30, 20))
    assert next_click(target, field((10, 10, 30, 20), (0, 30, 15, 45)))[1] == 0
    assert next_click(target, field((10, 10, 14, 20)))[1] == 1


def test_perfect_mask_needs_no_click():
    target = field((10, 10, 30, 20))
    assert next_click(target, target.copy()) is None
    assert centre_of_largest_region(np.zeros((4, 4), bool)) is None


@pytest.mark.parametrize("seed", range(20))
def test_training_clicks_lie_in_the_error_they_correct(seed):
    rng = np.random.default_rng(seed)
    target, mask = field((10, 10, 30, 20)), field((14, 12, 38, 26))
    (row, column), label = next_click(target, mask, rng)
    assert target[row, column] == bool(label)
    assert mask[row, column] != bool(label)


def test_random_point_is_inside_even_a_single_cell():
    target = field((7, 9, 8, 10))
    assert {random_point(target, np.random.default_rng(seed)) for seed in range(10)} == {(7, 9)}
    with pytest.raises(ValueError, match="empty"):
        random_point(np.zeros((3, 3), bool), np.random.default_rng(0))


@pytest.mark.parametrize("target", [field((10, 10, 30, 20)), field((0, 0, 40, 50)), field((39, 49, 40, 50))])
def test_noisy_box_stays_near_the_target_and_in_the_picture(target):
    rows, columns = np.flatnonzero(target.any(1)), np.flatnonzero(target.any(0))
    for seed in range(50):
        x0, y0, x1, y1 = noisy_box(target, np.random.default_rng(seed))
        assert 0 <= x0 < x1 <= 50 and 0 <= y0 < y1 <= 40
        assert abs(x0 - columns[0]) <= 11 and abs(y1 - rows[-1] - 1) <= 11


def test_nearly_half_of_the_boxes_are_exact():
    target = field((10, 12, 30, 40))
    boxes = [noisy_box(target, np.random.default_rng(seed)) for seed in range(200)]
    assert 60 < sum(box == (12, 10, 40, 30) for box in boxes) < 120


def test_prompts_are_padded_to_one_length_and_put_into_model_pixels():
    prompt = PromptBatch(2, cell=2)
    prompt.add_point(0, row=3, column=5, label=1)
    prompt.add_box(1, (1.0, 2.0, 6.0, 7.0))
    coords, labels = prompt.arrays()
    # A cell is two model pixels wide; the middle of column 5 is x = 11, of which the decoder's half pixel is taken off.
    np.testing.assert_array_equal(coords[0, 0], (10.5, 6.5))
    np.testing.assert_array_equal(labels, [[1, -1], [2, 3]])
    np.testing.assert_array_equal(coords[1], [(2, 4), (12, 14)])


def test_all_kinds_of_first_prompts_occur_and_only_a_single_point_is_ambiguous():
    targets = np.stack([field((10, 10, 30, 20))] * 200)
    prompt, ambiguous = first_prompts(targets, np.random.default_rng(0), cell=2)
    _, labels = prompt.arrays()
    boxed, points = (labels == 2).any(1), ((labels == 1) | (labels == 0)).sum(1)
    assert (ambiguous == (~boxed & (points == 1))).all()
    assert {(bool(b), min(int(p), 2)) for b, p in zip(boxed, points, strict=True)} == {
        (False, 1), (True, 0), (True, 1), (False, 2),
    }  # fmt: skip


def test_each_round_adds_one_click_to_every_prompt():
    targets = np.stack([field((10, 10, 30, 20)), field((5, 5, 9, 9))])
    prompt = PromptBatch(2, cell=2)
    for expected in (1, 2, 3):
        add_corrections(prompt, targets, targets.copy(), np.random.default_rng(0))
        assert [len(points) for points in prompt.points] == [expected] * 2
