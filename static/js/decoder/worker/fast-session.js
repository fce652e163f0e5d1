/**
 * The fast decoder behind the same methods as `DecoderSession`: all four outputs of a prompt, at low resolution.
 *
 * Only the part of the grid that the image covers is decoded at once. The padding's logits are no part of any mask, but
 * the next step is fed them; they are made right after the answer has gone out.
 */

import {inputSize} from "../../core/frames.js";
import {buildPromptTensors} from "../../core/prompt.js";
import {DecoderError} from "../protocol.js";
import {checkFinite, loadWasmOrt, messageOf} from "./decoder-session.js";
import {fetchPackage} from "./decoder-package.js";
import {FastDecoder, imageWindow, PLAIN_BIAS} from "./fast-decoder.js";
import {TailKernel} from "./tail-kernel.js";

/** @import {Bundle, PromptStep} from "../../types.d.ts" */
/** @import {DecoderUrls} from "../protocol.js" */
/** @import {ImageFeeds} from "./decoder-session.js" */
/** @import {ClickAnswer, GridWindow, PreparedImage} from "./fast-decoder.js" */
/** @import {Decode} from "./prompt-chain.js" */
/** @import {TailInputs} from "./tail-kernel.js" */

const EMBEDDING = "image_embeddings";
const DECODER_OUTPUTS = 4;
const KERNEL_COLUMNS = 16; // a kernel's window starts at a multiple of it
// The frame that shows the answer comes first; a click that comes sooner has it done at once.
const PADDING_AFTER_MS = 50;
// Where logits are not made yet. Far below any threshold: padding counts as background until it is known.
export const NOT_YET = -1000;

export class FastSession {
    executionProvider = /** @type {const} */ ("wasm");
    #bundle;
    #decoder;
    #kernel;
    #embeddingShape;
    /** @type {WeakMap<ArrayBufferLike, () => void>} logits whose padding is missing -> what makes it */
    #unfinished = new WeakMap();

    /**
     * @param {DecoderUrls} urls
     * @param {Bundle} bundle
     * @returns {Promise<FastSession | null>} null: there is no fast decoder for this bundle, or it cannot run here
     * @throws {DecoderError} bundle_mismatch
     */
    static async load(urls, bundle) {
        if (!bundle.fastDecoderUrl) return null;
        try {
            const [{files, metadata}, ort] = await Promise.all([fetchPackage(bundle.fastDecoderUrl, bundle), loadWasmOrt(urls)]);
            const decoder = new FastDecoder(ort, files, {executionProviders: ["wasm"]});
            const threads = ort.env.wasm.numThreads ?? 1;
            const kernel = await TailKernel.open(files, {threads, helperUrl: urls.kernelHelper});
            await decoder.warm(!kernel);
            return new FastSession(bundle, decoder, kernel, threads, metadata.get("embedding_shape") ?? "");
        } catch (error) {
            if (error instanceof DecoderError && error.code === "bundle_mismatch") throw error;
            // The decoder of one graph gives the same masks.
            console.warn("The fast decoder is not used:", error);
            return null;
        }
    }

    /**
     * @param {Bundle} bundle
     * @param {FastDecoder} decoder
     * @param {TailKernel | null} kernel
     * @param {number} threads
     * @param {string} embeddingShape "C,h,w"
     */
    constructor(bundle, decoder, kernel, threads, embeddingShape) {
        this.#bundle = bundle;
        this.#decoder = decoder;
        this.#kernel = kernel;
        this.threads = threads;
        this.#embeddingShape = embeddingShape;
    }

    /**
     * Makes what no prompt changes; the first decode of the image does it otherwise.
     *
     * @param {ImageFeeds} image
     * @throws {DecoderError} embedding_invalid, decode_failed
     */
    async prepare(image) {
        await this.#prepared(image);
    }

    /**
     * @param {ImageFeeds} image
     * @param {readonly PromptStep[]} steps
     * @param {Float32Array | null} maskInput (lowResSide, lowResSide) logits of the step before
     * @returns {Promise<Decode>}
     * @throws {DecoderError} decode_failed, not_finite
     */
    async decode(image, steps, maskInput) {
        const {inputSide, lowResSide: side} = this.#bundle;
        const prepared = await this.#prepared(image);
        if (maskInput) this.#unfinished.get(maskInput.buffer)?.();
        const {pointCoords, pointLabels} = buildPromptTensors(steps, image.imageSize, inputSide);
        const prompt = {coords: pointCoords, labels: pointLabels, maskInput, maskBias: PLAIN_BIAS, maskCount: DECODER_OUTPUTS};
        try {
            const answer = await this.#decoder.click(prepared, prompt);
            checkFinite(answer.iouPredictions);
            const logits = await this.#logits(image, prepared, answer, side);
            return {logits, iouPredictions: answer.iouPredictions};
        } catch (error) {
            if (error instanceof DecoderError) throw error;
            throw new DecoderError("decode_failed", `The decoder failed: ${messageOf(error)}`);
        }
    }

    /**
     * @param {ImageFeeds} image
     * @param {PreparedImage} prepared
     * @param {ClickAnswer} answer
     * @param {number} side
     * @returns {Promise<Float32Array>} (4, side, side), in the outputs' order
     */
    async #logits(image, prepared, answer, side) {
        const grid = side / 4;
        const logits = new Float32Array(DECODER_OUTPUTS * side * side);
        const whole = {row: 0, endRow: grid, column: 0, endColumn: grid};
        const kernel = this.#kernel;
        if (!kernel) {
            place(logits, side, answer.maskIndices, await this.#decoder.masks(prepared, answer, whole), whole);
            checkFinite(logits);
            return logits;
        }
        const upscaled = /** @type {Float32Array} */ (prepared.upscaled.data);
        const inputs = tailInputs(answer);
        const run = (/** @type {GridWindow} */ window) => {
            kernel.setImage(upscaled);
            place(logits, side, answer.maskIndices, kernel.run(inputs, window), window);
        };
        const covered = imageWindow(inputSize(image.imageSize, this.#bundle.inputSide), this.#bundle.inputSide, grid);
        covered.endColumn = Math.min(grid, Math.ceil(covered.endColumn / KERNEL_COLUMNS) * KERNEL_COLUMNS);
        logits.fill(NOT_YET);
        run(covered);
        checkFinite(logits);
        if (covered.endRow < grid || covered.endColumn < grid) {
            this.#unfinished.set(logits.buffer, () => {
                this.#unfinished.delete(logits.buffer);
                if (covered.endRow < grid) run({...whole, row: covered.endRow});
                if (covered.endColumn < grid) run({...whole, endRow: covered.endRow, column: covered.endColumn});
            });
            setTimeout(() => this.#unfinished.get(logits.buffer)?.(), PADDING_AFTER_MS);
        }
        return logits;
    }

    /** @param {ImageFeeds} image */
    #prepared(image) {
        if (!image.prepared) {
            const embedding = image.tensors.get(EMBEDDING);
            const shape = embedding ? embedding.shape.join() : "no such tensor";
            if (!embedding || shape !== this.#embeddingShape) {
                throw new DecoderError(
                    "embedding_invalid",
                    `The decoder takes ${EMBEDDING} of shape ${this.#embeddingShape}, the image's embedding has ${shape}. Reload the page.`,
                );
            }
            image.prepared = this.#decoder.prepareImage(embedding.values, embedding.shape).catch((error) => {
                image.prepared = null;
                throw new DecoderError("decode_failed", `The image could not be prepared: ${messageOf(error)}`);
            });
        }
        return image.prepared;
    }
}

/**
 * @param {ClickAnswer} answer
 * @returns {TailInputs}
 */
function tailInputs({tailInputs: {gain, coefficients, basis, filters}}) {
    const floats = (/** @type {{data: unknown}} */ tensor) => /** @type {Float32Array} */ (tensor.data);
    return {
        gain: floats(gain),
        coefficients: floats(coefficients),
        basis: floats(basis),
        filters: floats(filters),
    };
}

/**
 * Puts a window's logits where they belong.
 *
 * @param {Float32Array} logits (4, side, side)
 * @param {number} side
 * @param {readonly number[]} maskIndices which output each of the window's masks is
 * @param {Float32Array} part (K, 4 * rows, 4 * columns)
 * @param {GridWindow} window
 */
function place(logits, side, maskIndices, part, {row, endRow, column, endColumn}) {
    const [height, width] = [4 * (endRow - row), 4 * (endColumn - column)];
    maskIndices.forEach((index, k) => {
        for (let y = 0; y < height; y++) {
            const from = (k * height + y) * width;
            logits.set(part.subarray(from, from + width), (index * side + 4 * row + y) * side + 4 * column);
        }
    });
}
