"""A bundle that stretches images into its square, on the workbench: points and masks lie where Python has them."""

from __future__ import annotations

import dataclasses
import time
from pathlib import Path

import numpy as np
import pytest
import skimage
from PIL import Image

from segmentation import rle
from segmentation.bundle import write_manifest
from segmentation.families.sam.network import manifest_fields
from segmentation.frames import PAD
from segmentation.predictor import Predictor, load_predictor
from segmentation.testing.tiny import make_tiny_bundle
from tests.e2e.workbench_driver import READY_WITHIN_MS, saved

pytestmark = pytest.mark.e2e
PLACE = (450, 120)  # in coffee.png, 600 x 400: a third further down in the square than where it is padded


@pytest.fixture
def stretched(site, tmp_path: Path) -> Path:
    folder = tmp_path / "stretched"
    make_tiny_bundle(folder, seed=4)
    write_manifest(folder, manifest_fields("stretched", "tiny", "Stretched", "none") | {"fit": "stretch"})
    site.manage("install_bundle", str(folder))
    return folder


def mask_of_click(predictor: Predictor, place: tuple[int, int], output: int) -> np.ndarray:
    masks, _, _ = predictor.predict([place], [1], multimask_output=output > 0)
    return masks[max(0, output - 1)]


def test_a_click_gives_the_mask_that_python_gives(make_project, api, bench, stretched):
    project = make_project("coffee.png")
    manager = api("manager")
    answer = manager.patch(f"/api/projects/{project.id}/", data={"bundle": "stretched"})
    assert answer.ok, answer.text()
    deadline = time.monotonic() + READY_WITHIN_MS / 1000
    (image,) = project.images
    while True:
        (row,) = manager.get(f"/api/projects/{project.id}/images/").json()["results"]
        if row["embedding_state"] == "ready":
            break
        assert time.monotonic() < deadline, row
        manager.post(f"/api/images/{image['id']}/embedding/")
        time.sleep(0.5)
    bench.open(image)
    bench.click(PLACE)
    bench.wait_for_masks(1)
    bench.save()

    (annotation,) = saved(api, image)
    (output,) = annotation["prompt"]["mask_indices"]
    actual = rle.decode(annotation["segmentation"]).astype(bool)
    place = tuple(annotation["prompt"]["point_coords"][0])
    predictor = load_predictor(stretched, device="cpu")
    pixels = np.asarray(Image.open(Path(skimage.__file__).parent / "data/coffee.png").convert("RGB"))
    predictor.set_image(pixels)
    expected = mask_of_click(predictor, place, output)
    # The embedding came in float16.
    assert np.mean(actual != expected) < 5e-3
    assert 0.01 < expected.mean() < 0.99, "a flat answer would prove nothing"
    # Padding would be told apart.
    predictor.frame = dataclasses.replace(predictor.frame, fit=PAD)
    assert np.mean(actual != mask_of_click(predictor, place, output)) > 0.05
