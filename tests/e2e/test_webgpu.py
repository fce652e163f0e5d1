"""WebGPU beside WASM, with Chromium's software adapter: the same masks, and WASM again when the device is lost."""

import threading
from http.server import ThreadingHTTPServer

import numpy as np
import pytest

from benchmarks.decoder_browser import make_handler
from scripts.environment import require_chromium
from segmentation.bundle import load_manifest
from segmentation.decoder import export_decoder
from segmentation.embedding_file import write_embedding
from segmentation.testing.tiny import make_tiny_bundle
from tests.e2e.conftest import CHROMIUM_ARGS

pytestmark = [pytest.mark.e2e, pytest.mark.slow]  # the adapter needs seconds for a decode
SOFTWARE_GPU = ["--enable-unsafe-webgpu", "--use-webgpu-adapter=swiftshader", "--enable-features=Vulkan"]
IMAGE = {"height": 300, "width": 400}

# Loads both back ends of one real decoder.
SET_UP = """async ({bundle, imageSize, embeddingUrl}) => {
    const at = (path) => new URL(path, location.href).href;
    const {OneGraphSession} = await import("/js/decoder/worker/one-graph/session.js");
    const {DecoderChoice} = await import("/js/decoder/worker/decoder-choice.js");
    const {readEmbedding} = await import("/js/decoder/worker/files/embedding-file.js");
    const urls = {ortModule: at("/ort/ort.wasm.min.mjs"), ortWasmMjs: at("/ort/ort-wasm-simd-threaded.mjs"),
        ortWasm: at("/ort/ort-wasm-simd-threaded.wasm"), ortWebgpuModule: at("/ort/ort.webgpu.min.mjs"),
        ortWebgpuMjs: at("/ort/ort-wasm-simd-threaded.asyncify.mjs"),
        ortWebgpuWasm: at("/ort/ort-wasm-simd-threaded.asyncify.wasm")};
    const wasm = await OneGraphSession.load(urls, bundle);
    const gpu = await OneGraphSession.loadWebgpu(urls, bundle, {acceptSoftware: true});
    const unasked = await OneGraphSession.loadWebgpu(urls, bundle);
    const feeds = readEmbedding(await (await fetch(embeddingUrl)).arrayBuffer());
    const point = {x: imageSize.width / 3, y: imageSize.height / 2, frame: "image"};
    const steps = [{kind: "point", point, label: 1, maskIndex: null}];
    const device = async () => (await import(urls.ortWebgpuModule)).env.webgpu.device;
    window.world = {wasm, gpu, feeds, steps, device, DecoderChoice};
    return {gpu: gpu && gpu.executionProvider, unasked: Boolean(unasked)};
}"""

COMPARE = """async () => {
    const {wasm, gpu, feeds, steps} = window.world;
    const answers = [];
    let fed = null;
    for (const prompt of [steps, [...steps, ...steps]]) {
        const [expected, actual] = [await wasm.decode(feeds, prompt, fed), await gpu.decode(feeds, prompt, fed)];
        const differences = expected.logits.map((value, k) => Math.abs(value - actual.logits[k]));
        answers.push({largest: differences.reduce((a, b) => Math.max(a, b), 0),
            deviation: Math.hypot(...expected.logits.subarray(0, 1000)) / Math.sqrt(1000)});
        fed = expected.logits.slice(0, expected.logits.length / 4);
    }
    return answers;
}"""

LOSE_THE_DEVICE = """async () => {
    const {wasm, gpu, feeds, steps, device, DecoderChoice} = window.world;
    // WASM with a pause in its third run, the timed one, so that the software adapter wins.
    const before = performance.now();
    await gpu.decode(feeds, steps, null); // compiles its shaders
    const pauseMs = 2 * (performance.now() - before);
    let runs = 0;
    const slowed = {executionProvider: "wasm", threads: 1, prepare: async () => {}, decode: async (...prompt) => {
        if (++runs === 3) await new Promise((resolve) => setTimeout(resolve, pauseMs));
        return wasm.decode(...prompt);
    }};
    const choice = new DecoderChoice(slowed, {patienceMs: Infinity, timedRuns: 1});
    await choice.moveIfBetter(gpu, feeds, steps);
    const chosen = choice.executionProvider;
    (await device()).destroy();
    const answer = await choice.decode(feeds, steps, null);
    const expected = await wasm.decode(feeds, steps, null);
    return {chosen, after: choice.executionProvider, isEqual: answer.logits.every((v, k) => v === expected.logits[k])};
}"""

OFFER_A_WRONG_ONE = """async () => {
    const {wasm, gpu, feeds, steps, DecoderChoice} = window.world;
    const broken = {executionProvider: "webgpu", release: async () => {}, decode: async (...prompt) => {
        const answer = await gpu.decode(...prompt);
        answer.logits[7] += 1;
        return answer;
    }};
    const choice = new DecoderChoice(wasm, {patienceMs: Infinity});
    await choice.moveIfBetter(broken, feeds, steps);
    return choice.executionProvider;
}"""


@pytest.fixture(scope="module")
def served(tmp_path_factory):
    """Address of a server with a tiny bundle's decoder and an embedding, and the bundle's row."""
    folder = tmp_path_factory.mktemp("models")
    make_tiny_bundle(folder / "tiny")
    manifest = load_manifest(folder / "tiny")
    export_decoder(folder / "tiny", folder / "tiny.onnx")
    random = np.random.default_rng(0)
    tensors = {name: random.normal(size=shape) for name, shape in manifest.embedding.items()}
    hw = (IMAGE["height"], IMAGE["width"])
    (folder / "image.safetensors").write_bytes(write_embedding(tensors, manifest.digest, hw))
    server = ThreadingHTTPServer(("127.0.0.1", 0), make_handler(folder))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    row = {"digest": manifest.digest, "inputSide": manifest.input_side, "lowResSide": manifest.low_res_side,
           "maskThreshold": 0, "outputs": manifest.outputs.as_dict(),
           "decoderUrl": "/models/tiny.onnx", "fastDecoderUrl": None, "sessionUrl": None}  # fmt: skip
    yield f"http://127.0.0.1:{server.server_port}", row
    server.shutdown()


@pytest.fixture
def page(playwright_driver, served):
    address, row = served
    args = [argument for argument in CHROMIUM_ARGS if argument != "--disable-gpu"] + SOFTWARE_GPU
    browser = playwright_driver.chromium.launch(executable_path=require_chromium(), args=args)
    page = browser.new_page()
    page.set_default_timeout(0)
    page.goto(f"{address}/page/index.html")
    settings = {"bundle": row, "imageSize": IMAGE, "embeddingUrl": "/models/image.safetensors"}
    loaded = page.evaluate(SET_UP, settings)
    if loaded["gpu"] is None:
        browser.close()
        pytest.skip("this Chromium has no software adapter for WebGPU")
    assert not loaded["unasked"], "a software adapter is not used in the product"
    yield page
    browser.close()


def test_the_gpus_masks_are_wasms_with_and_without_a_mask_prompt(page):
    for answer in page.evaluate(COMPARE):
        assert answer["deviation"] > 0
        assert answer["largest"] <= 5e-3


def test_a_lost_device_hands_the_prompt_back_to_wasm(page):
    assert page.evaluate(LOSE_THE_DEVICE) == {"chosen": "webgpu", "after": "wasm", "isEqual": True}


def test_a_gpu_whose_masks_differ_is_not_used(page):
    assert page.evaluate(OFFER_A_WRONG_ONE) == "wasm"
