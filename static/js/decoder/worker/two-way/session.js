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
import {MASKS, OWN_TOKENS} from "./click-layout.js";
import {imageWindow, PLAIN_BIAS, TwoWayGraphs} from "./graphs.js";
import {TailKernel} from "./tail-kernel.js";

/** @import {Bundle} from "../../../core/types.d.ts" */
/** @import {Decode, ImageFeeds, LoadSession, Session} from "../session.d.ts" */
/** @import {ClickPrompt, GridWindow, PreparedImage} from "./graphs.js" */
/** @import {TailInputs} from "./tail-kernel.js" */

const EMBEDDING = "image_embeddings";
const HQ_FEATURES = "hq_features"; // of HQ-SAM
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

/** @type {LoadSession} */
export async function loadTwoWay(urls, bundle) {
    const [{files, metadata}, ort] = await Promise.all([fetchPackage(bundle), loadWasmOrt(urls)]);
    const shapes = embeddingShapes(metadata);
    const ownTokens = HQ_FEATURES in shapes ? OWN_TOKENS + 1 : OWN_TOKENS;
    const graphs = new TwoWayGraphs(ort, files, {executionProviders: ["wasm"]}, ownTokens);
    const threads = ort.env.wasm.numThreads ?? 1;
    const options = {threads, helperUrl: urls.kernelHelper};
    const tail = await TailKernel.open(files, options);
    try {
        const click = tail && (await openClickKernel(files, options));
        await graphs.warm({withClick: !click, withTail: !tail});
        return new TwoWaySession(bundle, graphs, {click, tail}, threads, shapes);
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
     */
    constructor(bundle, graphs, kernels, threads, embeddingShapes) {
        this.#bundle = bundle;
        this.#graphs = graphs;
        this.#clickKernel = kernels.click;
        this.#tailKernel = kernels.tail;
        this.threads = threads;
        this.#embeddingShapes = embeddingShapes;
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
        const {pointCoords, pointLabels} = buildPromptTensors(steps, image.imageSize, this.#bundle);
        const prompt = {
            coords: pointCoords,
            labels: pointLabels,
            maskInput,
            maskBias: PLAIN_BIAS,
            maskCount: MASKS,
        };
        try {
            const kernel = this.#tailKernel;
            if (!kernel) return await this.#decodeByGraphs(prepared, prompt, side);
            const answer = await this.#click(prepared, prompt);
            checkFinite(answer.iouPredictions);
            const logits = this.#logits(kernel, image, prepared, answer, side);
            return {logits, iouPredictions: answer.iouPredictions};
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
        const hqFeatures = /** @type {Float32Array | null} */ (prepared.hqFeatures?.data ?? null);
        const run = (/** @type {TailInputs} */ inputs, /** @type {GridWindow} */ window) => {
            kernel.setImage(upscaled, hqFeatures);
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
            const hq = image.tensors.get(HQ_FEATURES) ?? null;
            prepared = this.#graphs.prepareImage(values, shape, hq).catch((error) => {
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
 * @param {Readonly<Record<string, string>>} metadata of the package
 * @returns {Record<string, number[]>} (C, h, w) of the image's tensors, by name
 */
function embeddingShapes({embedding_shape: image = "", hq_features_shape: hq}) {
    /** @type {Record<string, number[]>} */
    const shapes = {[EMBEDDING]: image.split(",").map(Number)};
    if (hq) shapes[HQ_FEATURES] = hq.split(",").map(Number);
    return shapes;
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
