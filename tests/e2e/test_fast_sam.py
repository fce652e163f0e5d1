"""FastSAM's decoder, which holds no weights and chooses among instances, as one graph in the product's own worker and
onnxruntime-web, in Chromium, against Python.

That Python chooses what its authors' code does, tests/segmentation/test_fast_sam.py holds with the same network.
"""

import base64
import threading
from http.server import ThreadingHTTPServer

import numpy as np
import pytest

from benchmarks.decoder_browser import make_handler
from segmentation import masks, rle
from segmentation.decoder import export_decoder
from segmentation.embedding_file import as_int8, read_embedding, write_embedding
from segmentation.families.convert import convert
from segmentation.families.fast_sam.network import VARIANTS
from segmentation.predictor import load_predictor
from segmentation.prompts import candidate_order
from tests.e2e.test_fast_decoder import ASK_WORKER, point_step, prompt_of
from tests.segmentation.fast_sam_world import SHORT, onnx_bytes, picture

pytestmark = pytest.mark.e2e
BOX = {"kind": "box", "box": {"x0": 60, "y0": 40, "x1": 200, "y1": 190, "frame": "image"}, "maskIndex": None}
PROMPTS = {
    "three points": [point_step(120, 130, 1), point_step(180, 115, 0), point_step(45, 150, 1)],
    "a box, then a point": [BOX, point_step(130, 120, 1)],
}


# In logits. Of int8, Python makes float16 and the page float32.
TOLERANCES = {"float16": 1e-3, "int8": 0.2}


@pytest.fixture(scope="module", params=TOLERANCES)
def world(request, tmp_path_factory):
    """Address of a server with the decoder and an embedding; the bundle's row; a predictor with that embedding; by how
    much logits may differ."""
    folder = tmp_path_factory.mktemp("models")
    (folder / "a.onnx").write_bytes(onnx_bytes())
    image = picture("two")
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(VARIANTS, "short", SHORT)
        manifest = convert(folder / "a.onnx", "fast_sam", "short", "short", folder / "short")
        export_decoder(folder / "short", folder / "short.onnx")
        predictor = load_predictor(folder / "short", device="cpu")
        tensors = predictor.encoder.encode(image)
    stored = write_embedding(tensors, manifest.digest, image.shape[:2])
    stored = as_int8(stored) if request.param == "int8" else stored
    (folder / "embedding").write_bytes(stored)
    predictor.set_embedding(read_embedding(stored).tensors, image.shape[:2], manifest.digest)
    server = ThreadingHTTPServer(("127.0.0.1", 0), make_handler(folder))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    address = f"http://127.0.0.1:{server.server_port}"
    row = {
        "name": "short", "title": "Short", "family": manifest.family, "digest": manifest.digest,
        "inputSide": manifest.input_side, "fit": manifest.fit, "lowResSide": manifest.low_res_side,
        "maskThreshold": manifest.mask_threshold, "outputs": manifest.outputs.as_dict(),
        "decoderUrl": f"{address}/models/short.onnx", "fastDecoderUrl": "", "sessionUrl": "",
    }  # fmt: skip
    yield address, row, predictor, TOLERANCES[request.param]
    server.shutdown()


@pytest.mark.parametrize("prompt", PROMPTS)
def test_the_worker_answers_as_python_does(browser, world, prompt):
    address, row, predictor, tolerance = world
    height, width = picture("two").shape[:2]
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
        assert [candidate["index"] for candidate in answer["candidates"]] == order
        assert (logits[order[0]] > 0).any(), "an empty answer would prove nothing"
        for candidate in answer["candidates"]:
            index = candidate["index"]
            actual = np.frombuffer(base64.b64decode(candidate["logits"]), np.float32)
            np.testing.assert_allclose(actual.reshape(logits[index].shape), logits[index], atol=tolerance)
            assert abs(candidate["predictedIou"] - rated[index]) < max(1e-4, tolerance / 100)
    whole = masks.postprocess(logits[order[:1]], predictor.frame)[0] > predictor.manifest.mask_threshold
    finished = rle.decode(result["finished"]["segmentation"])
    assert np.mean(finished != whole) <= (0 if tolerance < 0.01 else 0.005)
    assert 0 < whole.mean() < 1, "a flat answer would prove nothing"
