"""HQ-SAM's decoder in the product's own worker, in Chromium, against Python: kernels, graphs in their place, one graph.

That Python computes what the authors' code does, tests/segmentation/test_sam_hq_parity.py holds with such weights.
"""

import base64
import dataclasses
import json
import threading
from http.server import ThreadingHTTPServer

import numpy as np
import pytest
import safetensors
import safetensors.numpy
import torch

from benchmarks.decoder_browser import make_handler
from segmentation import masks, rle
from segmentation.decoder import export_decoder
from segmentation.decoder.package import export_package
from segmentation.embedding_file import as_int8, write_embedding
from segmentation.families.convert import convert
from segmentation.families.sam.network import VARIANTS
from segmentation.predictor import load_predictor
from segmentation.prompts import candidate_order
from tests.e2e.test_fast_decoder import (
    ASK_WORKER,
    LOGIT_TOLERANCE,
    WITHOUT_KERNELS,
    point_step,
    prompt_of,
    write_without_kernels,
)
from tests.segmentation.sam_hq_world import CASES, SHORT, picture, random_state

pytestmark = pytest.mark.e2e
VARIANT = "hq_vit_tiny"
# The encoder is short; the decoder has its published widths, for which the kernels are compiled.
SHAPE = dataclasses.replace(SHORT[VARIANT], decoder_mlp=2048, iou_width=256)
BOX = {"kind": "box", "box": {"x0": 8, "y0": 5, "x1": 70, "y1": 50, "frame": "image"}, "maskIndex": None}
PROMPTS = {
    "three points": [point_step(20, 30, 1), point_step(80, 15, 0), point_step(45, 50, 1)],
    "a box, then a point": [BOX, point_step(60, 40, 0)],
    "more than the click kernel takes": [point_step(7 * x % 100, 11 * x % 60, x % 2) for x in range(3, 14)],
}
FORMS = ("kernels", *WITHOUT_KERNELS, "one graph")


@pytest.fixture(scope="module")
def world(tmp_path_factory):
    """Address of a server with the decoder and, in both forms, an embedding; the bundle's row; a predictor; the
    embedding."""
    folder = tmp_path_factory.mktemp("models")
    with safetensors.safe_open(CASES, "np") as file:
        shapes = json.loads(file.metadata()["shapes"])[VARIANT]
    torch.save(random_state(widened(shapes)), folder / "a.pth")
    image = picture("landscape")
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(VARIANTS, VARIANT, SHAPE)
        manifest = convert(folder / "a.pth", "sam", VARIANT, "short", folder / "short")
        export_decoder(folder / "short", folder / "short.onnx")
        package = folder / "kernels.safetensors"
        export_package(folder / "short", package)
        predictor = load_predictor(folder / "short", device="cpu")
        tensors = predictor.encoder.encode(image)
    write_without_kernels(package)
    content = write_embedding(tensors, manifest.digest, image.shape[:2])
    (folder / "float16").write_bytes(content)
    (folder / "int8").write_bytes(as_int8(content))
    predictor.set_embedding(tensors, image.shape[:2], manifest.digest)
    server = ThreadingHTTPServer(("127.0.0.1", 0), make_handler(folder))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    address = f"http://127.0.0.1:{server.server_port}"
    row = {
        "name": "short", "title": "Short", "family": manifest.family, "digest": manifest.digest,
        "inputSide": manifest.input_side, "fit": manifest.fit, "lowResSide": manifest.low_res_side,
        "maskThreshold": manifest.mask_threshold, "outputs": manifest.outputs.as_dict(),
        "decoderUrl": f"{address}/models/short.onnx", "fastDecoderUrl": "",
        # As the API writes it for the whole family.
        "sessionUrl": "/js/decoder/worker/sam/session.js",
    }  # fmt: skip
    yield address, row, predictor
    server.shutdown()


def widened(shapes):
    """The shapes of a decoder of published widths in place of the short one's."""
    wide = {}
    for name, shape in shapes.items():
        if ".mlp.lin" in name and name.startswith("mask_decoder"):
            shape = [2048 if side == SHORT[VARIANT].decoder_mlp else side for side in shape]
        elif "iou_prediction_head" in name:
            shape = [256 if side == SHORT[VARIANT].iou_width else side for side in shape]
        wide[name] = shape
    return wide


def ask(browser, world, embedding, steps, form="kernels"):
    address, row, _ = world
    if form != "one graph":
        row = row | {"fastDecoderUrl": f"/models/{form}.safetensors"}
    height, width = picture("landscape").shape[:2]
    page = browser.new_page()
    page.goto(f"{address}/page/index.html")
    asked = {
        "embedding": f"/models/{embedding}",
        "imageSize": {"height": height, "width": width},
        "bundle": row,
        "steps": steps,
    }
    result = page.evaluate(ASK_WORKER, asked)
    page.close()
    return result


@pytest.mark.parametrize("prompt", PROMPTS)
@pytest.mark.parametrize("form", FORMS)
def test_the_worker_answers_as_python_does(browser, world, prompt, form):
    result = ask(browser, world, "float16", PROMPTS[prompt], form)
    _, row, predictor = world
    side, previous = row["lowResSide"], None
    # By the image, in low-res pixels. The padding's logits come later and are the next step's alone.
    covered = tuple(slice(-(-pixels // 4)) for pixels in predictor.frame.input_hw)
    assert len(result["answers"]) == len(PROMPTS[prompt])
    for count, answer in enumerate(result["answers"], start=1):
        steps = PROMPTS[prompt][:count]
        logits, rated = predictor.predict_raw(**prompt_of(steps), mask_input=previous)
        points = sum(step["kind"] == "point" for step in steps)
        order = candidate_order(rated, predictor.manifest.outputs, points, points < count, logits)
        assert [candidate["index"] for candidate in answer["candidates"]] == order
        for candidate in answer["candidates"]:
            index = candidate["index"]
            actual = np.frombuffer(base64.b64decode(candidate["logits"]), np.float32).reshape(side, side)
            assert logits[index].std() > 1
            # From step to step the small differences grow.
            tolerance = 1e-3 if count == 1 else LOGIT_TOLERANCE
            np.testing.assert_allclose(actual[covered], logits[index][covered], atol=tolerance)
            assert abs(candidate["predictedIou"] - rated[index]) < 1e-4
        previous = logits[[order[0]]]
    whole = masks.postprocess(previous, predictor.frame)[0] > predictor.manifest.mask_threshold
    assert np.mean(rle.decode(result["finished"]["segmentation"]) != whole) < 1e-3
    assert 0 < whole.mean() < 1, "a flat answer would prove nothing"


def test_int8_embeddings_give_nearly_the_same_masks(browser, world):
    steps = PROMPTS["a box, then a point"]
    whole, rounded = (
        rle.decode(ask(browser, world, embedding, steps)["finished"]["segmentation"])
        for embedding in ("float16", "int8")
    )
    assert np.mean(whole != rounded) < 0.02
