/** The bundle's ONNX decoder, one graph, in onnxruntime-web: on WASM or on WebGPU. */

import {buildPromptTensors} from "../../core/prompt.js";
import {DecoderError} from "../protocol.js";
import {checkTensors} from "./embedding-file.js";
import {readMetadata} from "./onnx-metadata.js";

/** @import * as Ort from "onnxruntime-web" */
/** @import {Bundle, PromptStep} from "../../types.d.ts" */
/** @import {DecoderUrls} from "../protocol.js" */
/** @import {Embedding} from "./embedding-file.js" */
/** @import {PreparedImage} from "./fast-decoder.js" */
/** @import {Decode} from "./prompt-chain.js" */

const DECODER_OUTPUTS = 4;
const PROMPT_INPUTS = ["point_coords", "point_labels", "mask_input", "has_mask_input"];
// More threads than this make a decoder of this size no faster and take cores from the page.
const MAX_THREADS = 4;

/**
 * @typedef {object} Backend
 * @property {typeof Ort} ort
 * @property {Ort.InferenceSession} session
 * @property {"wasm" | "webgpu"} executionProvider
 */

/** @typedef {{requestAdapter(): Promise<{info?: {isFallbackAdapter?: boolean}} | null>}} Gpu of WebGPU, as far as used */

/** An image's embedding as the decoder takes it. */
export class ImageFeeds {
    /** @type {Promise<PreparedImage> | null} what the fast decoder makes of the embedding, once */
    prepared = null;

    /** @param {Embedding} embedding */
    constructor(embedding) {
        this.imageSize = embedding.imageSize;
        this.tensors = embedding.tensors;
    }
}

export class DecoderSession {
    #bundle;
    #backend;
    #embeddingShapes;

    /**
     * @param {Bundle} bundle
     * @param {Backend} backend
     */
    constructor(bundle, backend) {
        this.#bundle = bundle;
        this.#backend = backend;
        this.#embeddingShapes = embeddingShapes(backend.session);
    }

    /**
     * @param {DecoderUrls} urls
     * @param {Bundle} bundle
     * @throws {DecoderError} decoder_unavailable, bundle_mismatch
     */
    static async load(urls, bundle) {
        const [model, ort] = await Promise.all([fetchDecoder(bundle.decoderUrl), loadWasmOrt(urls)]);
        checkDigest(readMetadata(model).get("bundle_digest"), bundle);
        const session = await ort.InferenceSession.create(model, {executionProviders: ["wasm"]});
        return new DecoderSession(bundle, {ort, session, executionProvider: "wasm"});
    }

    /**
     * The decoder on the GPU, where the browser offers one. It may take seconds; decodes go on meanwhile.
     *
     * @param {DecoderUrls} urls
     * @param {Bundle} bundle
     * @param {{acceptSoftware?: boolean}} options acceptSoftware: an adapter that is a CPU will do, for tests
     * @returns {Promise<DecoderSession | null>} null: there is no GPU, or it cannot run the decoder
     */
    static async loadWebgpu(urls, bundle, {acceptSoftware = false} = {}) {
        if (!(await hasWebgpu(acceptSoftware))) return null;
        try {
            const [model, ort] = await Promise.all([
                fetchDecoder(bundle.decoderUrl),
                loadOrt(urls.ortWebgpuModule),
            ]);
            checkDigest(readMetadata(model).get("bundle_digest"), bundle);
            ort.env.wasm.wasmPaths = {mjs: urls.ortWebgpuMjs, wasm: urls.ortWebgpuWasm};
            const session = await ort.InferenceSession.create(model, {executionProviders: ["webgpu"]});
            return new DecoderSession(bundle, {ort, session, executionProvider: "webgpu"});
        } catch (error) {
            console.warn("WebGPU is not used:", error); // a driver's fault is no reason to stop: WASM goes on
            return null;
        }
    }

    get executionProvider() {
        return this.#backend.executionProvider;
    }

    get threads() {
        return this.#backend.ort.env.wasm.numThreads ?? 1;
    }

    /**
     * One graph has nothing to prepare for an image; what does not fit is refused here, before a run.
     *
     * @param {ImageFeeds} image
     * @throws {DecoderError} embedding_invalid
     */
    async prepare(image) {
        checkTensors(image.tensors, this.#embeddingShapes);
    }

    /** Gives back what it holds on the GPU. */
    async release() {
        await this.#backend.session.release();
    }

    /**
     * @param {ImageFeeds} image
     * @param {readonly PromptStep[]} steps
     * @param {Float32Array | null} maskInput (lowResSide, lowResSide) logits of the step before
     * @returns {Promise<Decode>}
     * @throws {DecoderError} embedding_invalid, decode_failed, not_finite
     */
    async decode(image, steps, maskInput) {
        await this.prepare(image);
        const {ort, session} = this.#backend;
        const side = this.#bundle.lowResSide;
        const {pointCoords, pointLabels} = buildPromptTensors(steps, image.imageSize, this.#bundle.inputSide);
        const points = pointLabels.length;
        /** @type {Record<string, Ort.Tensor>} */
        const feeds = {
            point_coords: new ort.Tensor("float32", pointCoords, [1, points, 2]),
            point_labels: new ort.Tensor("float32", pointLabels, [1, points]),
            mask_input: new ort.Tensor("float32", maskInput ?? new Float32Array(side * side), [
                1,
                1,
                side,
                side,
            ]),
            has_mask_input: new ort.Tensor("float32", [maskInput ? 1 : 0], [1]),
        };
        for (const [name, {shape, values}] of image.tensors)
            feeds[name] = new ort.Tensor("float32", values, [1, ...shape]);
        let outputs;
        try {
            outputs = await session.run(feeds);
        } catch (error) {
            throw new DecoderError("decode_failed", `The decoder failed: ${messageOf(error)}`);
        }
        const logits = floats(outputs.low_res_masks);
        const iouPredictions = floats(outputs.iou_predictions);
        if (iouPredictions.length !== DECODER_OUTPUTS || logits.length !== DECODER_OUTPUTS * side * side) {
            throw new DecoderError(
                "decode_failed",
                "The decoder's outputs have another shape than this page expects.",
            );
        }
        checkFinite(logits, iouPredictions);
        return {logits, iouPredictions};
    }
}

/**
 * @param {Ort.InferenceSession} session
 * @returns {Record<string, number[]>} (C, h, w) of the image's tensors, by name, as the graph takes them
 */
function embeddingShapes({inputMetadata}) {
    /** @type {Record<string, number[]>} */
    const shapes = {};
    for (const input of inputMetadata) {
        if (input.isTensor && !PROMPT_INPUTS.includes(input.name))
            shapes[input.name] = input.shape.slice(1).map(Number);
    }
    return shapes;
}

/**
 * @param {string | undefined} digest a decoder file's
 * @param {Bundle} bundle
 * @throws {DecoderError} bundle_mismatch
 */
export function checkDigest(digest, bundle) {
    if (digest === bundle.digest) return;
    throw new DecoderError(
        "bundle_mismatch",
        `The decoder was made for the model ${short(digest)}, this page is for ${short(bundle.digest)}. ` +
            "Reload the page; if that does not help, the decoder has to be exported again.",
    );
}

/**
 * @param {...Float32Array} answers
 * @throws {DecoderError} not_finite
 */
export function checkFinite(...answers) {
    if (answers.every(isAllFinite)) return;
    throw new DecoderError(
        "not_finite",
        "The model's answer holds values that are no numbers; it is not shown. Try another prompt.",
    );
}

/** @param {string} url */
export async function fetchDecoder(url) {
    const response = await fetch(url, {credentials: "same-origin"}).catch(() => null);
    if (!response?.ok) {
        const reason = response ? `the server answered ${response.status}` : "the server cannot be reached";
        throw new DecoderError("decoder_unavailable", `The model's decoder could not be loaded: ${reason}.`);
    }
    return new Uint8Array(await response.arrayBuffer());
}

/** Threads share memory, which browsers only give to cross-origin isolated pages. */
export function usefulThreads() {
    return self.crossOriginIsolated ? Math.min(MAX_THREADS, navigator.hardwareConcurrency) : 1;
}

/**
 * onnxruntime-web for WASM, with as many threads as help.
 *
 * @param {DecoderUrls} urls
 */
export async function loadWasmOrt(urls) {
    const ort = await loadOrt(urls.ortModule);
    ort.env.wasm.wasmPaths = {mjs: urls.ortWasmMjs, wasm: urls.ortWasm};
    ort.env.wasm.numThreads = usefulThreads();
    return ort;
}

/**
 * @param {string} url
 * @returns {Promise<typeof Ort>}
 */
async function loadOrt(url) {
    try {
        return await import(url);
    } catch {
        throw new DecoderError(
            "decoder_unavailable",
            "onnxruntime-web could not be loaded. Run: npm run vendor",
        );
    }
}

/** @param {boolean} acceptSoftware */
async function hasWebgpu(acceptSoftware) {
    const {gpu} = /** @type {{gpu?: Gpu}} */ (navigator);
    const adapter = await gpu?.requestAdapter().catch(() => null);
    // A fallback adapter is a CPU, slower than WASM.
    return Boolean(adapter) && (acceptSoftware || !adapter?.info?.isFallbackAdapter);
}

/** @param {Ort.Tensor} tensor */
function floats(tensor) {
    if (!(tensor.data instanceof Float32Array))
        throw new DecoderError("decode_failed", "The decoder's outputs are no floats.");
    return tensor.data;
}

/** A plain loop: `every` calls a function for each of a quarter million values. @param {Float32Array} values */
function isAllFinite(values) {
    for (let k = 0; k < values.length; k++) {
        if (!Number.isFinite(values[k])) return false;
    }
    return true;
}

/** @param {string | undefined} digest */
function short(digest) {
    return digest ? digest.slice(0, 12) : "(none named)";
}

/** @param {unknown} error */
export function messageOf(error) {
    return error instanceof Error ? error.message : String(error);
}
