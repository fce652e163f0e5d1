"""Writes what FastSAM's own code answers, which ours is held to.

    python tests/data/make_fast_sam_cases.py AUTHORS PACKAGES [--full [s] [x]]

AUTHORS holds the authors' package `fastsam` (CASIA-IVA-Lab/FastSAM: prompt.py without its clip and pictures, utils.py),
which is in no registry. PACKAGES is a folder of packages that are not among this project's; theirs are run as they are:

    pip install --no-deps --target PACKAGES ultralytics opencv-python-headless torchvision psutil polars requests \
        charset-normalizer idna urllib3 certifi ultralytics-thop

With --full nothing is written: both published networks with random weights are exported by Ultralytics itself and go
through its predictor and through ours, which takes minutes.
"""

import argparse
import os
import sys
import tempfile
from importlib import import_module
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import onnx
import onnxruntime
import safetensors.numpy
import torch

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT)]
# torchvision's compiled operators want another build of torch; nothing here uses them, but its import names two.
_DECLARED = torch.library.Library("torchvision", "DEF")
for operator in ("nms", "qnms"):
    _DECLARED.define(f"{operator}(Tensor dets, Tensor scores, float iou_threshold) -> Tensor")

from segmentation import masks  # noqa: E402
from segmentation.decoder import export_decoder, parity  # noqa: E402
from segmentation.decoder.session import open_decoder  # noqa: E402
from segmentation.families import load_model  # noqa: E402
from segmentation.families.convert import convert  # noqa: E402
from segmentation.families.fast_sam.instances import SCORE  # noqa: E402
from segmentation.families.fast_sam.network import VARIANTS  # noqa: E402
from segmentation.predictor import Predictor, load_predictor  # noqa: E402
from tests.segmentation import parity_world  # noqa: E402
from tests.segmentation.fast_sam_world import (  # noqa: E402
    CASES,
    PICTURES,
    SAMPLE,
    SHORT,
    masks_of,
    onnx_bytes,
    picture,
    prompts,
)

# As the authors' Inference.py has them.
CONFIDENCE, OVERLAP, INSTANCES = 0.4, 0.9, 100


def found_by_original(content: bytes, image: np.ndarray) -> SimpleNamespace:
    """boxes (n, 4), scores (n,), masks (n, H, W) of a square picture: the steps of the authors' FastSAMPredictor, with
    their own and Ultralytics' functions."""
    bbox_iou = import_module("fastsam.utils").bbox_iou
    nms, ops = import_module("ultralytics.utils.nms"), import_module("ultralytics.utils.ops")

    pixels = np.ascontiguousarray(image.transpose(2, 0, 1)[None]).astype(np.float32) / 255
    session = onnxruntime.InferenceSession(content, providers=["CPUExecutionProvider"])
    predictions, prototypes = map(torch.from_numpy, session.run(None, {"images": pixels}))
    (found,) = nms.non_max_suppression(predictions, CONFIDENCE, OVERLAP, nc=1, max_det=INSTANCES)
    side = image.shape[0]
    whole = torch.tensor([0.0, 0.0, side, side])
    near_whole = bbox_iou(whole, found[:, :4], iou_thres=0.9, image_shape=(side, side))
    found[near_whole, :4] = whole
    masks = ops.process_mask_native(prototypes[0], found[:, 6:], found[:, :4], (side, side))
    return SimpleNamespace(boxes=found[:, :4], scores=found[:, 4], masks=masks)


def answer_of_original(
    found: SimpleNamespace, image: np.ndarray, points: list, labels: list, box: Any
) -> np.ndarray:
    """(H, W) bool."""
    FastSAMPrompt = import_module("fastsam.prompt").FastSAMPrompt

    result = SimpleNamespace(
        masks=SimpleNamespace(data=found.masks),
        boxes=SimpleNamespace(data=found.boxes, conf=found.scores),
    )
    original = FastSAMPrompt(image, [result], device="cpu")
    answer = original.box_prompt(bbox=list(box)) if box else original.point_prompt(points, labels)
    return np.asarray(answer[0]).astype(bool)


def write_cases() -> None:
    content = onnx_bytes()
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "short.onnx").write_bytes(content)
        VARIANTS["short"] = SHORT
        convert(Path(folder) / "short.onnx", "fast_sam", "short", "ours", Path(folder) / "ours")
        ours = load_predictor(Path(folder) / "ours", device="cpu")
        ours.encoder  # noqa: B018  # is loaded here, while its folder is there
    cases: dict[str, np.ndarray] = {}
    for name in PICTURES:
        image = picture(name)
        found = found_by_original(content, image)
        cases[f"{name}/boxes"] = np.ascontiguousarray(found.boxes.numpy())
        cases[f"{name}/scores"] = np.ascontiguousarray(found.scores.numpy())
        ours.set_image(image)
        # Their rules over the masks that ours chooses among, as one instance has them; scores do not matter to them.
        cells = torch.from_numpy(masks_of(ours.get_image_embedding()).astype(np.uint8))
        ours_found = SimpleNamespace(boxes=found.boxes[: len(cells)], scores=found.scores, masks=cells)
        for kind, prompt in prompts(name).items():
            cases[f"{name}/{kind}/cells"] = np.packbits(answer_of_original(ours_found, image, *prompt))
            cases[f"{name}/{kind}"] = np.packbits(answer_of_original(found, image, *prompt)[SAMPLE])
        print(name, len(found.boxes), "instances")
    safetensors.numpy.save_file(cases, CASES)
    print(CASES, CASES.stat().st_size)


def random_checkpoint(variant: str, path: Path) -> None:
    """A checkpoint of the published network with random weights, of which batch norm keeps every layer near 1."""
    cv2 = import_module("cv2")
    SegmentationModel = import_module("ultralytics.nn.tasks").SegmentationModel

    torch.manual_seed(7)
    model = SegmentationModel(f"yolov8{variant}-seg.yaml", nc=1, verbose=False)
    for module in model.modules():
        if isinstance(module, torch.nn.BatchNorm2d):
            module.momentum = 1.0
            torch.nn.init.uniform_(module.weight, 0.8, 1.6)
            torch.nn.init.normal_(module.bias, 0, 0.3)
    # Both kinds of picture that it is asked about: random weights answer what they never saw with huge numbers.
    seen = np.full((2, 1024, 1024, 3), 114, np.uint8)
    seen[0] = parity_world.picture(1024, 1024, 5)
    seen[1, :683] = cv2.resize(parity.sample_image(), (1024, 683))
    pixels = torch.from_numpy(seen).permute(0, 3, 1, 2) / 255
    head = model.model[-1]
    with torch.no_grad():
        for layers in head.cv2:  # sides of boxes
            torch.nn.init.normal_(layers[-1].weight, 0, 0.3)
        for layers in head.cv3:  # scores
            torch.nn.init.normal_(layers[-1].weight, 0, 0.05)
            layers[-1].bias.zero_()
        model.train()(pixels)
        predictions = model.eval()(pixels)[0]
        predictions = predictions[0] if isinstance(predictions, tuple) else predictions
        scores = predictions[:, 4].logit(1e-6)
        for layers in head.cv3:  # about two in a hundred places are instances
            layers[-1].weight /= scores.std()
            layers[-1].bias -= scores.quantile(0.98) / scores.std() + 0.4
        for layers in head.cv4:  # coefficients
            for tensor in (layers[-1].weight, layers[-1].bias):
                tensor /= predictions[:, 5:].std()
    torch.save({"model": model.eval().half(), "train_args": {"task": "segment", "imgsz": 1024}}, path)


def masks_of_all(predictor: Predictor) -> np.ndarray:
    """(n, H, W): the logits of all instances of the present image, at its size."""
    embedding = {name: torch.from_numpy(maps) for name, maps in predictor.get_image_embedding().items()}
    model: Any = predictor.encoder.model
    slots = embedding["instances"][0, :, 0]
    slots = slots[:, slots[SCORE] > 0]
    with torch.inference_mode():
        logits = model.decoder._logits(embedding["prototypes"][0].flatten(1), slots)
    side = predictor.manifest.low_res_side
    return masks.postprocess(logits.reshape(-1, side, side).numpy(), predictor.present_frame())


def compare_full(variant: str) -> None:
    torchvision, FastSAM = import_module("torchvision"), import_module("ultralytics").FastSAM
    TorchNMS = import_module("ultralytics.utils.nms").TorchNMS

    torchvision.ops.nms = TorchNMS.nms  # Ultralytics' own, which it takes where there is no torchvision

    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder)
        random_checkpoint(variant, place / f"FastSAM-{variant}.pt")
        theirs = FastSAM(str(place / f"FastSAM-{variant}.pt"))
        file = Path(theirs.export(format="onnx", imgsz=1024, simplify=False, opset=17, device="cpu"))
        model = onnx.load(str(file))
        print(
            f"FastSAM-{variant}: {file.stat().st_size} bytes, {len(model.graph.node)} operators of kinds",
            sorted({node.op_type for node in model.graph.node}),
        )
        manifest = convert(file, "fast_sam", variant, "full", place / "full")
        report = export_decoder(place / "full", place / "full.onnx")
        ours = load_predictor(place / "full", device="cpu")
        ours.set_image(parity_world.picture(1024, 1024, 5))
        difference = parity.compare(
            load_model(place / "full"),
            open_decoder(place / "full.onnx", manifest.digest),
            manifest,
            ours.get_image_embedding(),
        )
        print(f"decoder: {report.size_bytes} bytes;", difference)
        # Square: random weights answer another padding differently.
        for image_hw in ((1024, 1024), (640, 640)):
            image = parity_world.picture(*image_hw, 5)
            (result,) = FastSAM(str(file))(
                image[..., ::-1].copy(),  # BGR
                imgsz=1024, conf=CONFIDENCE, iou=OVERLAP, max_det=INSTANCES, retina_masks=True, device="cpu",
                verbose=False,
            )  # fmt: skip
            ours.set_image(image)
            slots = ours.get_image_embedding()["instances"][0, :, 0]
            boxes, scores = slots[:4].T / (1024 / max(image_hw)), slots[4]
            count = int((scores > 0).sum())
            expected = result.boxes.xyxy.numpy()
            nearest = np.array([np.abs(expected - box).max(1).min() for box in boxes[:count]])
            print(
                image_hw, f"{len(expected)} instances, ours {count}; boxes differ by", np.median(nearest),
                "in the middle, by", nearest.max(), "at most; scores", scores[:count].min(), scores.max(),
            )  # fmt: skip
            agreeing, small = [], 0
            for box, mask in zip(boxes, masks_of_all(ours) > 0, strict=False):
                one = result.masks.data[np.abs(expected - box).max(1).argmin()].numpy() > 0
                if one.sum() < 400:
                    small += 1
                else:
                    agreeing.append((mask & one).sum() / (mask | one).sum())
            print(
                "IoU of masks of 400 pixels and more:", np.quantile(agreeing, [0, 0.1, 0.5]), small, "smaller"
            )
        print(manifest.title, manifest.licence)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("authors", type=Path)
    parser.add_argument("packages", type=Path)
    parser.add_argument("--full", nargs="*", metavar="VARIANT", choices=list(VARIANTS))
    options = parser.parse_args()
    sys.path += [str(options.authors), str(options.packages)]
    settings = tempfile.mkdtemp()
    os.environ |= {"YOLO_CONFIG_DIR": settings, "YOLO_OFFLINE": "true", "YOLO_AUTOINSTALL": "false"}
    if options.full is not None:
        for variant in options.full or VARIANTS:
            compare_full(variant)
    else:
        assert SHORT.input_side == picture("one").shape[0]
        write_cases()


if __name__ == "__main__":
    main()
