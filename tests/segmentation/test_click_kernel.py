"""The click as a WebAssembly kernel against the same package's ONNX graphs: the same masks and IoU predictions.

SAM's, and SAM 2's, which has one more token, cuts a mask prompt and rates by sigmoids.
"""

import json
import subprocess
from pathlib import Path

import numpy as np
import pytest
import safetensors.numpy

from benchmarks.random_sam import GRID, RandomSam
from scripts.environment import node_folder
from segmentation.decoder.package import write_package
from segmentation.families.sam.decoder_weights import from_segment_anything
from segmentation.families.sam2.fast import decoder_weights
from segmentation.families.sam2.network import FINE, LOGIT_LIMIT, MIDDLE
from segmentation.families.two_way.click_kernel import BUILDS
from segmentation.families.two_way.package import build_graphs, decoder_files
from segmentation.families.two_way.session import Click, FastDecoder
from tests.segmentation.sam2_world import wide_network

SCRIPT = Path(__file__).with_name("run_click_kernel.mjs")
# As the fast decoder's; the logits' standard deviation is some 6.
LOGIT_TOLERANCE, IOU_TOLERANCE = 1e-3, 1e-5


def sam_decoder():
    """Weights, an embedding, and its features that only the tail takes."""
    sam = RandomSam(seed=7)
    return from_segment_anything(sam.decoder_state()), sam.image_embedding(), {}


def sam2_decoder():
    state = {name: tensor.numpy() for name, tensor in wide_network("sam2").state_dict().items()}
    weights, random = decoder_weights(state, GRID, 1024, LOGIT_LIMIT), np.random.default_rng(8)
    image, *features = (
        random.normal(0, 1.5, (1, *shape)).astype(np.float32) for shape in weights.embedding_shapes().values()
    )
    return weights, image, dict(zip((MIDDLE, FINE), features, strict=True))


@pytest.fixture(scope="module", params=[sam_decoder, sam2_decoder])
def made(request, tmp_path_factory):
    """A folder with a package and two images' tensors, and the decoder of the package's graphs."""
    folder = tmp_path_factory.mktemp("click_kernel")
    weights, embedding, features = request.param()
    write_package(
        decoder_files(weights), folder / "package.safetensors", {"bundle_digest": "0" * 64, "family": "any"}
    )
    decoder = FastDecoder(build_graphs(weights), own_tokens=len(weights.own_tokens()))
    images = {
        name: decoder.prepare_image(e, features)
        for name, e in (("a", embedding), ("b", embedding[..., ::-1].copy()))
    }
    for image, tensors in images.items():
        for name, values in tensors.items():
            values.tofile(folder / f"{image}.{name}")
    return folder, decoder, images


@pytest.mark.parametrize("build", BUILDS)
def test_kernel_answers_as_the_graphs_do(made, build):
    folder, decoder, images = made
    rng = np.random.default_rng(11)
    prompts, cases = [], []
    # From one point to the most that fit in both, with and without a mask, boxes among them, images taking turns. A
    # third of a mask's logits lie beyond SAM 2's limit.
    for index, (count, has_box, has_mask) in enumerate(
        [(1, 0, 0), (2, 0, 1), (0, 1, 0), (3, 1, 1), (7, 0, 0), (9, 0, 1), (1, 0, 0)]
    ):
        corners = np.sort(rng.uniform(0, 1023, (2, 2)), axis=0)
        points = [*rng.uniform(0, 1023, (count, 2)), *(corners if has_box else [(0, 0)])]
        labels = [*rng.integers(0, 2, count), *((2, 3) if has_box else (-1,))]
        mask = rng.normal(0, 32, (1, 1, 4 * GRID, 4 * GRID)).astype(np.float32) if has_mask else None
        if mask is not None:
            mask.tofile(folder / f"{index}.mask")
        prompts.append((np.array([points], np.float32), np.array([labels], np.float32), mask))
        cases.append(
            {
                "image": index % 2,
                "coords": np.ravel(points).tolist(),
                "labels": np.array(labels).tolist(),
                "hasMask": bool(has_mask),
            }
        )
    (folder / "cases.json").write_text(json.dumps({"build": build, "images": list(images), "cases": cases}))
    command = [str(node_folder() / "node"), str(SCRIPT), str(folder)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr

    answers = json.loads(done.stdout)
    assert len(answers) == len(prompts)
    for index, ((coords, labels, mask), rated) in enumerate(zip(prompts, answers, strict=True)):
        image = images[list(images)[index % 2]]
        expected = decoder.click(image, coords, labels, mask)
        window = (0, GRID, 0, GRID)
        wanted = decoder.masks(image, expected, window)
        tail = {name: np.fromfile(folder / f"{index}.{name}", np.float32) for name in expected.tail_inputs}
        tail = {
            "gain": tail["gain"].reshape(1, -1),
            "coefficients": tail["coefficients"].reshape(-1, GRID * GRID),
            "basis": tail["basis"].reshape(-1, 256),
            "filters": tail["filters"].reshape(4, -1)[expected.mask_indices],
        }
        actual = decoder.masks(image, Click(expected.iou_predictions, expected.mask_indices, tail), window)
        assert wanted.std() > 1, "a flat answer would prove nothing"
        assert np.abs(actual - wanted).max() < LOGIT_TOLERANCE
        assert np.abs(np.array(rated) - expected.iou_predictions[0]).max() < IOU_TOLERANCE


def test_package_carries_both_builds_and_hardly_more_weights(made):
    folder, _, _ = made
    files = safetensors.numpy.load_file(folder / "package.safetensors")
    index = json.loads(files["click-weights"].tobytes())
    assert {f"click-{build}.wasm" for build in BUILDS} <= set(files)
    numbers = sum(entry[1] for entry in index.values() if isinstance(entry, list))
    assert 4 * numbers < files["weights.bin"].nbytes < 30e6, "the graphs' constants are the kernel's"
