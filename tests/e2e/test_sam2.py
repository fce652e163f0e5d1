"""SAM 2's decoder as one graph in the product's own worker and onnxruntime-web, in real Chromium, against Python.

That Python computes what the sam2 package does, tests/segmentation/test_sam2_parity.py holds with the same weights.
"""

import base64
import json
import threading
from http.server import ThreadingHTTPServer
from pathlib import Path

import numpy as np
import pytest
import safetensors.numpy
import torch

from benchmarks.decoder_browser import make_handler
from segmentation import masks, rle
from segmentation.decoder import export_decoder
from segmentation.embedding_file import OFFSET, SCALE, as_int8, write_embedding
from segmentation.families.sam2.network import FINE, IMAGE, MIDDLE, VARIANTS
from segmentation.families.sam2.published import convert
from segmentation.predictor import load_predictor
from segmentation.prompts import candidate_order
from tests.e2e.test_fast_decoder import ASK_WORKER, point_step, prompt_of
from tests.segmentation.sam2_world import SHORT, picture, random_state

pytestmark = pytest.mark.e2e
CASES = Path(__file__).parents[1] / "data/sam2_cases.safetensors"
BOX = {"kind": "box", "box": {"x0": 8, "y0": 5, "x1": 70, "y1": 50, "frame": "image"}, "maskIndex": None}
PROMPTS = {
    "three points": [point_step(20, 30, 1), point_step(80, 15, 0), point_step(45, 50, 1)],
    "a box, then a point": [BOX, point_step(60, 40, 0)],
}


@pytest.fixture(scope="module")
def world(tmp_path_factory):
    """Address of a server with the decoder and, in both forms, an embedding; the bundle's row; a predictor."""
    folder = tmp_path_factory.mktemp("models")
    with safetensors.safe_open(CASES, "np") as file:
        shapes = json.loads(file.metadata()["states"])["sam2"]
    torch.save(
        {"model": random_state({name: tuple(shape) for name, shape in shapes.items()})}, folder / "a.pt"
    )
    image = picture("landscape")
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(VARIANTS, "short", SHORT)
        manifest = convert(folder / "a.pt", "short", "short", folder / "short")
        export_decoder(folder / "short", folder / "short.onnx")
        predictor = load_predictor(folder / "short", device="cpu")
        content = write_embedding(predictor.encoder.encode(image), manifest.digest, image.shape[:2])
        (folder / "float16").write_bytes(content)
        (folder / "int8").write_bytes(as_int8(content))
        server = ThreadingHTTPServer(("127.0.0.1", 0), make_handler(folder))
        threading.Thread(target=server.serve_forever, daemon=True).start()
        address = f"http://127.0.0.1:{server.server_port}"
        row = {
            "name": "short", "title": "Short", "family": "sam2", "digest": manifest.digest,
            "inputSide": manifest.input_side, "fit": manifest.fit, "lowResSide": manifest.low_res_side,
            "maskThreshold": manifest.mask_threshold, "outputs": manifest.outputs.as_dict(),
            "decoderUrl": f"{address}/models/short.onnx", "fastDecoderUrl": "", "sessionUrl": "",
        }  # fmt: skip
        yield address, row, predictor, folder
        server.shutdown()


def stored_tensors(content):
    """The tensors as the page reads them: of the int8 form in float32, where `read_embedding` rounds to float16."""
    parts = safetensors.numpy.load(content)
    return {
        name: parts[name] * parts[name + SCALE][:, None, None] + parts[name + OFFSET][:, None, None]
        if parts[name].dtype == np.int8
        else parts[name].astype(np.float32)
        for name in (IMAGE, MIDDLE, FINE)
    }


@pytest.mark.parametrize("form", ["float16", "int8"])
@pytest.mark.parametrize("prompt", PROMPTS)
def test_the_worker_answers_as_python_does(browser, world, prompt, form):
    address, row, predictor, folder = world
    image_hw = picture("landscape").shape[:2]
    predictor.set_embedding(stored_tensors((folder / form).read_bytes()), image_hw, row["digest"])
    page = browser.new_page()
    page.goto(f"{address}/page/index.html")
    result = page.evaluate(
        ASK_WORKER,
        {
            "embedding": f"/models/{form}",
            "imageSize": {"height": image_hw[0], "width": image_hw[1]},
            "bundle": row,
            "steps": PROMPTS[prompt],
        },
    )
    page.close()
    side, previous = SHORT.low_res_side, None
    for count, answer in enumerate(result["answers"], start=1):
        steps = PROMPTS[prompt][:count]
        logits, rated = predictor.predict_raw(**prompt_of(steps), mask_input=previous)
        points = sum(step["kind"] == "point" for step in steps)
        order = candidate_order(rated, predictor.manifest.outputs, points, has_box=points < count)
        assert [candidate["index"] for candidate in answer["candidates"]] == order
        for candidate in answer["candidates"]:
            index = candidate["index"]
            actual = np.frombuffer(base64.b64decode(candidate["logits"]), np.float32).reshape(side, side)
            assert logits[index].std() > 1
            np.testing.assert_allclose(actual, logits[index], atol=1e-3)
            assert abs(candidate["predictedIou"] - rated[index]) < 1e-4
        previous = logits[[order[0]]]
    whole = masks.postprocess(previous, predictor.frame)[0] > predictor.manifest.mask_threshold
    assert np.array_equal(rle.decode(result["finished"]["segmentation"]), whole)
    assert 0 < whole.mean() < 1, "a flat answer would prove nothing"
