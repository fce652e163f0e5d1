"""pocket's decoder as a WebAssembly kernel against torch: the same logits and IoU predictions."""

import json
import subprocess
from pathlib import Path

import numpy as np
import pytest
import safetensors
import torch

from scripts.environment import node_folder
from segmentation.bundle import find_bundle, load_manifest
from segmentation.decoder.package import export_package, write_package
from segmentation.families import DecoderFiles, load_model
from segmentation.families.pocket.kernel import BUILDS, kernel_files
from segmentation.families.pocket.network import PocketModel

SCRIPT = Path(__file__).with_name("run_pocket_kernel.mjs")
# As for SAM's fast decoder; the logits' standard deviation is some 3 to 10.
LOGIT_TOLERANCE, IOU_TOLERANCE = 5e-3, 2e-4


@pytest.mark.parametrize("build", BUILDS)
@pytest.mark.parametrize(("side", "is_trained"), [(512, True), (192, True), (128, False)])
def test_kernel_answers_as_torch_does(tmp_path: Path, build: str, side: int, is_trained: bool):
    torch.manual_seed(3)
    model = load_model(find_bundle("pocket")) if is_trained else PocketModel().eval()
    images = [picture(side, seed) for seed in (1, 2)]  # two, so that one image's tensors are replaced
    compare(model, images, side, prompts_per_image=6 if side > 400 else 12, folder=tmp_path, build=build)


def compare(
    model, images: list[torch.Tensor], side: int, prompts_per_image: int, folder: Path, build: str
) -> None:
    state = {name: tensor.numpy() for name, tensor in model.state_dict().items()}
    files = DecoderFiles(kernel_files(state), {})
    write_package(files, folder / "package.safetensors", {"bundle_digest": "0" * 64, "family": "pocket"})
    rng = np.random.default_rng(5)
    expected, cases = [], []
    for image, pixels in enumerate(images):
        with torch.no_grad():
            embedding = model.encode_image(pixels)
        for name, maps in embedding.items():
            maps.numpy().tofile(folder / f"{image}.{name}")
        previous = None
        cases.append([])
        for index in range(prompts_per_image):
            coords, labels = random_prompt(rng, side, index)
            mask = previous if index % 3 else None  # two in three are fed the logits of the prompt before
            with torch.no_grad():
                logits, iou = model.decode(
                    embedding,
                    torch.from_numpy(coords)[None],
                    torch.from_numpy(labels)[None],
                    torch.zeros(1, 1, side // 2, side // 2) if mask is None else mask,
                    torch.tensor([0.0 if mask is None else 1.0]),
                )
            if mask is not None:
                mask.numpy().tofile(folder / f"{image}.{index}.mask")
            cases[-1].append(
                {"coords": coords.ravel().tolist(), "labels": labels.tolist(), "hasMask": mask is not None}
            )
            expected.append((image, index, logits[0].numpy(), iou[0].numpy()))
            previous = logits[:, index % 4 : index % 4 + 1].contiguous()
    (folder / "cases.json").write_text(json.dumps({"side": side, "build": build, "cases": cases}))

    command = [str(node_folder() / "node"), str(SCRIPT), str(folder)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr
    answers = json.loads(done.stdout)["answers"]
    assert len(answers) == len(expected)
    for (image, index, logits, iou), rated in zip(expected, answers, strict=True):
        actual = np.fromfile(folder / f"{image}.{index}.logits", np.float32).reshape(logits.shape)
        assert np.abs(actual - logits).max() < LOGIT_TOLERANCE
        assert np.abs(np.array(rated) - iou).max() < IOU_TOLERANCE
        assert logits.std() > 0.05  # a flat answer would prove nothing


def picture(side: int, seed: int) -> torch.Tensor:
    """Smooth random pixels (1, 3, side, side)."""
    noise = torch.randn(1, 3, side, side, generator=torch.Generator().manual_seed(seed))
    return 4 * torch.nn.functional.avg_pool2d(noise, 9, 1, 4)


def random_prompt(rng: np.random.Generator, side: int, index: int) -> tuple[np.ndarray, np.ndarray]:
    """point_coords (N, 2) and point_labels (N,): clicks, a box, or both; clicks on the very edge and hundreds
    of them too."""
    # One has some 150 clicks of each kind.
    points = rng.uniform(0, side - 1, (300 if index == 3 else 1 + index % 10, 2))
    labels = rng.integers(0, 2, len(points))
    labels[0] = 1
    if index % 5 == 4:
        points[0] = (0, side - 1)
    corners = np.sort(rng.uniform(0, side, (2, 2)), axis=0)
    if index % 4 == 1:
        points, labels = corners, np.array([2, 3])
    elif index % 4 == 2:
        points, labels = np.vstack([points, corners]), np.append(labels, [2, 3])
    else:
        points, labels = np.vstack([points, [(0, 0)]]), np.append(labels, -1)
    return points.astype(np.float32), labels.astype(np.float32)


def test_bundle_of_the_family_pocket_gets_a_package_with_its_digest(tmp_path: Path):
    path = tmp_path / "decoders" / "pocket.fast.safetensors"
    export_package(find_bundle("pocket"), path)
    with safetensors.safe_open(path, "numpy") as package:
        assert package.metadata()["bundle_digest"] == load_manifest(find_bundle("pocket")).digest
        assert {"pocket-plain.wasm", "pocket-relaxed.wasm", "prompt16.weight"} <= set(package.keys())
        assert not [name for name in package.keys() if name.startswith("trunk")]  # noqa: SIM118
