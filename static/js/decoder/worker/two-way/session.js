/**
 * The decoder around a two-way transformer as graphs and kernels: all outputs of a prompt, at low resolution.
 *
 * Only the part of the grid that the image covers is decoded at once. The padding's logits are no part of any mask, but
 * the next step is fed them; they are made right after the answer has gone out.
 */

import {inputSize} from "../../../core/frames.js";
import {buildPromptTensors} from "../../../core/prompt.js";
import {DecoderError} from "../../protocol.js";
import {checkFinite, decodeFailed, messageOf, NOT_YET} from "../decode.js";
import {fetchPackage} from "../files/decoder-package.js";
import {checkTensors} from "../files/embedding-file.js";
import {loadWasmOrt} from "../one-graph/ort.js";
import {ClickKernel} from "./click-kernel.js";
import {MASKS} from "./click-layout.js";
import {imageWindow, PLAIN_BIAS, TwoWayGraphs} from "./graphs.js";
import {TailKernel} from "./tail-kernel.js";

/** @import {Bundle} from "../../../core/types.d.ts" */
/** @import {DecoderUrls} from "../../protocol.js" */
/** @import {Decode, ImageFeeds, Session} from "../session.d.ts" */
/** @import {ClickPrompt, GridWindow, PreparedImage} from "./graphs.js" */
/** @import {TailFeatures, TailInputs} from "./tail-kernel.js" */

const EMBEDDING = "image_embeddings";
// By what the tail's kernel calls them: HQ-SAM's; SAM 2's, of the first upscaling and the second.
const FEATURES = Object.freeze({
    hq: "hq_features",
    middle: "high_res_stride_8",
    fine: "high_res_stride_4",
});
const KERNEL_COLUMNS = 16; // a kernel's window starts at a multiple of it
// The frame that shows the answer comes first; a click that comes sooner has it done at once.
const PADDING_AFTER_MS = 50;

/**
 * What a click gives, made by graph or kernel.
 *
 * @typedef {object} Answer
 * @property {Float32Array} iouPredictions (4,)
 * @property {number[]} maskIndices which outputs the masks are, in the filters' order
 * @property {TailInputs} tailInputs
 */

/**
 * What a family does around the decoder.
 *
 * @typedef {object} Around
 * @property {(tensors: {pointCoords: Float32Array, pointLabels: Float32Array}) => typeof tensors} prompt what the decoder is
 *     given for `buildPromptTensors`' answer
 * @property {(decode: Decode) => Decode} finished what is handed out of the decoder's answer
 */

/** @type {Around} */
const NOTHING = Object.freeze({prompt: (tensors) => tensors, finished: (decode) => decode});

/**
 * @param {DecoderUrls} urls
 * @param {Bundle} bundle
 * @param {Around} around
 * @returns {Promise<Session>}
 */
export async function loadTwoWay(urls, bundle, around = NOTHING) {
    const [{files, metadata}, ort] = await Promise.all([fetchPackage(bundle), loadWasmOrt(urls)]);
    /** @type {Record<string, number[]>} */
    const shapes = JSON.parse(metadata.embedding_shapes);
    const graphs = new TwoWayGraphs(ort, files, {executionProviders: ["wasm"]}, Number(metadata.own_tokens));
    const threads = ort.env.wasm.numThreads ?? 1;
    const options = {threads, helperUrl: urls.kernelHelper, hasFine: FEATURES.fine in shapes};
    const tail = await TailKernel.open(files, options);
    try {
        const click = tail && (await openClickKernel(files, options));
        await graphs.warm({withClick: !click, withTail: !tail});
        return new TwoWaySession(bundle, graphs, {click, tail}, threads, shapes, around);
    } catch (error) {
        tail?.close();
        throw error;
    }
}

/** @implements {Session} */
class TwoWaySession {
    executionProvider = /** @type {const} */ ("wasm");
    #bundle;
    #graphs;
    #clickKernel;
    #tailKernel;
    #embeddingShapes;
    #around;
    /** @type {WeakMap<ImageFeeds, Promise<PreparedImage>>} what the graphs make of an image, once */
    #images = new WeakMap();
    /** @type {WeakMap<ArrayBufferLike, () => void>} logits whose padding is missing -> what makes it */
    #unfinished = new WeakMap();

    /**
     * @param {Bundle} bundle
     * @param {TwoWayGraphs} graphs
     * @param {{click: ClickKernel | null, tail: TailKernel | null}} kernels no click without tail
     * @param {number} threads
     * @param {Readonly<Record<string, readonly number[]>>} embeddingShapes (C, h, w), by name
     * @param {Around} around
     */
    constructor(bundle, graphs, kernels, threads, embeddingShapes, around) {
        this.#bundle = bundle;
        this.#graphs = graphs;
        this.#clickKernel = kernels.click;
        this.#tailKernel = kernels.tail;
        this.threads = threads;
        this.#embeddingShapes = embeddingShapes;
        this.#around = around;
    }

    /**
     * The first decode of the image does it otherwise.
     *
     * @type {Session["prepare"]}
     */
    async prepare(image) {
        const prepared = await this.#prepared(image);
        // The first image's memory is written for the first time now, which takes ten times as long as any later.
        if (this.#clickKernel && !this.#clickKernel.hasImage) this.#setImage(prepared);
    }

    /** @type {Session["decode"]} */
    async decode(image, steps, maskInput) {
        const {lowResSide: side} = this.#bundle;
        const prepared = await this.#prepared(image);
        if (maskInput) this.#unfinished.get(maskInput.buffer)?.();
        const {pointCoords, pointLabels} = this.#around.prompt(
            buildPromptTensors(steps, image.imageSize, this.#bundle),
        );
        const prompt = {
            coords: pointCoords,
            labels: pointLabels,
            maskInput,
            maskBias: PLAIN_BIAS,
            maskCount: MASKS,
        };
        try {
            const kernel = this.#tailKernel;
            if (!kernel) return this.#around.finished(await this.#decodeByGraphs(prepared, prompt, side));
            const answer = await this.#click(prepared, prompt);
            checkFinite(answer.iouPredictions);
            const logits = this.#logits(kernel, image, prepared, answer, side);
            return this.#around.finished({logits, iouPredictions: answer.iouPredictions});
        } catch (error) {
            throw decodeFailed(error);
        }
    }

    /**
     * @param {PreparedImage} prepared
     * @param {ClickPrompt} prompt
     * @returns {Promise<Answer>}
     */
    async #click(prepared, prompt) {
        if (this.#clickKernel?.fits(prompt.labels.length)) {
            this.#setImage(prepared);
            return {...this.#clickKernel.run(prompt), maskIndices: [...Array(MASKS).keys()]};
        }
        const {tailInputs, ...answer} = await this.#graphs.click(prepared, prompt);
        return {...answer, tailInputs: /** @type {TailInputs} */ (dataOf(tailInputs))};
    }

    /** @param {PreparedImage} prepared */
    #setImage(prepared) {
        const tensors = dataOf({...prepared.tensors, mask_products: prepared.maskProducts});
        this.#clickKernel?.setImage(prepared, (name) => tensors[name]);
    }

    /**
     * @param {PreparedImage} prepared
     * @param {ClickPrompt} prompt
     * @param {number} side
     * @returns {Promise<Decode>}
     */
    async #decodeByGraphs(prepared, prompt, side) {
        const answer = await this.#graphs.click(prepared, prompt);
        checkFinite(answer.iouPredictions);
        const logits = new Float32Array(MASKS * side * side);
        const whole = {row: 0, endRow: side / 4, column: 0, endColumn: side / 4};
        place(logits, side, answer.maskIndices, await this.#graphs.masks(prepared, answer, whole), whole);
        checkFinite(logits);
        return {logits, iouPredictions: answer.iouPredictions};
    }

    /**
     * @param {TailKernel} kernel
     * @param {ImageFeeds} image
     * @param {PreparedImage} prepared
     * @param {Answer} answer
     * @param {number} side
     * @returns {Float32Array} (4, side, side), in the outputs' order
     */
    #logits(kernel, image, prepared, {maskIndices, tailInputs}, side) {
        const grid = side / 4;
        const logits = new Float32Array(MASKS * side * side);
        const upscaled = /** @type {Float32Array} */ (prepared.upscaled.data);
        const features = featuresOf(prepared);
        const run = (/** @type {TailInputs} */ inputs, /** @type {GridWindow} */ window) => {
            kernel.setImage(upscaled, features);
            place(logits, side, maskIndices, kernel.run(inputs, window), window);
        };
        const covered = imageWindow(inputSize(image.imageSize, this.#bundle), this.#bundle.inputSide, grid);
        covered.endColumn = Math.min(grid, Math.ceil(covered.endColumn / KERNEL_COLUMNS) * KERNEL_COLUMNS);
        logits.fill(NOT_YET);
        run(tailInputs, covered);
        checkFinite(logits);
        if (covered.endRow < grid || covered.endColumn < grid) {
            // Copies: the click kernel's next answer takes the place of these.
            const inputs = /** @type {TailInputs} */ (
                Object.fromEntries(Object.entries(tailInputs).map(([name, values]) => [name, values.slice()]))
            );
            const whole = {row: 0, endRow: grid, column: 0, endColumn: grid};
            this.#unfinished.set(logits.buffer, () => {
                this.#unfinished.delete(logits.buffer);
                if (covered.endRow < grid) run(inputs, {...whole, row: covered.endRow});
                if (covered.endColumn < grid)
                    run(inputs, {...whole, endRow: covered.endRow, column: covered.endColumn});
            });
            setTimeout(() => this.#unfinished.get(logits.buffer)?.(), PADDING_AFTER_MS);
        }
        return logits;
    }

    /** @param {ImageFeeds} image */
    #prepared(image) {
        let prepared = this.#images.get(image);
        if (!prepared) {
            checkTensors(image.tensors, this.#embeddingShapes);
            const {values, shape} = /** @type {{values: Float32Array, shape: readonly number[]}} */ (
                image.tensors.get(EMBEDDING)
            );
            const others = new Map([...image.tensors].filter(([name]) => name !== EMBEDDING));
            prepared = this.#graphs.prepareImage(values, shape, others).catch((error) => {
                this.#images.delete(image);
                throw new DecoderError(
                    "decode_failed",
                    `The image could not be prepared: ${messageOf(error)}`,
                );
            });
            this.#images.set(image, prepared);
        }
        return prepared;
    }
}

/**
 * @param {PreparedImage} prepared
 * @returns {TailFeatures}
 */
function featuresOf({features}) {
    return Object.fromEntries(
        Object.entries(FEATURES)
            .filter(([, name]) => name in features)
            .map(([ours, name]) => [ours, /** @type {Float32Array} */ (features[name].data)]),
    );
}

/**
 * @param {Map<string, Uint8Array>} files
 * @param {{threads: number, helperUrl: string | null}} options
 * @returns {Promise<ClickKernel | null>}
 */
async function openClickKernel(files, options) {
    try {
        return await ClickKernel.open(files, options);
    } catch (error) {
        // It takes 71 MB, which a phone may not give; the graphs take less.
        console.warn("The click kernel is not used:", error);
        return null;
    }
}

/**
 * @param {Record<string, {data: unknown}>} tensors
 * @returns {Record<string, Float32Array>}
 */
function dataOf(tensors) {
    return Object.fromEntries(
        Object.entries(tensors).map(([name, {data}]) => [name, /** @type {Float32Array} */ (data)]),
    );
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
