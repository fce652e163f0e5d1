"""EfficientSAM's decoder as one graph in the product's own worker and onnxruntime-web, in Chromium, against Python.

It has three outputs of which none is kept for a clear prompt, and takes the mask input that the page gives to every
decoder without making anything of it. That Python computes what the original does,
tests/segmentation/test_efficient_sam.py holds with the same weights.
"""

import base64
import json
import threading
from http.server import ThreadingHTTPServer

import numpy as np
import pytest
import safetensors
import torch

from benchmarks.decoder_browser import make_handler
from segmentation import masks, rle
from segmentation.decoder import export_decoder
from segmentation.embedding_file import write_embedding
from segmentation.families.convert import convert
from segmentation.families.efficient_sam.network import VARIANTS
from segmentation.predictor import load_predictor
from segmentation.prompts import candidate_order
from tests.e2e.test_fast_decoder import ASK_WORKER, point_step, prompt_of
from tests.segmentation.efficient_sam_world import CASES, SHORT, picture, random_state

pytestmark = pytest.mark.e2e
BOX = {"kind": "box", "box": {"x0": 8, "y0": 5, "x1": 70, "y1": 50, "frame": "image"}, "maskIndex": None}
PROMPTS = {
    "three points": [point_step(20, 30, 1), point_step(80, 15, 0), point_step(45, 50, 1)],
    "a box, then a point": [BOX, point_step(60, 40, 1)],
}


@pytest.fixture(scope="module")
def world(tmp_path_factory):
    """Address of a server with the decoder and an embedding; the bundle's row; a predictor with that embedding."""
    folder = tmp_path_factory.mktemp("models")
    with safetensors.safe_open(CASES, "np") as file:
        shapes = json.loads(file.metadata()["shapes"])
    state = random_state({name: tuple(shape) for name, shape in shapes.items()})
    torch.save({"model": state}, folder / "a.pt")
    image = picture("landscape")
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(VARIANTS, "short", SHORT)
        manifest = convert(folder / "a.pt", "efficient_sam", "short", "short", folder / "short")
        export_decoder(folder / "short", folder / "short.onnx")
        predictor = load_predictor(folder / "short", device="cpu")
        tensors = predictor.encoder.encode(image)
    (folder / "embedding").write_bytes(write_embedding(tensors, manifest.digest, image.shape[:2]))
    predictor.set_embedding(tensors, image.shape[:2], manifest.digest)
    server = ThreadingHTTPServer(("127.0.0.1", 0), make_handler(folder))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    address = f"http://127.0.0.1:{server.server_port}"
    row = {
        "name": "short", "title": "Short", "family": manifest.family, "digest": manifest.digest,
        "inputSide": manifest.input_side, "fit": manifest.fit, "lowResSide": manifest.low_res_side,
        "maskThreshold": manifest.mask_threshold, "outputs": manifest.outputs.as_dict(),
        "decoderUrl": f"{address}/models/short.onnx", "fastDecoderUrl": "", "sessionUrl": "",
    }  # fmt: skip
    yield address, row, predictor
    server.shutdown()


@pytest.mark.parametrize("prompt", PROMPTS)
def test_the_worker_answers_as_python_does(browser, world, prompt):
    address, row, predictor = world
    height, width = picture("landscape").shape[:2]
    page = browser.new_page()
    page.goto(f"{address}/page/index.html")
    result = page.evaluate(
        ASK_WORKER,
        {
            "embedding": "/models/embedding",
            "imageSize": {"height": height, "width": width},
            "bundle": row,
            "steps": PROMPTS[prompt],
        },
    )
    page.close()
    assert len(result["answers"]) == len(PROMPTS[prompt])
    for count, answer in enumerate(result["answers"], start=1):
        steps = PROMPTS[prompt][:count]
        logits, rated = predictor.predict_raw(**prompt_of(steps))
        points = sum(step["kind"] == "point" for step in steps)
        order = candidate_order(rated, predictor.manifest.outputs, points, points < count, logits)
        assert order[0] == rated.argmax()
        assert [candidate["index"] for candidate in answer["candidates"]] == order
        for candidate in answer["candidates"]:
            index = candidate["index"]
            actual = np.frombuffer(base64.b64decode(candidate["logits"]), np.float32)
            assert logits[index].std() > 0.5
            np.testing.assert_allclose(actual.reshape(logits[index].shape), logits[index], atol=1e-3)
            assert abs(candidate["predictedIou"] - rated[index]) < 1e-4
    whole = masks.postprocess(logits[order[:1]], predictor.frame)[0] > predictor.manifest.mask_threshold
    assert np.array_equal(rle.decode(result["finished"]["segmentation"]), whole)
    assert 0 < whole.mean() < 1, "a flat answer would prove nothing"
