/**
 * The decoder's tail as a WebAssembly kernel, on one thread or, with helpers, on several.
 *
 * Source, build and layout: segmentation/families/sam/fast/tail_kernel. The decoder package carries it. It computes the same as
 * the package's tail graph, which is used where this one cannot be.
 */

import {TILE} from "../kernel/layout.js";
import {KernelThreads, runnableBuild} from "../kernel/threads.js";
import {CHANNELS, Job, LAST, MAX_MASKS, MIDDLE, POSITIONS, SECOND_ROWS} from "./tail-layout.js";

/** @import {GridWindow} from "./graphs.js" */

// Of the head form with a mask prompt: 128 + 17 + 128 + 2; the token form is used up to the same.
const MAX_DEPTH = 288;
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
 */

/**
 * @typedef {object} KernelExports
 * @property {(a: number, rowStride: number, depthStride: number, rows: number, depth: number, out: number) => void} pack_rows
 * @property {(upscaled: number, out: number) => void} pack_image
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

    /**
     * @param {Map<string, Uint8Array>} files a decoder package's
     * @param {{threads: number, helperUrl: string | null}} options helperUrl: kernel/helper.js; without it, or where memory
     *     cannot be shared between workers, there is one thread
     * @returns {Promise<TailKernel | null>} null: the package has no kernel, or this browser cannot run it
     */
    static async open(files, {threads, helperUrl}) {
        const weights = files.get("tail-weights");
        const bytes = runnableBuild(files, "tail");
        if (!weights || !bytes) return null;
        const helpers = helperUrl && globalThis.crossOriginIsolated ? threads - 1 : 0;
        const layout = makeLayout(helpers + 1);
        const pages = Math.ceil(layout.end / PAGE_BYTES);
        const memory = new WebAssembly.Memory({initial: pages, maximum: MAX_PAGES, shared: true});
        const module = await WebAssembly.compile(bytes);
        const instance = await WebAssembly.instantiate(module, {env: {memory}});
        const kernel = new TailKernel(memory, instance, layout);
        kernel.#setWeights(new Float32Array(weights.slice().buffer));
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

    /** @param {Float32Array} upscaled (256, 4096), the image graph's */
    setImage(upscaled) {
        if (this.#image === upscaled) return;
        // The coefficients' place is free now, and large enough.
        this.#floats(this.#layout.coefficients, CHANNELS * POSITIONS).set(upscaled);
        this.#kernel.pack_image(this.#layout.coefficients, this.#layout.upscaled);
        this.#image = upscaled;
    }

    /**
     * @param {TailInputs} inputs
     * @param {GridWindow} window its first column is a multiple of 16
     * @returns {Float32Array} (K, 4 * rows, 4 * columns) logits of the window
     */
    run({gain, coefficients, basis, filters}, window) {
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
        Job.write(new Int32Array(this.#memory.buffer), this.#threads.list / 4, {
            upscaled, ...parts, norm, kernel, bias, out, depth, masks, row, endRow, column, endColumn,
        }); // prettier-ignore
        this.#threads.work((list) => this.#kernel.run_tail(list, layout.scratch[0]));
        const size = masks * 16 * (endRow - row) * (endColumn - column);
        return this.#floats(layout.out, size).slice();
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

    /**
     * @param {number} offset
     * @param {number} count
     */
    #floats(offset, count) {
        return new Float32Array(this.#memory.buffer, offset, count);
    }
}

/** @param {number} threads */
function makeLayout(threads) {
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
            place((CHANNELS + SECOND_ROWS + 16 * MAX_MASKS + MAX_DEPTH) * TILE),
        ),
    };
    return {...layout, end};
}
