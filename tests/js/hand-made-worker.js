/**
 * A decoder worker under the real DecoderClient: it says load and setImage at once, and decodes when the test lets it.
 * The mask of a prompt of n steps has area n; one step gives three candidates, more give one.
 */

import {DecoderClient} from "../../static/js/decoder/decoder-client.js";
import {countsFromRuns} from "../../static/js/core/rle.js";
import {settle} from "./hand-made.js";

export const BUNDLE = {name: "tiny", digest: "d1", lowResSide: 4, inputSide: 8, maskThreshold: 0};

export class HandMadeWorker extends EventTarget {
    /** Every one that was started. @type {HandMadeWorker[]} */
    static started = [];
    /** Whether decodes and finishes wait for `answerNext`. */
    static isHolding = false;
    /** What every worker was asked, "load", "setImage 7", "decode 7 x2", ... */
    static asked = [];
    /** A message for the next decode or finish instead of an answer. */
    static trouble = "";
    /** The predicted IoU of every mask. */
    static predictedIou = 0.9;

    static reset() {
        Object.assign(HandMadeWorker, {
            started: [],
            isHolding: false,
            asked: [],
            trouble: "",
            predictedIou: 0.9,
        });
        globalThis.Worker = HandMadeWorker;
    }
    static get latest() {
        return HandMadeWorker.started.at(-1);
    }

    held = [];
    isGone = false;

    constructor() {
        super();
        HandMadeWorker.started.push(this);
    }

    postMessage(request) {
        const {kind, imageKey = "", steps} = request;
        HandMadeWorker.asked.push([kind, imageKey, steps && `x${steps.length}`].filter(Boolean).join(" "));
        if (steps && HandMadeWorker.isHolding) this.held.push(request);
        else queueMicrotask(() => this.#answer(request));
    }
    terminate() {
        this.isGone = true;
    }
    async answerNext() {
        this.#answer(this.held.shift());
        await settle();
    }
    /** As when the browser ends it for memory. */
    async crash() {
        this.dispatchEvent(new Event("error", {cancelable: true}));
        await settle();
    }

    #answer({id, kind, steps}) {
        if (this.isGone) return;
        const data = {id, value: this.#valueOf(kind, steps)};
        if (steps && HandMadeWorker.trouble) {
            Object.assign(data, {
                value: undefined,
                error: {code: "decode_failed", message: HandMadeWorker.trouble},
            });
            HandMadeWorker.trouble = "";
        }
        this.dispatchEvent(Object.assign(new Event("message"), {data}));
    }

    #valueOf(kind, steps) {
        if (kind === "load") return {executionProvider: "wasm", threads: 1};
        if (kind === "setImage") return null;
        if (kind === "finish") {
            const size = [8, 8];
            return {
                segmentation: {size, counts: countsFromRuns([0, steps.length, 64 - steps.length])},
                ...{area: steps.length, bbox: [0, 0, 1, 1]},
                ...{predictedIou: 0.9, stabilityScore: 0.8},
            };
        }
        const indices = steps.length === 1 ? [2, 1, 3] : [0];
        const candidates = indices.map((index) => ({
            index,
            // The larger the index, the larger the mask.
            logits: Float32Array.from({length: 16}, (_, k) => (k < 4 * (index + 1) ? 1 : -1)),
            predictedIou: HandMadeWorker.predictedIou,
            stabilityScore: 0.8,
        }));
        return {candidates, maskIndices: steps.map(({maskIndex}) => maskIndex ?? indices[0]), runs: 1};
    }
}

/** A decoder and an image for it; `onRestart` as the page gives it. */
export function handMadeDecoder(onRestart = () => {}, bundle = BUNDLE) {
    return new DecoderClient("worker.js", /** @type {any} */ ({}), /** @type {any} */ (bundle), onRestart);
}
export const decoderImageOf = (imageId) => ({
    key: String(imageId),
    size: {height: 8, width: 8},
    fetchEmbedding: async () => new ArrayBuffer(8),
});
