// One network's decoder as one graph in onnxruntime-web, and as the page's worker runs it; see ../decoder_browser.py.

import {inputSize} from "/js/core/frames.js";
import {buildPromptTensors} from "/js/core/prompt.js";
import {readEmbedding} from "/js/decoder/worker/files/embedding-file.js";
import {OneGraphSession} from "/js/decoder/worker/one-graph/session.js";
import {generator} from "./random.js";

const at = (path) => path && new URL(path, location.href).href;

export async function measureFamily({threads, cases, rounds, warmUp, bundle: row, only = null}) {
    // What the page's sessions ask before they start threads.
    Object.defineProperty(navigator, "hardwareConcurrency", {value: threads});
    const bundle = {
        ...row,
        decoderUrl: at(row.decoderUrl),
        fastDecoderUrl: at(row.fastDecoderUrl),
        sessionUrl: at(row.sessionUrl),
    };
    const urls = {
        kernelHelper: at("/js/decoder/worker/kernel/helper.js"),
        ortModule: at("/ort/ort.wasm.min.mjs"),
        ortWasmMjs: at("/ort/ort-wasm-simd-threaded.mjs"),
        ortWasm: at("/ort/ort-wasm-simd-threaded.wasm"),
    };
    const ort = await import("/ort/ort.wasm.min.mjs");
    ort.env.wasm.wasmPaths = "/ort/";
    ort.env.wasm.numThreads = threads;
    const bytes = await (await fetch("/models/embedding.safetensors")).arrayBuffer();
    const {tensors} = readEmbedding(bytes);
    const plain =
        only === "ours"
            ? null
            : await ort.InferenceSession.create(
                  new Uint8Array(await (await fetch(bundle.decoderUrl)).arrayBuffer()),
                  {executionProviders: ["wasm"], graphOptimizationLevel: "all"},
              );
    let session = null;
    if (only !== "plain") {
        session = bundle.sessionUrl
            ? await (await import(bundle.sessionUrl)).loadSession(urls, bundle)
            : await OneGraphSession.load(urls, bundle);
        if (!session) throw new Error("this browser cannot run the package");
    }

    let imageMs = 0;
    const rows = [];
    for (const one of only ? cases.slice(0, 1) : cases) {
        const {points, width, height, maskPrompt} = one;
        const imageSize = {height, width};
        const image = {imageSize, tensors};
        const started = performance.now();
        await session?.prepare(image);
        imageMs = performance.now() - started;
        const random = generator(points);
        const steps = Array.from({length: points}, (_, k) => ({
            kind: "point",
            point: {x: random() * width, y: random() * height, frame: "image"},
            label: k % 3 === 2 ? 0 : 1,
            maskIndex: null,
        }));
        const side = bundle.lowResSide;
        const {pointCoords, pointLabels} = buildPromptTensors(steps, imageSize, bundle);
        const count = pointLabels.length;
        const floats = (values, ...shape) => new ort.Tensor("float32", values, shape);
        const feeds = {
            point_coords: floats(pointCoords, 1, count, 2),
            point_labels: floats(pointLabels, 1, count),
            mask_input: floats(new Float32Array(side * side), 1, 1, side, side),
            has_mask_input: floats(Float32Array.of(0), 1),
        };
        for (const [name, {shape, values}] of tensors) feeds[name] = floats(values, 1, ...shape);
        let maskInput = null;
        if (maskPrompt && plain) {
            maskInput = (await plain.run(feeds)).low_res_masks.data.slice(0, side * side);
            feeds.mask_input = floats(maskInput, 1, 1, side, side);
            feeds.has_mask_input = floats(Float32Array.of(1), 1);
        }
        const contenders = {
            ...(plain && {plain: async () => (await plain.run(feeds)).low_res_masks.data}),
            ...(session && {ours: async () => (await session.decode(image, steps, maskInput)).logits}),
        };
        const turns = only ? 1 : warmUp + rounds;
        const times = Object.fromEntries(Object.keys(contenders).map((name) => [name, []]));
        const answers = {};
        for (let k = 0; k < turns; k++) {
            for (const [name, run] of Object.entries(contenders)) {
                const begun = performance.now();
                answers[name] = await run();
                if (k >= warmUp || only) times[name].push(performance.now() - begun);
                // A session's own work after its answer, such as the padding's logits, is its own, not the next one's.
                if (name === "ours") await new Promise((resolve) => setTimeout(resolve, AFTER_MS));
            }
        }
        const covered = bundle.fit === "stretch" ? {height: side, width: side} : coveredOf(imageSize, bundle);
        rows.push({...one, times, difference: only ? null : difference(answers, side, covered)});
    }
    if (only) globalThis.kept = {plain, session}; // what is measured must not be collected first
    return {imageMs, rows};
}

const AFTER_MS = 60;

/** Low-res pixels that the image covers. */
function coveredOf(imageSize, bundle) {
    const {height, width} = inputSize(imageSize, bundle);
    const pixels = bundle.inputSide / bundle.lowResSide;
    return {height: Math.floor(height / pixels), width: Math.floor(width / pixels)};
}

function difference({plain, ours}, side, {height, width}) {
    let [max, square, flips] = [0, 0, 0];
    const masks = plain.length / side / side;
    for (let mask = 0; mask < masks; mask++) {
        for (let y = 0; y < height; y++) {
            for (let x = 0; x < width; x++) {
                const k = (mask * side + y) * side + x;
                max = Math.max(max, Math.abs(plain[k] - ours[k]));
                square += plain[k] * plain[k];
                if (plain[k] > 0 !== ours[k] > 0) flips++;
            }
        }
    }
    const count = masks * height * width;
    return {max, flips: flips / count, rms: Math.sqrt(square / count)};
}
