/**
 * Which back end decodes: WASM at first, the GPU where this machine's gives the same masks sooner, and WASM again should
 * the GPU fail (a lost device, a driver's fault, values that are no numbers).
 */

import {messageOf} from "./decoder-session.js";
import {NOT_YET} from "./fast-session.js";

/** @import {PromptStep} from "../../types.d.ts" */
/** @import {DecoderSession, ImageFeeds} from "./decoder-session.js" */
/** @import {FastSession} from "./fast-session.js" */
/** @import {PocketSession} from "./pocket-session.js" */
/** @import {Decode} from "./prompt-chain.js" */

// The bounds that every decoder here is held to. float32's noise on a GPU is below: 1.3e-3 of SAM's logits on Chromium's
// software adapter.
const TOLERANCE = 5e-3;
const IOU_TOLERANCE = 2e-4;
const TIMED_RUNS = 3;
// A click waits while the GPU is tried; one that needs longer than this is not worth more of it.
const PATIENCE_MS = 2000;

export class DecoderChoice {
    #wasm;
    #patienceMs;
    #timedRuns;
    /** @type {DecoderSession | null} */
    #gpu = null;

    /**
     * @param {DecoderSession | FastSession | PocketSession} wasm
     * @param {{patienceMs?: number, timedRuns?: number}} options for tests, whose GPU is a CPU
     */
    constructor(wasm, {patienceMs = PATIENCE_MS, timedRuns = TIMED_RUNS} = {}) {
        this.#wasm = wasm;
        this.#patienceMs = patienceMs;
        this.#timedRuns = timedRuns;
    }

    get executionProvider() {
        return (this.#gpu ?? this.#wasm).executionProvider;
    }

    get threads() {
        return this.#wasm.threads;
    }

    /** @param {ImageFeeds} image */
    async prepare(image) {
        await (this.#gpu ?? this.#wasm).prepare(image);
    }

    /**
     * @param {ImageFeeds} image
     * @param {readonly PromptStep[]} steps
     * @param {Float32Array | null} maskInput (lowResSide, lowResSide) logits of the step before
     * @returns {Promise<Decode>}
     * @throws {import("../protocol.js").DecoderError} of WASM; the GPU's faults are not the prompt's
     */
    async decode(image, steps, maskInput) {
        if (this.#gpu) {
            try {
                return await this.#gpu.decode(image, steps, maskInput);
            } catch (error) {
                this.#giveUp(this.#gpu, messageOf(error));
            }
        }
        return this.#wasm.decode(image, steps, maskInput);
    }

    /**
     * Goes on with `gpu` if it answers as WASM does, to a first click and to one that is fed the first one's logits, and
     * sooner. No decode may run at the same time.
     *
     * @param {DecoderSession} gpu
     * @param {ImageFeeds} image
     * @param {readonly PromptStep[]} steps one step
     */
    async moveIfBetter(gpu, image, steps) {
        try {
            if (!(await this.#isEqual(gpu, image, steps))) return this.#giveUp(gpu, "its masks differ");
            const runs = this.#timedRuns;
            const gpuMs = await fastest(runs, () => gpu.decode(image, steps, null));
            const wasmMs = await fastest(runs, () => this.#wasm.decode(image, steps, null));
            if (gpuMs >= wasmMs)
                return this.#giveUp(gpu, `${gpuMs.toFixed()} ms, WASM ${wasmMs.toFixed()} ms`);
            this.#gpu = gpu;
        } catch (error) {
            this.#giveUp(gpu, messageOf(error));
        }
    }

    /**
     * @param {DecoderSession} gpu
     * @param {ImageFeeds} image
     * @param {readonly PromptStep[]} steps
     */
    async #isEqual(gpu, image, steps) {
        const first = await this.#wasm.decode(image, steps, null);
        const start = performance.now();
        if (!areEqual(first, await gpu.decode(image, steps, null))) return false;
        const ms = performance.now() - start;
        if (ms > this.#patienceMs) throw new Error(`its first answer took ${ms.toFixed()} ms`);
        const fed = first.logits.subarray(0, first.logits.length / 4);
        const twice = [...steps, ...steps];
        // WASM first: being fed them, the fast decoder makes the padding's logits, which it puts off.
        return areEqual(await this.#wasm.decode(image, twice, fed), await gpu.decode(image, twice, fed));
    }

    /**
     * @param {DecoderSession} gpu
     * @param {string} reason
     */
    #giveUp(gpu, reason) {
        console.info(`WebGPU is not used: ${reason}`);
        this.#gpu = null;
        gpu.release().catch(() => {}); // a lost device has nothing left to release
    }
}

/**
 * @param {Decode} expected
 * @param {Decode} actual
 */
function areEqual(expected, actual) {
    return (
        largestDifference(expected.logits, actual.logits) <= TOLERANCE &&
        largestDifference(expected.iouPredictions, actual.iouPredictions) <= IOU_TOLERANCE
    );
}

/**
 * @param {Float32Array} expected where it is not made yet, it is not compared
 * @param {Float32Array} actual
 */
function largestDifference(expected, actual) {
    let largest = 0;
    for (let k = 0; k < expected.length; k++) {
        if (expected[k] !== NOT_YET) largest = Math.max(largest, Math.abs(expected[k] - actual[k]));
    }
    return largest;
}

/**
 * @param {number} runs
 * @param {() => Promise<unknown>} work
 */
async function fastest(runs, work) {
    let best = Infinity;
    for (let k = 0; k < runs; k++) {
        const start = performance.now();
        await work();
        best = Math.min(best, performance.now() - start);
    }
    return best;
}
