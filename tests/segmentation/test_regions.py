import numpy as np
import pytest

from segmentation import masks, rle
from segmentation.embedding_file import EmbeddingFileInvalid, as_int8, read_embedding, write_embedding
from segmentation.frames import ModelFrame
from segmentation.predictor import load_predictor
from segmentation.regions import MIN_SIDE, Region, RegionMalformed, region_from_text, region_of_view
from tests.segmentation import golden
from tests.segmentation.original_sam import photograph
from tests.segmentation.test_masks import logits_of

CASES = golden.load("region")
IMAGE = photograph(200, 300)
REGION = Region(96, 32, 128, 128)


def names(case):
    return case["name"]


def hw_of(case):
    return case["image"]["height"], case["image"]["width"]


@pytest.mark.parametrize("case", CASES["views"], ids=names)
def test_a_view_has_the_golden_region(case):
    region = region_of_view(tuple(case["view"]), hw_of(case))
    assert region == (Region(*case["region"]) if case["region"] else None)


@pytest.mark.parametrize("text", CASES["malformed"])
def test_what_is_no_region_is_refused(text):
    with pytest.raises(RegionMalformed):
        region_from_text(text, (300, 400))


def test_any_view_lies_in_its_region_which_is_a_region_of_the_image():
    random = np.random.default_rng(0)
    found = 0
    for _ in range(2000):
        hw = tuple(int(n) for n in random.integers(50, 6000, 2))
        x, y = random.uniform(-50, hw[1]), random.uniform(-50, hw[0])
        view = (x, y, x + random.uniform(1, 2000), y + random.uniform(1, 2000))
        region = region_of_view(view, hw)
        if region is None:
            continue
        found += 1
        assert region_from_text(str(region), hw) == region
        assert region.x <= max(0, view[0]) and min(hw[1], view[2]) <= region.x + region.width
        assert region.y <= max(0, view[1]) and min(hw[0], view[3]) <= region.y + region.height
    assert found > 300


def test_a_region_of_a_thin_image_may_be_thin():
    assert Region(0, 0, MIN_SIDE, 10).check((10, 500)).hw == (10, MIN_SIDE)


@pytest.mark.parametrize("case", CASES["frames"], ids=names)
def test_points_move_from_the_image_through_the_region_to_the_model(case):
    frame = ModelFrame(*hw_of(case), case["side"], Region(*case["region"]))
    in_image = [point["image"] for point in case["points"]]
    in_model = np.array([point["model"] for point in case["points"]], np.float32)
    np.testing.assert_array_equal(frame.from_image(in_image), in_model)


@pytest.mark.parametrize("case", CASES["masks"], ids=names)
def test_a_mask_decoded_in_a_region_has_the_images_size(case):
    frame = ModelFrame(*hw_of(case), case["side"], Region(*case["region"]))
    logits = masks.postprocess(logits_of(case | {"constant": 0}), frame)
    assert rle.encode(logits[0] > 0) == {"size": list(frame.image_hw), "counts": case["counts"]}


def test_a_predictor_looks_at_a_region_as_it_would_at_a_picture_of_it(tiny_dir):
    whole, part = load_predictor(tiny_dir, device="cpu"), load_predictor(tiny_dir, device="cpu")
    whole.set_image(IMAGE, region=REGION)
    part.set_image(IMAGE[REGION.slices])
    for name, tensor in part.get_image_embedding().items():
        np.testing.assert_array_equal(whole.get_image_embedding()[name], tensor)

    found, rated, low_res = whole.predict(np.array([[150, 90]]), np.array([1]))
    expected, expected_rated, expected_low_res = part.predict(np.array([[54, 58]]), np.array([1]))
    np.testing.assert_array_equal(low_res, expected_low_res)
    np.testing.assert_array_equal(rated, expected_rated)
    assert found.shape == (3, 200, 300)
    np.testing.assert_array_equal(found[:, *REGION.slices], expected)
    assert found.sum() == expected.sum()


def test_a_region_beyond_the_image_is_refused_before_anything_is_computed(tiny_dir):
    with pytest.raises(RegionMalformed, match="beyond"):
        load_predictor(tiny_dir, device="cpu").set_image(IMAGE, region=Region(200, 0, 128, 128))


def test_an_embedding_file_says_which_region_it_is_of():
    tensors = {"image_embedding": np.ones((2, 3, 3), np.float32)}
    content = write_embedding(tensors, "d" * 64, (200, 300), REGION)
    for form in (content, as_int8(content)):
        assert (read_embedding(form).image_hw, read_embedding(form).region) == ((200, 300), REGION)
    assert read_embedding(write_embedding(tensors, "d" * 64, (200, 300))).region is None
    with pytest.raises(EmbeddingFileInvalid):
        read_embedding(content.replace(b"96,32,128,128", b"96,32,928,128"))
