/**
 * What the page and the decoder worker say to each other. Every request carries an id and gets exactly one reply; until then the
 * worker may say that it is busy.
 *
 * Requests are whole: a decode names all steps of its prompt, so the worker may be thrown away at any moment and a new
 * one gives the same answer.
 */

/** @import {Bbox, Bundle, Candidate, ImageSize, PromptStep, Region, Rle} from "../core/types.d.ts" */

/**
 * Where the worker finds what it runs; all absolute URLs.
 *
 * @typedef {object} DecoderUrls
 * @property {string} kernelHelper a kernel's further threads
 * @property {string} ortModule onnxruntime-web's module for WASM
 * @property {string} ortWasmMjs
 * @property {string} ortWasm
 * @property {string} ortWebgpuModule its module with WebGPU, loaded only where the browser offers an adapter
 * @property {string} ortWebgpuMjs
 * @property {string} ortWebgpuWasm
 */

/**
 * @typedef {object} LoadRequest
 * @property {number} id
 * @property {"load"} kind
 * @property {DecoderUrls} urls
 * @property {Bundle} bundle
 */

/**
 * @typedef {object} SetImageRequest
 * @property {number} id
 * @property {"setImage"} kind
 * @property {string} imageKey
 * @property {ImageSize} imageSize of the whole image
 * @property {Region} [region] that the embedding is of
 * @property {ArrayBuffer} embedding an embedding file
 */

/**
 * @typedef {object} DecodeRequest
 * @property {number} id
 * @property {"decode"} kind
 * @property {string} imageKey
 * @property {readonly PromptStep[]} steps
 */

/**
 * @typedef {object} FinishRequest
 * @property {number} id
 * @property {"finish"} kind
 * @property {string} imageKey
 * @property {readonly PromptStep[]} steps with every maskIndex chosen
 */

/** @typedef {LoadRequest | SetImageRequest | DecodeRequest | FinishRequest} WorkerRequest */

/** @typedef {{executionProvider: "wasm" | "webgpu", threads: number}} LoadReply */

/**
 * @typedef {object} DecodeReply
 * @property {Candidate[]} candidates best first
 * @property {number[]} maskIndices the choice after every step: the prompt's own, else the best one
 * @property {number} runs how often the network ran for it: 0 when all steps were decoded before
 */

/**
 * @typedef {object} FinishReply
 * @property {Rle} segmentation
 * @property {number} area
 * @property {Bbox} bbox
 * @property {number} predictedIou
 * @property {number} stabilityScore
 */

/** @typedef {LoadReply | null | DecodeReply | FinishReply} ReplyValue */

/**
 * @typedef {object} WorkerReply
 * @property {number} id
 * @property {ReplyValue} [value]
 * @property {{code: string, message: string}} [error]
 * @property {true} [isBusy] the worker is alive; the answer comes later
 */

/**
 * Codes: decoder_ended, bundle_mismatch, embedding_invalid, image_not_loaded, prompt_malformed, not_finite,
 * decoder_unavailable, decode_failed.
 */
export class DecoderError extends Error {
    /**
     * @param {string} code
     * @param {string} message says what happened and what to do
     */
    constructor(code, message) {
        super(message);
        this.name = "DecoderError";
        this.code = code;
    }
}
