"""SAM 2's decoder in the product's own worker, in Chromium, against Python: kernels, graphs in their place, one graph.

That Python computes what the sam2 package does, tests/segmentation/test_sam2_parity.py holds with such weights.
"""

import base64
import threading
from http.server import ThreadingHTTPServer

import numpy as np
import pytest
import safetensors.numpy

from benchmarks.decoder_browser import make_handler
from segmentation import masks, rle
from segmentation.decoder import export_decoder
from segmentation.decoder.package import export_package
from segmentation.embedding_file import OFFSET, SCALE, as_int8, write_embedding
from segmentation.families.sam2.network import FINE, IMAGE, MIDDLE, VARIANTS
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
from tests.segmentation.sam2_world import (
    WIDE,
    picture,
    wide_network,
    with_an_unstable_mask,
    write_wide_bundle,
)

pytestmark = pytest.mark.e2e
BOX = {"kind": "box", "box": {"x0": 8, "y0": 5, "x1": 70, "y1": 50, "frame": "image"}, "maskIndex": None}
PROMPTS = {
    "three points": [point_step(20, 30, 1), point_step(80, 15, 0), point_step(45, 50, 1)],
    "a box, then a point": [BOX, point_step(60, 40, 0)],
    "more than the click kernel takes": [point_step(7 * x % 100, 11 * x % 60, x % 2) for x in range(3, 14)],
}
# What is there of the decoder: a package, or the one graph, without a package or with one that cannot be used.
FORMS = ("kernels", *WITHOUT_KERNELS, "one graph", "a broken package")


def make_world(folder, network):
    """Address of a server with the decoder in each form and an embedding in both; the bundle's row; a predictor; the
    folder."""
    image = picture("landscape")
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(VARIANTS, "wide", WIDE["sam2"])
        home = write_wide_bundle(network, folder / "wide")
        export_decoder(home, folder / "wide.onnx")
        package = folder / "kernels.safetensors"
        export_package(home, package)
        predictor = load_predictor(home, device="cpu")
    manifest = predictor.manifest
    write_without_kernels(package)
    content = write_embedding(predictor.encoder.encode(image), manifest.digest, image.shape[:2])
    (folder / "float16").write_bytes(content)
    (folder / "int8").write_bytes(as_int8(content))
    server = ThreadingHTTPServer(("127.0.0.1", 0), make_handler(folder))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    row = {
        "name": "wide", "title": "Wide", "family": "sam2", "digest": manifest.digest,
        "inputSide": manifest.input_side, "fit": manifest.fit, "lowResSide": manifest.low_res_side,
        "maskThreshold": manifest.mask_threshold, "outputs": manifest.outputs.as_dict(),
        "decoderUrl": "", "fastDecoderUrl": "",
        # As the API writes it for the whole family.
        "sessionUrl": "/js/decoder/worker/sam2/session.js",
    }  # fmt: skip
    address = f"http://127.0.0.1:{server.server_port}"
    yield address, row, predictor, folder
    server.shutdown()


@pytest.fixture(scope="module")
def world(tmp_path_factory):
    yield from make_world(tmp_path_factory.mktemp("models"), wide_network("sam2"))


@pytest.fixture(scope="module")
def unstable_world(tmp_path_factory):
    """Its mask 0 always gives way to the best rated of the others."""
    network = with_an_unstable_mask(wide_network("sam2"))
    yield from make_world(tmp_path_factory.mktemp("models"), network)


def stored_tensors(content):
    """The tensors as the page reads them: of the int8 form in float32, where `read_embedding` rounds to float16."""
    parts = safetensors.numpy.load(content)
    return {
        name: parts[name] * parts[name + SCALE][:, None, None] + parts[name + OFFSET][:, None, None]
        if parts[name].dtype == np.int8
        else parts[name].astype(np.float32)
        for name in (IMAGE, MIDDLE, FINE)
    }


@pytest.mark.parametrize("prompt", PROMPTS)
@pytest.mark.parametrize("form", FORMS)
def test_the_worker_answers_as_python_does(browser, world, prompt, form):
    compare(browser, world, PROMPTS[prompt], form, "float16")


@pytest.mark.parametrize("form", ["kernels", "one graph"])
def test_the_worker_answers_as_python_does_for_an_int8_embedding(browser, world, form):
    compare(browser, world, PROMPTS["a box, then a point"], form, "int8")


@pytest.mark.parametrize("form", FORMS)
def test_an_unstable_mask_gives_way_as_in_python(browser, unstable_world, form):
    compare(browser, unstable_world, PROMPTS["a box, then a point"], form, "float16")


def decoder_of(address, form):
    """The bundle's addresses, of which the other form's leads nowhere, so that none takes another's place unseen."""
    one_graph = {"decoderUrl": f"{address}/models/wide.onnx"}
    if form == "one graph":
        return one_graph
    if form == "a broken package":
        return one_graph | {"fastDecoderUrl": "/models/float16"}  # an embedding's file
    return {"decoderUrl": f"{address}/models/absent.onnx", "fastDecoderUrl": f"/models/{form}.safetensors"}


def compare(browser, world, steps, form, embedding):
    """Holds every step's candidates, and the finished mask, to what Python gives for them."""
    address, row, predictor, folder = world
    image_hw = picture("landscape").shape[:2]
    predictor.set_embedding(stored_tensors((folder / embedding).read_bytes()), image_hw, row["digest"])
    page = browser.new_page()
    page.goto(f"{address}/page/index.html")
    asked = {
        "embedding": f"/models/{embedding}",
        "imageSize": {"height": image_hw[0], "width": image_hw[1]},
        "bundle": row | decoder_of(address, form),
        "steps": steps,
    }
    result = page.evaluate(ASK_WORKER, asked)
    page.close()
    side, previous = row["lowResSide"], None
    assert len(result["answers"]) == len(steps)
    for count, answer in enumerate(result["answers"], start=1):
        logits, rated = predictor.predict_raw(**prompt_of(steps[:count]), mask_input=previous)
        points = sum(step["kind"] == "point" for step in steps[:count])
        order = candidate_order(rated, predictor.manifest.outputs, points, points < count, logits)
        assert [candidate["index"] for candidate in answer["candidates"]] == order
        for candidate in answer["candidates"]:
            index = candidate["index"]
            actual = np.frombuffer(base64.b64decode(candidate["logits"]), np.float32).reshape(side, side)
            assert logits[index].std() > 1, "a flat answer would prove nothing"
            # From step to step the small differences grow.
            tolerance = 1e-3 if count == 1 else LOGIT_TOLERANCE
            np.testing.assert_allclose(actual, logits[index], atol=tolerance)
            assert abs(candidate["predictedIou"] - rated[index]) < 1e-4
        previous = logits[[order[0]]]
    whole = masks.postprocess(previous, predictor.frame)[0] > predictor.manifest.mask_threshold
    assert np.mean(rle.decode(result["finished"]["segmentation"]) != whole) < 1e-3
    assert 0 < whole.mean() < 1, "a flat answer would prove nothing"
