/**
 * The decoder around a two-way transformer as three graphs: one run per image, one per click, and the tail that makes masks of what a click gives.
 *
 * segmentation/families/two_way builds them and has the same in Python (session.py); docs/decoder.md says why and how fast.
 */

import {MASKS, OWN_TOKENS} from "./click-layout.js";

/** @import {InferenceSession, Tensor} from "onnxruntime-web" */
/** @import {Tensors} from "../session.d.ts" */

const SHARED_WEIGHTS = "weights.bin";
const HEAD_FORM_MIN_TOKENS = 17; // as in click_graph.py

/** Added to the IoU predictions, it decides which masks come first. */
export const PLAIN_BIAS = [1000, 0, 0, 0];

/**
 * A part of the grid of image tokens: from `row` up to, not including, `endRow`; the same with columns.
 *
 * @typedef {{row: number, endRow: number, column: number, endColumn: number}} GridWindow
 */

/**
 * @typedef {object} ClickPrompt
 * @property {Float32Array} coords (N, 2) model pixels
 * @property {Float32Array} labels (N,): 1, 0, 2/3 box corners, -1 padding
 * @property {Float32Array | null} maskInput (4 * grid, 4 * grid) logits
 * @property {readonly number[]} maskBias (4,)
 * @property {number} maskCount how many masks, 1 to 4
 */

/**
 * @typedef {object} PreparedImage
 * @property {Record<string, Tensor>} tensors the click graph's
 * @property {Tensor} maskProducts only for prompts with a mask
 * @property {Tensor} upscaled the tail's
 * @property {Record<string, Tensor>} features the tail's, as the embedding has them, by name
 */

/**
 * @typedef {object} ClickAnswer
 * @property {Float32Array} iouPredictions (4,)
 * @property {number[]} maskIndices which outputs the masks are, best first
 * @property {Record<string, Tensor>} tailInputs
 */

export class TwoWayGraphs {
    #ort;
    #files;
    #options;
    #ownTokens;
    /** @type {Map<string, Promise<InferenceSession>>} */
    #sessions = new Map();

    /**
     * @param {any} ort onnxruntime-web's module
     * @param {Map<string, Uint8Array>} files a decoder package's
     * @param {InferenceSession.SessionOptions} options
     * @param {number} ownTokens the decoder's
     */
    constructor(ort, files, options, ownTokens = OWN_TOKENS) {
        this.#ort = ort;
        this.#files = files;
        this.#options = options;
        this.#ownTokens = ownTokens;
    }

    /**
     * Makes the sessions that the first clicks need; the others are made when they are needed.
     *
     * @param {{withClick: boolean, withTail: boolean}} options not what a kernel does
     */
    async warm({withClick, withTail}) {
        const names = withClick ? ["image", "click-token", "click-token-mask"] : ["image"];
        for (const name of names) await this.#session(name);
        if (withTail) await this.#session("tail");
    }

    /**
     * @param {Float32Array} embedding (C, grid, grid)
     * @param {readonly number[]} shape [C, grid, grid]
     * @param {Tensors} others the embedding's other tensors
     * @returns {Promise<PreparedImage>}
     */
    async prepareImage(embedding, shape, others = new Map()) {
        const outputs = await this.#run("image", {image_embeddings: this.#tensor(embedding, [1, ...shape])});
        const {mask_products: maskProducts, upscaled, ...tensors} = outputs;
        const features = Object.fromEntries(
            [...others].map(([name, {values, shape: chw}]) => [name, this.#tensor(values, [1, ...chw])]),
        );
        return {tensors, maskProducts, upscaled, features};
    }

    /**
     * @param {PreparedImage} image
     * @param {ClickPrompt} prompt
     * @returns {Promise<ClickAnswer>}
     */
    async click(image, prompt) {
        const count = prompt.labels.length;
        /** @type {Record<string, Tensor>} */
        const feeds = {
            ...image.tensors,
            point_coords: this.#tensor(prompt.coords, [1, count, 2]),
            point_labels: this.#tensor(prompt.labels, [1, count]),
            mask_bias: this.#tensor(Float32Array.from(prompt.maskBias), [MASKS]),
            mask_count: this.#integers([prompt.maskCount]),
        };
        if (prompt.maskInput) {
            const side = Math.sqrt(prompt.maskInput.length);
            feeds.mask_input = this.#tensor(prompt.maskInput, [1, 1, side, side]);
            feeds.mask_products = image.maskProducts;
        }
        const form = count + this.#ownTokens >= HEAD_FORM_MIN_TOKENS ? "head" : "token";
        const outputs = await this.#run(`click-${form}${prompt.maskInput ? "-mask" : ""}`, feeds);
        const {iou_predictions: iouPredictions, mask_indices: maskIndices, ...tailInputs} = outputs;
        return {
            iouPredictions: /** @type {Float32Array} */ (iouPredictions.data),
            maskIndices: Array.from(/** @type {BigInt64Array} */ (maskIndices.data), Number),
            tailInputs,
        };
    }

    /**
     * @param {PreparedImage} image
     * @param {ClickAnswer} answer
     * @param {GridWindow} window
     * @returns {Promise<Float32Array>} (K, 4 * rows, 4 * columns) logits of the window
     */
    async masks(image, answer, window) {
        const {row, endRow, column, endColumn} = window;
        const outputs = await this.#run("tail", {
            ...answer.tailInputs,
            upscaled: image.upscaled,
            ...image.features,
            window: this.#integers([row, endRow, column, endColumn]),
        });
        return /** @type {Float32Array} */ (outputs.low_res_masks.data);
    }

    /**
     * @param {string} name
     * @param {Record<string, Tensor>} feeds
     * @returns {Promise<Record<string, Tensor>>}
     */
    async #run(name, feeds) {
        const session = await this.#session(name);
        return /** @type {Record<string, Tensor>} */ (await session.run(feeds));
    }

    /** @param {string} name */
    #session(name) {
        let session = this.#sessions.get(name);
        if (!session) {
            const externalData = [{path: SHARED_WEIGHTS, data: this.#file(SHARED_WEIGHTS)}];
            session = /** @type {Promise<InferenceSession>} */ (
                this.#ort.InferenceSession.create(this.#file(name), {...this.#options, externalData})
            );
            this.#sessions.set(name, session);
        }
        return session;
    }

    /** @param {string} name */
    #file(name) {
        const file = this.#files.get(name);
        if (!file) throw new RangeError(`the decoder package has no ${name}`);
        return file;
    }

    /**
     * @param {Float32Array} values
     * @param {number[]} shape
     * @returns {Tensor}
     */
    #tensor(values, shape) {
        return new this.#ort.Tensor("float32", values, shape);
    }

    /**
     * @param {number[]} values
     * @returns {Tensor}
     */
    #integers(values) {
        return new this.#ort.Tensor("int64", BigInt64Array.from(values, BigInt), [values.length]);
    }
}

/**
 * The window of the grid that the image covers; the rest is padding.
 *
 * @param {{height: number, width: number}} inputSize the image's size in model pixels
 * @param {number} inputSide
 * @param {number} grid
 * @returns {GridWindow}
 */
export function imageWindow(inputSize, inputSide, grid) {
    const lowResPixel = inputSide / grid / 4; // model pixels
    // The last model pixel's centre is interpolated between two low-res pixels; the second is the last one needed.
    const cover = (/** @type {number} */ pixels) =>
        Math.min(grid, Math.ceil((Math.floor((pixels - 0.5) / lowResPixel - 0.5) + 2) / 4));
    return {row: 0, endRow: cover(inputSize.height), column: 0, endColumn: cover(inputSize.width)};
}
