/**
 * The decoder's tail as a WebAssembly kernel, on one thread or, with helpers, on several.
 *
 * Source, build and layout: segmentation/families/two_way/tail_kernel. The decoder package carries it. It computes the same as
 * the package's tail graph, which is used where this one cannot be.
 */

import {BLOCK, TILE} from "../kernel/layout.js";
import {KernelThreads, runnableBuild} from "../kernel/threads.js";
import {
    CHANNELS, GRID, HQ_UNIT, Job, LAST, MAX_MASKS, MIDDLE, PADDED, PLACE_ROWS, PLACES, POSITIONS, SECOND_ROWS, SIDE, Stage, TERMS,
} from "./tail-layout.js"; // prettier-ignore

/** @import {FieldsOf, ValuesOf} from "../kernel/struct.js" */
/** @import {GridWindow} from "./graphs.js" */

// Of the head form with a mask prompt: 128 + 17 + 128 + 2; the token form is used up to the same.
const MAX_DEPTH = 288;
const SCRATCH_ROWS = CHANNELS + SECOND_ROWS + 16 * MAX_MASKS + MAX_DEPTH;
const HQ_SCRATCH_ROWS = TERMS * (LAST + BLOCK) + 4 * MIDDLE + 2 * PLACE_ROWS;
const FINE_CHANNELS = 16; // of the fine features that are packed at once: as many as fit where the coefficients go
const PAGE_BYTES = 65536;
const MAX_PAGES = 1024; // at most what the build says

/**
 * What the kernel needs of a click graph's answer.
 *
 * @typedef {object} TailInputs
 * @property {Float32Array} gain (4096,)
 * @property {Float32Array} coefficients (depth, 4096)
 * @property {Float32Array} basis (depth, 256)
 * @property {Float32Array} filters (K, 32)
 * @property {Float32Array} [mixed] (32,) HQ-SAM's: how much of each feature is in the mask that is added to all
 */

/**
 * What the tail takes of the embedding as it is, where the decoder has it.
 *
 * @typedef {object} TailFeatures
 * @property {Float32Array} [hq] (32, 256, 256) HQ-SAM's
 * @property {Float32Array} [middle] (64, 128, 128) SAM 2's, added in the first upscaling
 * @property {Float32Array} [fine] (32, 256, 256) SAM 2's, added in the second upscaling
 */

/**
 * @typedef {object} KernelExports
 * @property {(a: number, rowStride: number, depthStride: number, rows: number, depth: number, out: number) => void} pack_rows
 * @property {(upscaled: number, out: number) => void} pack_image
 * @property {(features: number, out: number) => void} pack_middle
 * @property {(features: number, bias: number, first: number, count: number, out: number) => void} pack_fine
 * @property {(job: number, scratch: number) => void} run_tail
 */

export class TailKernel {
    #memory;
    /** @type {KernelExports} */
    #kernel;
    #layout;
    #threads;
    /** @type {Float32Array | null} whose packed form is in the memory */
    #image = null;
    /** @type {{places: Float32Array, bias: Float32Array} | null} HQ-SAM's second filters (32, 9, 64) and (32,) */
    #hq = null;

    /**
     * @param {Map<string, Uint8Array>} files a decoder package's
     * @param {{threads: number, helperUrl: string | null, hasFine?: boolean}} options helperUrl: kernel/helper.js; without it,
     *     or where memory cannot be shared between workers, there is one thread. hasFine: images have fine features
     * @returns {Promise<TailKernel | null>} null: the package has no kernel, or this browser cannot run it
     */
    static async open(files, {threads, helperUrl, hasFine = false}) {
        const weights = files.get("tail-weights");
        const bytes = runnableBuild(files, "tail");
        if (!weights || !bytes) return null;
        const helpers = helperUrl && globalThis.crossOriginIsolated ? threads - 1 : 0;
        const hqWeights = files.get("tail-hq-weights");
        const layout = makeLayout(helpers + 1, {isHq: Boolean(hqWeights), hasFine});
        const pages = Math.ceil(layout.end / PAGE_BYTES);
        const memory = new WebAssembly.Memory({initial: pages, maximum: MAX_PAGES, shared: true});
        const module = await WebAssembly.compile(bytes);
        const instance = await WebAssembly.instantiate(module, {env: {memory}});
        const kernel = new TailKernel(memory, instance, layout);
        kernel.#setWeights(new Float32Array(weights.slice().buffer));
        if (hqWeights) kernel.#setHqWeights(new Float32Array(hqWeights.slice().buffer));
        for (const scratch of layout.scratch.slice(1)) {
            await kernel.#threads.start(/** @type {string} */ (helperUrl), module, "run_tail", [
                layout.job,
                scratch,
            ]);
        }
        return kernel;
    }

    /**
     * @param {WebAssembly.Memory} memory
     * @param {WebAssembly.Instance} instance
     * @param {ReturnType<typeof makeLayout>} layout
     */
    constructor(memory, instance, layout) {
        this.#memory = memory;
        this.#kernel = /** @type {KernelExports} */ (/** @type {unknown} */ (instance.exports));
        this.#layout = layout;
        this.#threads = new KernelThreads(memory, {
            control: layout.control, list: layout.job, ownList: layout.ownJob, words: Job.words, operationWords: Job.words,
            progress: [Job.at("nextTile")],
        }); // prettier-ignore
    }

    get threads() {
        return this.#threads.count;
    }

    get bytes() {
        return this.#memory.buffer.byteLength;
    }

    /**
     * @param {Float32Array} upscaled (256, 4096), the image graph's
     * @param {TailFeatures} features
     */
    setImage(upscaled, {hq, middle, fine} = {}) {
        if (this.#image === upscaled) return;
        this.#image = null; // until all is there
        // The coefficients' place is free now, and large enough.
        this.#floats(this.#layout.coefficients, CHANNELS * POSITIONS).set(upscaled);
        this.#kernel.pack_image(this.#layout.coefficients, this.#layout.upscaled);
        if (hq && this.#layout.hq) this.#floats(this.#layout.hq.features, hq.length).set(hq);
        if (middle && fine) this.#setFine(middle, fine);
        this.#image = upscaled;
    }

    /**
     * @param {Float32Array} middle
     * @param {Float32Array} fine
     */
    #setFine(middle, fine) {
        const {coefficients: stage, bias, fine: to} = this.#layout;
        if (!to) throw new RangeError("the kernel was opened without a place for fine features");
        this.#floats(stage, middle.length).set(middle);
        this.#kernel.pack_middle(stage, to.middle);
        for (let first = 0; first < LAST; first += FINE_CHANNELS) {
            const part = fine.subarray(first * SIDE * SIDE, (first + FINE_CHANNELS) * SIDE * SIDE);
            this.#floats(stage, part.length).set(part);
            this.#kernel.pack_fine(stage, bias, first, FINE_CHANNELS, to.fine);
        }
    }

    /**
     * @param {TailInputs} inputs
     * @param {GridWindow} window its first column is a multiple of 16
     * @returns {Float32Array} (K, 4 * rows, 4 * columns) logits of the window
     */
    run(inputs, window) {
        const {gain, coefficients, basis, filters, mixed} = inputs;
        if (mixed && this.#hq) return this.#runHq(inputs, mixed, window);
        return this.#upscale({gain, coefficients, basis, filters}, window).slice();
    }

    /**
     * @param {TailInputs} inputs
     * @param {GridWindow} window
     * @param {number} features where the upscaled features go, or 0
     * @returns {Float32Array} as `run`; a part of the memory
     */
    #upscale({gain, coefficients, basis, filters}, window, features = 0) {
        const {row, endRow, column, endColumn} = window;
        const layout = this.#layout;
        const depth = coefficients.length / POSITIONS;
        const masks = filters.length / LAST;
        if (depth > MAX_DEPTH || masks > MAX_MASKS)
            throw new RangeError(`${masks} masks of rank ${depth} do not fit`);
        if (column % TILE)
            throw new RangeError(`a window's first column must be a multiple of ${TILE}, not ${column}`);
        this.#floats(layout.gain, POSITIONS).set(gain);
        this.#floats(layout.coefficients, coefficients.length).set(coefficients);
        this.#floats(layout.filters, filters.length).set(filters);
        this.#floats(layout.rawBasis, basis.length).set(basis);
        this.#kernel.pack_rows(layout.rawBasis, 1, CHANNELS, CHANNELS, depth, layout.basis);

        const {upscaled, norm, kernel, bias, out} = layout;
        const parts = {
            gain: layout.gain,
            coefficients: layout.coefficients,
            basis: layout.basis,
            filters: layout.filters,
        };
        this.#work({
            upscaled, ...parts, norm, kernel, bias, out, depth, masks, row, endRow, column, endColumn,
            stage: Stage.UPSCALE, features, middle: layout.fine?.middle ?? 0, fine: layout.fine?.fine ?? 0,
        }); // prettier-ignore
        return this.#floats(layout.out, masks * 16 * (endRow - row) * (endColumn - column));
    }

    /**
     * HQ-SAM's mask looks two pixels beyond the window: as much more is upscaled.
     *
     * @param {TailInputs} inputs
     * @param {Float32Array} mixed
     * @param {GridWindow} window
     * @returns {Float32Array}
     */
    #runHq(inputs, mixed, window) {
        const hq = /** @type {NonNullable<ReturnType<typeof makeLayout>["hq"]>} */ (this.#layout.hq);
        const {places: second, bias} = /** @type {{places: Float32Array, bias: Float32Array}} */ (this.#hq);
        const wide = {
            row: Math.max(0, window.row - 1),
            endRow: Math.min(GRID, window.endRow + 1),
            column: Math.max(0, window.column - TILE),
            endColumn: Math.min(GRID, TILE * Math.ceil(window.endColumn / TILE) + TILE),
        };
        const size = this.#upscale(inputs, wide, hq.upscaled).length;
        // The channels are added up in the filters, before they are applied.
        const places = this.#floats(hq.rawPlaces, PLACE_ROWS * MIDDLE).fill(0);
        let constant = 0;
        for (let c = 0; c < LAST; c++) {
            constant += mixed[c] * bias[c];
            for (let i = 0; i < PLACES * MIDDLE; i++) places[i] += mixed[c] * second[c * PLACES * MIDDLE + i];
        }
        this.#kernel.pack_rows(hq.rawPlaces, MIDDLE, 1, PLACE_ROWS, MIDDLE, hq.secondKernel);
        this.#floats(hq.mixed, LAST).set(mixed);

        const job = {
            out: this.#layout.out, masks: inputs.filters.length / LAST, features: hq.upscaled, places: hq.places,
            hqBias: hq.bias, hqKernel: hq.kernel, hqPlaces: hq.secondKernel, mixed: hq.mixed, hqFeatures: hq.features, sums: hq.sums,
            hqConstant: constant,
        }; // prettier-ignore
        this.#work({
            ...job,
            stage: Stage.FILTER,
            row: Math.max(0, 4 * window.row - 2),
            endRow: Math.min(SIDE, 4 * window.endRow + 2),
            column: Math.max(0, 4 * window.column - HQ_UNIT),
            endColumn: Math.min(SIDE, 4 * window.endColumn + HQ_UNIT),
        });
        this.#work({...job, stage: Stage.ADD, ...wide});
        return cut(this.#floats(hq.sums, size), wide, window);
    }

    /** @param {ValuesOf<FieldsOf<typeof Job>>} values */
    #work(values) {
        Job.write(new Int32Array(this.#memory.buffer), this.#threads.list / 4, values);
        this.#threads.work((list) => this.#kernel.run_tail(list, this.#layout.scratch[0]));
    }

    /** Ends the helpers; the kernel goes on with one thread. */
    close() {
        this.#threads.close();
    }

    /** @param {Float32Array} weights as kernel_weights in Python lays them out */
    #setWeights(weights) {
        const {norm, bias, coefficients, kernel} = this.#layout;
        const [afterNorm, afterBias] = [2 * MIDDLE, 2 * MIDDLE + SECOND_ROWS];
        this.#floats(norm, afterNorm).set(weights.subarray(0, afterNorm));
        this.#floats(bias, SECOND_ROWS).set(weights.subarray(afterNorm, afterBias));
        this.#floats(coefficients, MIDDLE * SECOND_ROWS).set(weights.subarray(afterBias));
        this.#kernel.pack_rows(coefficients, 1, SECOND_ROWS, SECOND_ROWS, MIDDLE, kernel);
    }

    /** @param {Float32Array} weights as hq_weights in Python lays them out */
    #setHqWeights(weights) {
        const hq = /** @type {NonNullable<ReturnType<typeof makeLayout>["hq"]>} */ (this.#layout.hq);
        const afterBias = 3 * MIDDLE;
        const rows = TERMS * MIDDLE;
        const afterKernel = afterBias + rows * LAST;
        const afterPlaces = afterKernel + LAST * PLACES * MIDDLE;
        this.#floats(hq.bias, afterBias).set(weights.subarray(0, afterBias));
        const {coefficients} = this.#layout;
        this.#floats(coefficients, rows * LAST).set(weights.subarray(afterBias, afterKernel));
        this.#kernel.pack_rows(coefficients, LAST, 1, rows, LAST, hq.kernel);
        this.#hq = {places: weights.subarray(afterKernel, afterPlaces), bias: weights.subarray(afterPlaces)};
    }

    /**
     * @param {number} offset
     * @param {number} count
     */
    #floats(offset, count) {
        return new Float32Array(this.#memory.buffer, offset, count);
    }
}

/**
 * @param {Float32Array} logits (K, 4 * rows, 4 * columns) of a window
 * @param {GridWindow} wide that window
 * @param {GridWindow} window in it
 * @returns {Float32Array} a copy, of the window
 */
function cut(logits, wide, window) {
    const [height, width] = [4 * (wide.endRow - wide.row), 4 * (wide.endColumn - wide.column)];
    const [rows, columns] = [4 * (window.endRow - window.row), 4 * (window.endColumn - window.column)];
    const masks = logits.length / height / width;
    const part = new Float32Array(masks * rows * columns);
    for (let k = 0; k < masks * rows; k++) {
        const y = Math.floor(k / rows) * height + 4 * (window.row - wide.row) + (k % rows);
        const from = y * width + 4 * (window.column - wide.column);
        part.set(logits.subarray(from, from + columns), k * columns);
    }
    return part;
}

/**
 * @param {number} threads
 * @param {{isHq: boolean, hasFine: boolean}} kind HQ-SAM's, SAM 2's
 */
function makeLayout(threads, {isHq, hasFine}) {
    let end = 1024; // the kernel has no data of its own; nothing lies at 0
    const place = (/** @type {number} */ floats) => {
        const offset = end;
        end = Math.ceil((end + 4 * floats) / 64) * 64;
        return offset;
    };
    const layout = {
        control: place(2),
        job: place(Job.words),
        ownJob: place(Job.words),
        norm: place(2 * MIDDLE),
        bias: place(SECOND_ROWS),
        kernel: place(MIDDLE * SECOND_ROWS),
        filters: place(MAX_MASKS * LAST),
        gain: place(POSITIONS),
        rawBasis: place(MAX_DEPTH * CHANNELS),
        basis: place(MAX_DEPTH * CHANNELS),
        coefficients: place(MAX_DEPTH * POSITIONS),
        upscaled: place(CHANNELS * POSITIONS),
        out: place(MAX_MASKS * 16 * POSITIONS),
        scratch: Array.from({length: threads}, () =>
            place(Math.max(SCRATCH_ROWS, isHq ? HQ_SCRATCH_ROWS : 0) * TILE),
        ),
    };
    const hq = isHq
        ? {
              upscaled: place((SIDE + 2) * LAST * PADDED),
              places: place((SIDE + 2) * PLACES * PADDED),
              bias: place(3 * MIDDLE),
              kernel: place(TERMS * MIDDLE * LAST),
              rawPlaces: place(PLACE_ROWS * MIDDLE),
              secondKernel: place(PLACE_ROWS * MIDDLE),
              mixed: place(LAST),
              features: place(LAST * SIDE * SIDE),
              sums: place(MAX_MASKS * SIDE * SIDE),
          }
        : null;
    const fine = hasFine
        ? {middle: place(CHANNELS * POSITIONS), fine: place(4 * SECOND_ROWS * POSITIONS)}
        : null;
    return {...layout, hq, fine, end};
}
