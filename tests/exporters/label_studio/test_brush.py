"""The brush's code, held to Label Studio's own encoder and decoder."""

from __future__ import annotations

import json

import numpy as np
import pytest
from hypothesis import given, settings

from exporters.label_studio import brush
from exporters.shapes import row_runs
from tests.exporters.mask_strategies import masks as any_mask
from tests.exporters.world import masks
from tests.readers.ask import ask


def decoded(code: list[int], hw: tuple[int, int]) -> np.ndarray:
    runs = brush.decode(code, hw[0] * hw[1])
    return np.repeat(np.arange(len(runs)) % 2 == 1, runs).reshape(hw)


def test_a_code_worked_out_by_hand():
    # 4 values; 8 bits each; lengths of 3, 4, 8 or 16 bits; then a run of 4 times 255.
    bits = f"{4:032b}" + "00111" + "0010" + "0011" + "0111" + "1111" + "1" + "00" + "011" + "11111111"
    bits += "0" * (8 - len(bits) % 8)
    code = [int(bits[at : at + 8], 2) for at in range(0, len(bits), 8)]
    assert brush.encode([0, 1]) == code
    assert brush.decode(code, 1) == [0, 1]


@settings(max_examples=100, deadline=None)
@given(any_mask)
def test_any_mask_comes_back(mask):
    assert np.array_equal(decoded(brush.encode(row_runs(mask)), mask.shape), mask)


def test_long_runs_come_back():
    for runs in ([200_000, 65_536, 1], [0, 16_384, 16_385], [16_383, 1], [0, 2, 4, 64, 65]):
        assert brush.decode(brush.encode(runs), sum(runs)) == runs


def test_label_studio_s_own_codec_gives_the_same_both_ways(tmp_path):
    random = np.random.default_rng(0)
    shapes = [*masks().values(), np.zeros((3, 5), bool), np.ones((170, 100), bool)]
    shapes += [random.random((int(h), int(w))) < 0.3 for h, w in random.integers(1, 30, (20, 2))]
    asked = [{"rows": mask.astype(int).tolist(), "code": brush.encode(row_runs(mask))} for mask in shapes]
    path = tmp_path / "brushes.json"
    path.write_text(json.dumps(asked))
    for mask, ours, theirs in zip(shapes, asked, ask("label_studio_brush", path), strict=True):
        assert theirs["rows"] == ours["rows"]
        assert theirs["code"] == ours["code"]
        assert np.array_equal(decoded(theirs["code"], mask.shape), mask)


def test_single_values_other_sizes_and_half_set_colours_are_read():
    # Two pixels as 8 values one by one, then one pixel as a run; the opacity alone counts. Lengths of 4 bits only.
    bits = f"{12:032b}" + "00111" + "0011" * 4
    bits += "0" + "10" + "0111" + "".join(f"{value:08b}" for value in (255, 255, 255, 0, 0, 0, 0, 3))
    bits += "1" + "01" + "0011" + "00000000"
    bits += "0" * (-len(bits) % 8)
    assert brush.decode([int(bits[at : at + 8], 2) for at in range(0, len(bits), 8)], 3) == [1, 1, 1]


@pytest.mark.parametrize(
    ("code", "says"),
    [
        ([], "cut short"),
        ([0, 0, 0], "cut short"),
        ("text", "list of numbers"),
        ([1, 2, 300], "list of numbers"),
        ([1.5], "list of numbers"),
        (None, "list of numbers"),
        (10**12, "list of numbers"),
        (brush.encode([1, 2, 1])[:-3], "cut short"),
        (brush.encode([1, 2, 2]), "5 pixels, the image 4"),
        ([255] * 12, "pixels"),
    ],
)
def test_what_is_no_brush_is_refused(code, says):
    with pytest.raises(brush.BrushError, match=says):
        brush.decode(code, 4)


def test_more_pixels_than_the_head_can_count_are_refused():
    with pytest.raises(brush.BrushError, match="at most"):
        brush.encode([2**30])
