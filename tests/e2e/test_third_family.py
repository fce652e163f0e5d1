"""A toy family in the product's own worker and onnxruntime-web, in real Chromium; see tests/segmentation/toy."""

import base64
import threading
from http.server import ThreadingHTTPServer

import numpy as np
import pytest

from benchmarks.decoder_browser import make_handler
from segmentation import masks, rle
from segmentation.decoder import export_decoder
from segmentation.embedding_file import read_embedding, write_embedding
from segmentation.families import FAMILIES
from segmentation.predictor import load_predictor
from segmentation.prompts import candidate_order
from tests.e2e.test_fast_decoder import ASK_WORKER, point_step, prompt_of
from tests.segmentation.toy import FAMILY, OUTPUTS, make_toy_bundle

pytestmark = pytest.mark.e2e
IMAGE = np.random.default_rng(3).integers(0, 256, (60, 90, 3), dtype=np.uint8)
STEPS = [point_step(20, 30, 1), point_step(70, 15, 0), point_step(45, 50, 1)]
# A session of the family's own, as a module that the row names: it says that it has 7 threads.
SESSION = """
import {OneGraphSession} from "/js/decoder/worker/one-graph/session.js";
export async function loadSession(urls, bundle) {
    const session = await OneGraphSession.load(urls, bundle);
    Object.defineProperty(session, "threads", {value: 7});
    return session;
}
"""


@pytest.fixture(scope="module")
def world(tmp_path_factory):
    """Address of a server with the toy's decoder and an embedding, its row, and a predictor of the same."""
    folder = tmp_path_factory.mktemp("models")
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(FAMILIES, FAMILY.name, FAMILY)
        manifest = make_toy_bundle(folder / "toy")
        export_decoder(folder / "toy", folder / "toy.onnx")
        predictor = load_predictor(folder / "toy", device="cpu")
        tensors = predictor.encoder.encode(IMAGE)
        content = write_embedding(tensors, manifest.digest, IMAGE.shape[:2])
        (folder / "image.safetensors").write_bytes(content)
        predictor.set_embedding(read_embedding(content).tensors, IMAGE.shape[:2], manifest.digest)
        (folder / "session.js").write_text(SESSION)
        server = ThreadingHTTPServer(("127.0.0.1", 0), make_handler(folder))
        threading.Thread(target=server.serve_forever, daemon=True).start()
        address = f"http://127.0.0.1:{server.server_port}"
        row = {
            "name": "toy", "title": "Toy", "family": "toy", "digest": manifest.digest,
            "inputSide": manifest.input_side, "lowResSide": manifest.low_res_side,
            "maskThreshold": manifest.mask_threshold, "outputs": OUTPUTS.as_dict(), "fit": manifest.fit,
            "decoderUrl": f"{address}/models/toy.onnx", "fastDecoderUrl": "", "sessionUrl": "",
        }  # fmt: skip
        yield address, row, predictor
        server.shutdown()


def ask(browser, world, **changes):
    address, row, _ = world
    page = browser.new_page()
    page.goto(f"{address}/page/index.html")
    size = {"height": IMAGE.shape[0], "width": IMAGE.shape[1]}
    settings = {
        "embedding": "/models/image.safetensors",
        "imageSize": size,
        "bundle": row | changes,
        "steps": STEPS,
    }
    answer = page.evaluate(ASK_WORKER, settings)
    page.close()
    return answer


def test_the_worker_answers_as_torch_does_and_offers_the_outputs_in_its_order(browser, world):
    result = ask(browser, world)
    assert_as_torch(result, world[2])


def test_the_session_that_the_row_names_is_used(browser, world):
    # Any address: this session fetches no package.
    result = ask(browser, world, fastDecoderUrl="/models/none", sessionUrl="/models/session.js")
    assert result["loaded"]["threads"] == 7
    assert_as_torch(result, world[2])


def test_a_session_that_cannot_be_loaded_leaves_the_one_graph(browser, world):
    result = ask(browser, world, fastDecoderUrl="/models/none", sessionUrl="/models/absent.js")
    assert result["loaded"]["threads"] != 7
    assert_as_torch(result, world[2])


def assert_as_torch(result, predictor):
    previous = None
    for count, answer in enumerate(result["answers"], start=1):
        logits, rated = predictor.predict_raw(**prompt_of(STEPS[:count]), mask_input=previous)
        order = candidate_order(rated, OUTPUTS, count)
        assert [candidate["index"] for candidate in answer["candidates"]] == order
        assert len(order) == 4
        assert answer["maskIndices"][-1] == order[0]
        for candidate in answer["candidates"]:
            index = candidate["index"]
            actual = np.frombuffer(base64.b64decode(candidate["logits"]), np.float32).reshape(32, 32)
            np.testing.assert_allclose(actual, logits[index], atol=1e-3)
            assert abs(candidate["predictedIou"] - rated[index]) < 1e-4
        previous = logits[[order[0]]]
    assert order[0] == OUTPUTS.single
    whole = masks.postprocess(previous, predictor.frame)[0] > predictor.manifest.mask_threshold
    finished = rle.decode(result["finished"]["segmentation"])
    assert np.mean(finished != whole) < 1e-3
    assert 0 < whole.mean() < 1, "a flat answer would prove nothing"
