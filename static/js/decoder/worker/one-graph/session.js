/** The bundle's ONNX decoder, one graph, in onnxruntime-web: on WASM or on WebGPU. */

import {buildPromptTensors} from "../../../core/prompt.js";
import {DecoderError} from "../../protocol.js";
import {checkFinite, decodeFailed} from "../decode.js";
import {checkDigest, fetchDecoder} from "../files/decoder-file.js";
import {checkTensors} from "../files/embedding-file.js";
import {readMetadata} from "../files/onnx-metadata.js";
import {loadWasmOrt, loadWebgpuOrt} from "./ort.js";

/** @import * as Ort from "onnxruntime-web" */
/** @import {Bundle} from "../../../core/types.d.ts" */
/** @import {DecoderUrls} from "../../protocol.js" */
/** @import {ReleasableSession} from "../session.d.ts" */

const PROMPT_INPUTS = ["point_coords", "point_labels", "mask_input", "has_mask_input"];

/**
 * @typedef {object} Backend
 * @property {typeof Ort} ort
 * @property {Ort.InferenceSession} session
 * @property {"wasm" | "webgpu"} executionProvider
 */

/** @typedef {{requestAdapter(): Promise<{info?: {isFallbackAdapter?: boolean}} | null>}} Gpu of WebGPU, as far as used */

/** @implements {ReleasableSession} */
export class OneGraphSession {
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
        return open(bundle, loadWasmOrt(urls), "wasm");
    }

    /**
     * The decoder on the GPU, where the browser offers one. It may take seconds; decodes go on meanwhile.
     *
     * @param {DecoderUrls} urls
     * @param {Bundle} bundle
     * @param {{acceptSoftware?: boolean}} options acceptSoftware: an adapter that is a CPU will do, for tests
     * @returns {Promise<OneGraphSession | null>} null: there is no GPU, or it cannot run the decoder
     */
    static async loadWebgpu(urls, bundle, {acceptSoftware = false} = {}) {
        if (!(await hasWebgpu(acceptSoftware))) return null;
        try {
            return await open(bundle, loadWebgpuOrt(urls), "webgpu");
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
     * @type {ReleasableSession["prepare"]}
     */
    async prepare(image) {
        checkTensors(image.tensors, this.#embeddingShapes);
    }

    /** Gives back what it holds on the GPU. */
    async release() {
        await this.#backend.session.release();
    }

    /** @type {ReleasableSession["decode"]} */
    async decode(image, steps, maskInput) {
        await this.prepare(image);
        const {ort, session} = this.#backend;
        const {lowResSide: side, outputs} = this.#bundle;
        const {pointCoords, pointLabels} = buildPromptTensors(steps, image.imageSize, this.#bundle);
        const points = pointLabels.length;
        const floats = (/** @type {Float32Array} */ values, /** @type {number[]} */ ...shape) =>
            new ort.Tensor("float32", values, shape);
        /** @type {Record<string, Ort.Tensor>} */
        const feeds = {
            point_coords: floats(pointCoords, 1, points, 2),
            point_labels: floats(pointLabels, 1, points),
            mask_input: floats(maskInput ?? new Float32Array(side * side), 1, 1, side, side),
            has_mask_input: floats(Float32Array.of(maskInput ? 1 : 0), 1),
        };
        for (const [name, {shape, values}] of image.tensors) feeds[name] = floats(values, 1, ...shape);
        const answer = await session.run(feeds).catch((error) => {
            throw decodeFailed(error);
        });
        const [logits, iouPredictions] = [answer.low_res_masks, answer.iou_predictions].map(floatsOf);
        if (iouPredictions.length !== outputs.count || logits.length !== outputs.count * side * side) {
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
 * @param {Bundle} bundle
 * @param {Promise<typeof Ort>} loading
 * @param {"wasm" | "webgpu"} executionProvider
 */
async function open(bundle, loading, executionProvider) {
    const [model, ort] = await Promise.all([fetchDecoder(bundle.decoderUrl), loading]);
    checkDigest(readMetadata(model).get("bundle_digest"), bundle);
    const session = await ort.InferenceSession.create(model, {executionProviders: [executionProvider]});
    return new OneGraphSession(bundle, {ort, session, executionProvider});
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

/** @param {boolean} acceptSoftware */
async function hasWebgpu(acceptSoftware) {
    const {gpu} = /** @type {{gpu?: Gpu}} */ (navigator);
    const adapter = await gpu?.requestAdapter().catch(() => null);
    // A fallback adapter is a CPU, slower than WASM.
    return Boolean(adapter) && (acceptSoftware || !adapter?.info?.isFallbackAdapter);
}

/** @param {Ort.Tensor} tensor */
function floatsOf(tensor) {
    if (!(tensor.data instanceof Float32Array))
        throw new DecoderError("decode_failed", "The decoder's outputs are no floats.");
    return tensor.data;
}
