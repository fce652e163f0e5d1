import numpy as np
import pytest

from segmentation.frames import ModelFrame
from tests.segmentation import golden

CASES = golden.load("frames")


def names(case):
    return case["name"]


@pytest.mark.parametrize("case", CASES["model_frame"], ids=names)
def test_model_frame_moves_points_as_the_original_does(case):
    frame = ModelFrame(
        case["image"]["height"], case["image"]["width"], case["side"], fit=case.get("fit", "pad")
    )
    in_image = [point["image"] for point in case["points"]]
    in_model = np.array([point["model"] for point in case["points"]])

    assert frame.input_hw == (case["input"]["height"], case["input"]["width"])
    assert frame.from_image(in_image).dtype == np.float32
    np.testing.assert_array_equal(frame.from_image(in_image), in_model.astype(np.float32))


def test_no_points_stay_no_points():
    assert ModelFrame(10, 20, 1024).from_image(np.zeros((0, 2))).shape == (0, 2)


def test_given_points_are_not_modified():
    points = np.array([[3.0, 4.0]])
    ModelFrame(10, 20, 1024).from_image(points)
    assert points.tolist() == [[3, 4]]


@pytest.mark.parametrize("points", [[1, 2], [[1, 2, 3]], 5, [[[1, 2]]]])
def test_points_of_another_shape_are_refused(points):
    with pytest.raises(ValueError, match=r"\(N, 2\)"):
        ModelFrame(10, 20, 1024).from_image(points)


def test_an_unknown_way_into_the_square_is_refused():
    with pytest.raises(ValueError, match="fit must be 'pad' or 'stretch', got 'crop'"):
        ModelFrame(10, 20, 1024, fit="crop")


@pytest.mark.parametrize("sizes", [(0, 5, 1024), (5, 0, 1024), (5, 5, 0), (-3, 5, 1024)])
def test_image_without_pixels_is_refused(sizes):
    with pytest.raises(ValueError, match="positive"):
        ModelFrame(*sizes)
