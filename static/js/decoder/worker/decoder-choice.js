/**
 * Which back end decodes: WASM at first, the GPU where this machine's gives the same masks sooner, and WASM again should
 * the GPU fail (a lost device, a driver's fault, values that are no numbers).
 */

import {messageOf, NOT_YET, outputOf} from "./decode.js";

/** @import {PromptStep} from "../../core/types.d.ts" */
/** @import {Decode, ImageFeeds, ReleasableSession, Session} from "./session.d.ts" */

// The bounds that every decoder here is held to. float32's noise on a GPU is below: 1.3e-3 of SAM's logits on Chromium's
// software adapter.
const TOLERANCE = 5e-3;
const IOU_TOLERANCE = 2e-4;
const TIMED_RUNS = 3;
// A click waits while the GPU is tried; one that needs longer than this is not worth more of it.
const PATIENCE_MS = 2000;

/** @implements {Session} */
export class DecoderChoice {
    #wasm;
    #patienceMs;
    #timedRuns;
    /** @type {ReleasableSession | null} */
    #gpu = null;

    /**
     * @param {Session} wasm
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

    /** @type {Session["prepare"]} */
    async prepare(image) {
        await (this.#gpu ?? this.#wasm).prepare(image);
    }

    /**
     * Its errors are WASM's; the GPU's faults are not the prompt's.
     *
     * @type {Session["decode"]}
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
     * @param {ReleasableSession} gpu
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
     * @param {ReleasableSession} gpu
     * @param {ImageFeeds} image
     * @param {readonly PromptStep[]} steps
     */
    async #isEqual(gpu, image, steps) {
        const first = await this.#wasm.decode(image, steps, null);
        const start = performance.now();
        if (!areEqual(first, await gpu.decode(image, steps, null))) return false;
        const ms = performance.now() - start;
        if (ms > this.#patienceMs) throw new Error(`its first answer took ${ms.toFixed()} ms`);
        const fed = outputOf(first, 0);
        const twice = [...steps, ...steps];
        // WASM first: being fed them, a session makes the logits that it had put off.
        return areEqual(await this.#wasm.decode(image, twice, fed), await gpu.decode(image, twice, fed));
    }

    /**
     * @param {ReleasableSession} gpu
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
