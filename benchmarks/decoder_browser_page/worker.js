// Measures one setting (threads, points, size, mask prompt) for all decoders, interleaved; see ../decoder_browser.py.

import {measureFamily} from "./families.js";
import {generator} from "./random.js";
import {readPackage} from "/js/decoder/worker/files/decoder-package.js";
import {ClickKernel} from "/js/decoder/worker/two-way/click-kernel.js";
import {imageWindow, PLAIN_BIAS, TwoWayGraphs} from "/js/decoder/worker/two-way/graphs.js";
import {TailKernel} from "/js/decoder/worker/two-way/tail-kernel.js";

const GRID = 64;
const FILTER = 32;
const SIDE = 1024;
// Added to the IoU predictions: masks 1 to 3 before mask 0.
const AMBIGUOUS_BIAS = [-1000, 0, 0, 0];

onmessage = async ({data: settings}) => {
    try {
        postMessage({value: await (settings.bundle ? measureFamily(settings) : measure(settings))});
    } catch (error) {
        postMessage({error: String(error?.stack ?? error)});
    }
};

async function measure({threads, cases, rounds, warmUp}) {
    const ort = await import("/ort/ort.wasm.min.mjs");
    ort.env.wasm.wasmPaths = "/ort/";
    ort.env.wasm.numThreads = threads;
    const options = {executionProviders: ["wasm"], graphOptimizationLevel: "all"};
    const bytes = async (path) => (await fetch(path)).arrayBuffer();

    const meta = {};
    for (const name of ["meta-default", "meta-single"]) {
        meta[name] = await ort.InferenceSession.create(
            new Uint8Array(await bytes(`/models/${name}.onnx`)),
            options,
        );
    }
    const {files} = readPackage(await bytes("/models/fast.safetensors"));
    const opened = performance.now();
    const decoder = new TwoWayGraphs(ort, files, options);
    await decoder.warm({withClick: true, withTail: true});
    const kernelOptions = {threads, helperUrl: "/js/decoder/worker/kernel/helper.js"};
    const kernel = await TailKernel.open(files, kernelOptions);
    const clickKernel = await ClickKernel.open(files, kernelOptions);
    const openMs = performance.now() - opened;

    const embedding = new Float32Array(await bytes("/models/embedding.f32"));
    const imageMs = [];
    let image;
    for (let k = 0; k < 4; k++) {
        const started = performance.now();
        image = await decoder.prepareImage(embedding, [256, GRID, GRID]);
        imageMs.push(performance.now() - started);
    }
    const tensors = [...Object.values(image.tensors), image.maskProducts, image.upscaled];
    const byName = {...image.tensors, mask_products: image.maskProducts};
    clickKernel.setImage(image, (name) => byName[name].data);
    const imageBytes = tensors.reduce((sum, tensor) => sum + tensor.data.byteLength, 0);

    const rows = [];
    for (const one of cases) {
        const {points, width, height, maskPrompt} = one;
        const scale = SIDE / Math.max(width, height);
        const random = generator(points);
        const coords = new Float32Array(2 * points + 2);
        const labels = new Float32Array(points + 1).fill(-1);
        for (let k = 0; k < points; k++) {
            coords[2 * k] = random() * width * scale;
            coords[2 * k + 1] = random() * height * scale;
            labels[k] = k % 3 === 2 ? 0 : 1;
        }
        const inputSize = {height: Math.floor(height * scale + 0.5), width: Math.floor(width * scale + 0.5)};
        const window = imageWindow(inputSize, SIDE, GRID);
        const feeds = {
            image_embeddings: new ort.Tensor("float32", embedding, [1, 256, GRID, GRID]),
            point_coords: new ort.Tensor("float32", coords, [1, points + 1, 2]),
            point_labels: new ort.Tensor("float32", labels, [1, points + 1]),
            orig_im_size: new ort.Tensor("float32", Float32Array.of(height, width), [2]),
        };
        let maskInput = null;
        if (maskPrompt) {
            const none = {mask_input: zeros(ort, [1, 1, 256, 256]), has_mask_input: zeros(ort, [1])};
            maskInput = (await meta["meta-default"].run({...feeds, ...none})).low_res_masks.data.slice(
                0,
                256 * 256,
            );
        }
        feeds.mask_input = maskInput
            ? new ort.Tensor("float32", maskInput, [1, 1, 256, 256])
            : zeros(ort, [1, 1, 256, 256]);
        feeds.has_mask_input = new ort.Tensor("float32", Float32Array.of(maskInput ? 1 : 0), [1]);
        // Meta's single-mask form weighs the masks so; the padding point counts.
        const maskBias = points + 1 - 2.5 > 0 ? PLAIN_BIAS : AMBIGUOUS_BIAS;

        const prompt = {coords, labels, maskInput};
        const withGraphs = async () =>
            decoder.masks(image, await decoder.click(image, {...prompt, maskBias, maskCount: 1}), window);
        const withKernels = (maskCount) => () => {
            const {iouPredictions, tailInputs} = clickKernel.run(prompt);
            const filters = new Float32Array(maskCount * FILTER);
            const order = [...maskBias.keys()].sort(
                (a, b) => iouPredictions[b] + maskBias[b] - iouPredictions[a] - maskBias[a],
            );
            for (let k = 0; k < maskCount; k++) {
                filters.set(
                    tailInputs.filters.subarray(order[k] * FILTER, (order[k] + 1) * FILTER),
                    k * FILTER,
                );
            }
            kernel.setImage(image.upscaled.data);
            return kernel.run({...tailInputs, filters}, window);
        };
        const contenders = {
            meta_default: () => meta["meta-default"].run(feeds),
            meta: () => meta["meta-single"].run(feeds),
            ours: withKernels(1),
            ours_4: withKernels(4),
            ours_graphs: withGraphs,
            ours_click: () => clickKernel.run(prompt),
        };
        for (let k = 0; k < warmUp; k++) for (const run of Object.values(contenders)) await run();
        const times = Object.fromEntries(Object.keys(contenders).map((name) => [name, []]));
        for (let k = 0; k < rounds; k++) {
            for (const [name, run] of Object.entries(contenders)) {
                const started = performance.now();
                await run();
                times[name].push(performance.now() - started);
            }
        }
        const theirs = await contenders.meta();
        const differences = {};
        for (const name of ["ours", "ours_graphs"]) {
            differences[name] = difference(theirs.low_res_masks.data, await contenders[name](), window);
        }
        rows.push({...one, times, differences});
    }
    const embeddingBytes = embedding.byteLength;
    return {
        openMs,
        imageMs,
        imageBytes,
        embeddingBytes,
        kernelThreads: kernel.threads,
        kernelBytes: kernel.bytes + clickKernel.bytes,
        rows,
    };
}

function difference(theirs, ours, {endRow, endColumn}) {
    const [rows, columns] = [4 * endRow, 4 * endColumn];
    let [max, flips, square] = [0, 0, 0];
    for (let y = 0; y < rows; y++) {
        for (let x = 0; x < columns; x++) {
            const [a, b] = [theirs[256 * y + x], ours[columns * y + x]];
            max = Math.max(max, Math.abs(a - b));
            square += a * a;
            if (a > 0 !== b > 0) flips++;
        }
    }
    return {max, flips: flips / (rows * columns), rms: Math.sqrt(square / (rows * columns))};
}

const zeros = (ort, shape) =>
    new ort.Tensor("float32", new Float32Array(shape.reduce((a, b) => a * b, 1)), shape);
