import numpy as np
import pytest

from segmentation.bundle import outputs_of
from segmentation.frames import ModelFrame
from segmentation.prompts import PromptError, build_prompt_tensors, candidate_order
from tests.segmentation import golden

FRAME = ModelFrame(600, 800, 1024)


@pytest.mark.parametrize("case", golden.load("prompt")["cases"], ids=lambda case: case["name"])
def test_prompt_becomes_what_the_decoder_is_fed(case):
    frame = ModelFrame(case["image"]["height"], case["image"]["width"], case["side"])
    coords, labels = build_prompt_tensors(frame, **case["prompt"])

    assert coords.dtype == labels.dtype == np.float32
    np.testing.assert_array_equal(coords[0], np.array(case["point_coords"], np.float32).reshape(-1, 2))
    assert labels.tolist() == [case["point_labels"]]


@pytest.mark.parametrize("case", golden.load("prompt")["orders"], ids=lambda case: case["name"])
def test_outputs_are_offered_in_this_order(case):
    outputs = outputs_of({"outputs": case["outputs"]})
    prompt, predictions = case["prompt"], np.array(case["iou_predictions"], np.float32)
    has_box = prompt["box"] is not None
    low_res_logits = np.repeat(np.float32(case["masks"]), 16).reshape(-1, 4, 4)
    order = candidate_order(predictions, outputs, len(prompt["point_labels"]), has_box, low_res_logits)
    assert order == case["order"]


def test_box_may_have_a_batch_axis():
    flat = build_prompt_tensors(FRAME, box=np.array([1, 2, 3, 4]))
    batched = build_prompt_tensors(FRAME, box=np.array([[1, 2, 3, 4]]))
    np.testing.assert_array_equal(flat[0], batched[0])


@pytest.mark.parametrize(
    ("prompt", "sentence"),
    [
        ({"point_coords": [[1, 2]]}, "belong together"),
        ({"point_labels": [1]}, "belong together"),
        ({"point_coords": [1, 2], "point_labels": [1]}, r"must be \(N, 2\)"),
        ({"point_coords": [[1, 2, 3]], "point_labels": [1]}, r"must be \(N, 2\)"),
        ({"point_coords": [[1, 2], [3, 4]], "point_labels": [1]}, "one for each point"),
        ({"point_coords": [[1, 2]], "point_labels": [[1]]}, "one for each point"),
        ({"point_coords": [[float("nan"), 2]], "point_labels": [1]}, "not finite"),
        ({"point_coords": [[float("inf"), 2]], "point_labels": [1]}, "not finite"),
        ({"point_coords": [[1e39, 2]], "point_labels": [1]}, "float32"),
        ({"box": [-1e300, 2, 3, 4]}, "float32"),
        ({"point_coords": [["a", 2]], "point_labels": [1]}, "array of numbers"),
        ({"point_coords": [[1, 2], [3]], "point_labels": [1, 1]}, "array of numbers"),
        ({"point_coords": [[1, 2]], "point_labels": [2]}, "foreground"),
        ({"point_coords": [[1, 2]], "point_labels": [-1]}, "foreground"),
        ({"box": [1, 2, 3]}, "x0, y0, x1, y1"),
        ({"box": [[1, 2, 3, 4], [5, 6, 7, 8]]}, "x0, y0, x1, y1"),
        ({"box": [1, 2, float("nan"), 4]}, "not finite"),
        ({"box": [30, 2, 3, 4]}, "x0 <= x1"),
    ],
)
def test_malformed_prompt_is_refused_with_a_sentence(prompt, sentence):
    with pytest.raises(PromptError, match=sentence):
        build_prompt_tensors(FRAME, **prompt)
