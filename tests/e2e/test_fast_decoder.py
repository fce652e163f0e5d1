"""The fast decoder in real Chromium, through the product's own worker, against segment-anything's code."""

import base64
import threading
from http.server import ThreadingHTTPServer

import numpy as np
import pytest
import safetensors.numpy

from benchmarks.decoder_browser import make_handler
from benchmarks.random_sam import INPUT_SIDE, RandomSam
from segmentation.bundle import DEFAULT_OUTPUTS
from segmentation.decoder.package import write_package
from segmentation.embedding_file import as_int8, write_embedding
from segmentation.families.sam.decoder_weights import from_segment_anything
from segmentation.families.two_way.package import decoder_files
from segmentation.frames import ModelFrame
from segmentation.prompts import build_prompt_tensors

pytestmark = pytest.mark.e2e
DIGEST = "0" * 64
# As in tests/segmentation/test_fast_decoder.py.
LOGIT_TOLERANCE, IOU_TOLERANCE, MAX_FLIPPED = 5e-3, 2e-4, 5e-5
STEPS = [(0.3, 0.4, 1), (0.6, 0.2, 0), (0.45, 0.7, 1)]  # x, y as shares of the image, label

# Talks to the worker as decoder-client.js does. Answers what was loaded, and each step's candidates.
ASK_WORKER = """async ({embedding, imageSize, bundle, steps}) => {
    const worker = new Worker("/js/decoder/decoder-worker.js", {type: "module"});
    let id = 0;
    const ask = (request) => new Promise((resolve, reject) => {
        worker.onmessage = ({data}) => data.error ? reject(new Error(data.error.message)) : resolve(data.value);
        worker.onerror = (event) => reject(new Error(event.message));
        worker.postMessage({id: ++id, ...request});
    });
    const at = (path) => new URL(path, location.href).href;
    const urls = {kernelHelper: at("/js/decoder/worker/kernel/helper.js"), ortModule: at("/ort/ort.wasm.min.mjs"),
        ortWasmMjs: at("/ort/ort-wasm-simd-threaded.mjs"), ortWasm: at("/ort/ort-wasm-simd-threaded.wasm")};
    const loaded = await ask({kind: "load", urls, bundle: {...bundle,
        fastDecoderUrl: bundle.fastDecoderUrl && at(bundle.fastDecoderUrl),
        sessionUrl: bundle.sessionUrl && at(bundle.sessionUrl)}});
    const bytes = await (await fetch(embedding)).arrayBuffer();
    await ask({kind: "setImage", imageKey: "a", imageSize, embedding: bytes});
    const answers = [];
    for (let count = 1; count <= steps.length; count++) {
        const {candidates, maskIndices} = await ask({kind: "decode", imageKey: "a", steps: steps.slice(0, count)});
        const toBase64 = (floats) => {
            const view = new Uint8Array(floats.buffer, floats.byteOffset, floats.byteLength);
            let text = "";
            for (let k = 0; k < view.length; k += 32768) text += String.fromCharCode(...view.subarray(k, k + 32768));
            return btoa(text);
        };
        answers.push({maskIndices, candidates: candidates.map((one) => ({...one, logits: toBase64(one.logits)}))});
    }
    const finished = await ask({kind: "finish", imageKey: "a", steps});
    worker.terminate();
    return {loaded, answers, finished};
}"""


@pytest.fixture(scope="module")
def sam():
    return RandomSam(seed=11)


@pytest.fixture(scope="module")
def models(sam, tmp_path_factory):
    folder = tmp_path_factory.mktemp("models")
    metadata = {"bundle_digest": DIGEST, "family": "sam"}
    package = folder / "fast.safetensors"
    content = decoder_files(from_segment_anything(sam.decoder_state()))
    write_package(content, package, metadata)
    write_without_kernels(package)
    return folder


@pytest.fixture(scope="module")
def address(models):
    server = ThreadingHTTPServer(("127.0.0.1", 0), make_handler(models))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()


def bundle_row(**changes):
    return {
        "name": "random", "title": "Random", "digest": DIGEST, "inputSide": INPUT_SIDE, "maskThreshold": 0,
        "lowResSide": 256, "decoderUrl": "/models/absent.onnx", "fastDecoderUrl": "/models/fast.safetensors",
        "sessionUrl": "/js/decoder/worker/sam/session.js", "outputs": DEFAULT_OUTPUTS.as_dict(),
    } | changes  # fmt: skip


def open_page(browser, address):
    page = browser.new_page()
    page.goto(f"{address}/page/index.html")
    return page


SIZES_HW = ((600, 600), (400, 600), (700, 300))
# Packages as they are for browsers or decoders that a kernel does not suit: name -> what they lack.
WITHOUT_KERNELS = {
    "graph-click": ("click-plain", "click-relaxed"),
    "graphs": ("click-plain", "click-relaxed", "tail-plain", "tail-relaxed"),
}


def write_without_kernels(package):
    """Writes, beside a decoder package, what of it each of `WITHOUT_KERNELS` leaves."""
    with safetensors.safe_open(package, "np") as file:
        header = file.metadata()
    files = safetensors.numpy.load_file(package)
    for name, without in WITHOUT_KERNELS.items():
        kept = {key: value for key, value in files.items() if not key.startswith(without)}
        assert len(kept) < len(files)
        safetensors.numpy.save_file(kept, package.with_name(f"{name}.safetensors"), header)


@pytest.mark.parametrize("image_hw", SIZES_HW)
def test_worker_answers_click_after_click_as_the_original_does(browser, address, models, sam, image_hw):
    """The second click is fed the first one's logits, padding included, which the worker makes after its answer."""
    height, width = image_hw
    steps = [point_step(x * width, y * height, label) for x, y, label in STEPS]
    assert_as_the_original(compare_steps(browser, address, models, sam, image_hw, steps))


@pytest.mark.parametrize("package", WITHOUT_KERNELS)
def test_graphs_answer_where_a_kernel_cannot_run(browser, address, models, sam, package):
    steps = [point_step(600 * x, 400 * y, label) for x, y, label in STEPS[:2]]
    assert_as_the_original(compare_steps(browser, address, models, sam, (400, 600), steps, package))


def test_more_points_than_the_click_kernel_takes_are_answered_by_the_graph(browser, address, models, sam):
    random = np.random.default_rng(4)
    steps = [point_step(x, y, k % 2) for k, (x, y) in enumerate(random.uniform(0, 600, (13, 2)).tolist())]
    assert_as_the_original(compare_steps(browser, address, models, sam, (600, 600), steps))


@pytest.mark.slow
def test_200_random_prompts_are_answered_in_the_page_as_by_the_original(browser, address, models, sam):
    """Prompts of 1 to 10 steps, points and at most one box; every one after a prompt's first is fed logits."""
    random = np.random.default_rng(3)
    comparisons = []
    while len(comparisons) < 200:
        image_hw = SIZES_HW[len(comparisons) % 3]
        places = random.uniform((0, 0), image_hw[::-1], (random.integers(1, 11), 2))
        steps = [point_step(x, y, int(random.integers(0, 2))) for x, y in places.tolist()]
        if random.random() < 0.5:
            corners = np.sort(random.uniform((0, 0), image_hw[::-1], (2, 2)), axis=0).ravel().tolist()
            box = {"kind": "box", "box": {**dict(zip(("x0", "y0", "x1", "y1"), corners, strict=True)),
                                          "frame": "image"}, "maskIndex": None}  # fmt: skip
            steps[random.integers(0, len(steps))] = box
        comparisons += compare_steps(browser, address, models, sam, image_hw, steps)
    largest, iou, flipped = np.array(comparisons).T
    print(
        f"{len(comparisons)} prompts: logits {largest.max():.2g}, IoU {iou.max():.2g}, flipped {flipped.mean():.2g}"
    )
    assert_as_the_original(comparisons)


def assert_as_the_original(comparisons):
    largest, iou, flipped = np.array(comparisons).T
    assert largest.max() <= LOGIT_TOLERANCE
    assert iou.max() <= IOU_TOLERANCE
    assert flipped.mean() <= MAX_FLIPPED


def point_step(x, y, label):
    return {"kind": "point", "point": {"x": x, "y": y, "frame": "image"}, "label": label, "maskIndex": None}


def compare_steps(browser, address, models, sam, image_hw, steps, package="fast"):
    """Decodes every beginning of `steps` in the page's worker and with the original, both fed the page's logits.

    Fed its own, the original would answer another prompt: from step to step, the small differences grow.
    Checks that the same candidates are chosen. Of every beginning: largest difference of the shown candidates' logits
    and of their predicted IoU, and the share of signs flipped.
    """
    height, width = image_hw
    half = sam.image_embedding()[0].astype(np.float16)
    content = write_embedding({"image_embeddings": half}, DIGEST, image_hw)
    (models / "image.safetensors").write_bytes(content)
    page = open_page(browser, address)
    settings = {
        "embedding": "/models/image.safetensors",
        "imageSize": {"height": height, "width": width},
        "bundle": bundle_row(fastDecoderUrl=f"/models/{package}.safetensors"),
        "steps": steps,
    }
    result = page.evaluate(ASK_WORKER, settings)
    page.close()

    assert result["loaded"]["executionProvider"] == "wasm"
    assert result["finished"]["segmentation"]["size"] == [height, width]
    frame = ModelFrame(height, width, INPUT_SIDE)
    covered = tuple(slice(-(-side // 4)) for side in frame.input_hw)  # by the image, in low-res pixels
    previous, comparisons = None, []
    for count, answer in enumerate(result["answers"], start=1):
        coords, labels = build_prompt_tensors(frame, **prompt_of(steps[:count]))
        logits, iou = sam.decode(half.astype(np.float32)[None], coords, labels, previous)
        chosen = answer["maskIndices"][-1]
        is_ambiguous = count == 1 and steps[0]["kind"] == "point"
        assert chosen == (1 + np.argmax(iou[0, 1:]) if is_ambiguous else 0)
        assert len(answer["candidates"]) == 3
        rows = []
        for candidate in answer["candidates"]:
            index = candidate["index"]
            actual = np.frombuffer(base64.b64decode(candidate["logits"]), np.float32).reshape(256, 256)[
                covered
            ]
            expected = logits[0, index][covered]
            flipped = np.mean((actual > 0) != (expected > 0))
            rows.append(
                (np.abs(actual - expected).max(), abs(candidate["predictedIou"] - iou[0, index]), flipped)
            )
        comparisons.append(np.max(rows, axis=0))
        previous = logits[:, chosen][:, None].copy()  # its padding, which the page does not hand out
        previous[0, 0][covered] = next(
            logits_of(candidate)[covered]
            for candidate in answer["candidates"]
            if candidate["index"] == chosen
        )
    return comparisons


def logits_of(candidate):
    return np.frombuffer(base64.b64decode(candidate["logits"]), np.float32).reshape(256, 256)


def prompt_of(steps):
    points = [step for step in steps if step["kind"] == "point"]
    boxes = [step["box"] for step in steps if step["kind"] == "box"]
    prompt = {}
    if points:
        prompt["point_coords"] = np.array([[one["point"]["x"], one["point"]["y"]] for one in points])
        prompt["point_labels"] = np.array([one["label"] for one in points])
    if boxes:
        prompt["box"] = np.array([boxes[0][corner] for corner in ("x0", "y0", "x1", "y1")])
    return prompt


@pytest.mark.parametrize(
    ("tensor", "digest", "message"),
    [
        (np.zeros((256, 64, 32), np.float16), DIGEST, "takes image_embeddings of shape 256,64,64"),
        (np.zeros((256, 64, 64), np.float16), "1" * 64, "embedding was made by the model 111111111111"),
    ],
)
def test_an_embedding_that_does_not_fit_is_refused_before_a_graph_runs(
    browser, address, models, tensor, digest, message
):
    (models / "image.safetensors").write_bytes(
        write_embedding({"image_embeddings": tensor}, digest, (600, 600))
    )
    page = open_page(browser, address)
    settings = {
        "embedding": "/models/image.safetensors",
        "imageSize": {"height": 600, "width": 600},
        "bundle": bundle_row(),
        "steps": [],
    }
    with pytest.raises(Exception, match=message):
        page.evaluate(ASK_WORKER, settings)
    page.close()


def test_a_decoder_of_another_bundle_is_refused(browser, address):
    page = open_page(browser, address)
    settings = {"embedding": "", "imageSize": {}, "bundle": bundle_row(digest="2" * 64), "steps": []}
    with pytest.raises(Exception, match="decoder was made for the model 000000000000"):
        page.evaluate(ASK_WORKER, settings)
    page.close()


def test_logits_that_are_no_numbers_are_reported_not_drawn(browser, address, models):
    zeros = np.zeros((256, 64, 64), np.float16)
    (models / "image.safetensors").write_bytes(
        write_embedding({"image_embeddings": zeros}, DIGEST, (600, 600))
    )
    broken = RandomSam(seed=11)
    broken.mask_decoder.output_hypernetworks_mlps[0].layers[-1].bias.data[0] = float("inf")
    metadata = {"bundle_digest": DIGEST, "family": "sam"}
    files = decoder_files(from_segment_anything(broken.decoder_state()))
    write_package(files, models / "broken.safetensors", metadata)
    page = open_page(browser, address)
    point = {"kind": "point", "point": {"x": 9, "y": 9, "frame": "image"}, "label": 1, "maskIndex": None}
    settings = {
        "embedding": "/models/image.safetensors",
        "imageSize": {"height": 600, "width": 600},
        "bundle": bundle_row(fastDecoderUrl="/models/broken.safetensors"),
        "steps": [point],
    }
    with pytest.raises(Exception, match="no numbers"):
        page.evaluate(ASK_WORKER, settings)
    page.close()


# Gives the worker five images in turn, then asks about each; answers which it still has.
KEEP_IMAGES = """async ({embedding, imageSize, bundle, steps}) => {
    const worker = new Worker("/js/decoder/decoder-worker.js", {type: "module"});
    let id = 0;
    const ask = (request) => new Promise((resolve) => {
        worker.onmessage = ({data}) => resolve(data.error ? data.error.code : "ok");
        worker.postMessage({id: ++id, ...request});
    });
    const at = (path) => new URL(path, location.href).href;
    const urls = {kernelHelper: at("/js/decoder/worker/kernel/helper.js"), ortModule: at("/ort/ort.wasm.min.mjs"),
        ortWasmMjs: at("/ort/ort-wasm-simd-threaded.mjs"), ortWasm: at("/ort/ort-wasm-simd-threaded.wasm")};
    await ask({kind: "load", urls, bundle: {...bundle, fastDecoderUrl: at(bundle.fastDecoderUrl),
        sessionUrl: at(bundle.sessionUrl)}});
    const bytes = await (await fetch(embedding)).arrayBuffer();
    for (const imageKey of ["a", "b", "c", "d", "e"]) {
        await ask({kind: "setImage", imageKey, imageSize, embedding: bytes.slice(0)});
    }
    const answers = {};
    for (const imageKey of ["a", "b", "c", "d", "e"]) answers[imageKey] = await ask({kind: "decode", imageKey, steps});
    worker.terminate();
    return answers;
}"""


def test_the_worker_keeps_three_images_and_says_which_it_forgot(browser, address, models, sam):
    half = sam.image_embedding()[0].astype(np.float16)
    content = as_int8(write_embedding({"image_embeddings": half}, DIGEST, (600, 600)))
    (models / "image.safetensors").write_bytes(content)
    page = open_page(browser, address)
    point = {"kind": "point", "point": {"x": 9, "y": 9, "frame": "image"}, "label": 1, "maskIndex": None}
    settings = {
        "embedding": "/models/image.safetensors",
        "imageSize": {"height": 600, "width": 600},
        "bundle": bundle_row(),
        "steps": [point],
    }
    forgotten, kept = dict.fromkeys("ab", "image_not_loaded"), dict.fromkeys("cde", "ok")
    assert page.evaluate(KEEP_IMAGES, settings) == forgotten | kept
    page.close()
