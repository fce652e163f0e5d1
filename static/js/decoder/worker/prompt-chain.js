/**
 * Decodes a prompt step by step: step k is fed the low-res logits that were chosen after step k - 1 as mask_input.
 *
 * What was decoded is kept, so that one more point costs one decode, and going back costs none.
 */

import {candidateOrder, decodeKey} from "../../core/prompt.js";
import {DecoderError} from "../protocol.js";
import {outputOf} from "./decode.js";

/** @import {Outputs, PromptStep, Rle} from "../../core/types.d.ts" */
/** @import {Decode} from "./session.d.ts" */

const KEPT_DECODES = 24; // of 1 MB each with four outputs of 256 x 256

/** @typedef {(steps: readonly PromptStep[], maskInput: Float32Array | null) => Promise<Decode>} RunDecoder */

export class PromptChain {
    #run;
    #outputs;
    /** @type {Map<string, Decode>} oldest first */
    #decodes = new Map();
    #runs = 0;

    #toMaskInput;

    /**
     * @param {RunDecoder} run
     * @param {Outputs} outputs the bundle's
     * @param {(mask: Rle) => Float32Array} toMaskInput low-res logits of a mask that a prompt goes on from
     */
    constructor(run, outputs, toMaskInput) {
        this.#run = run;
        this.#toMaskInput = toMaskInput;
        this.#outputs = outputs;
    }

    /**
     * @param {readonly PromptStep[]} steps at least one
     * @returns {Promise<{decode: Decode, order: number[], maskIndices: number[], runs: number}>} the last step's decode,
     *     its outputs in the order to show, the choice after every step (the given one, else the best), and how often the
     *     network ran
     */
    async decode(steps) {
        const runsBefore = this.#runs;
        /** @type {number[]} */
        const maskIndices = [];
        /** @type {Float32Array | null} */
        let maskInput = steps[0]?.base ? this.#toMaskInput(steps[0].base.segmentation) : null;
        /** @type {Decode | null} */
        let decode = null;
        /** @type {number[]} */
        let order = [];
        for (let count = 1; count <= steps.length; count++) {
            const soFar = steps
                .slice(0, count)
                .map((step, k) => ({...step, maskIndex: maskIndices[k] ?? null}));
            const answer = await this.#decodeOnce(soFar, maskInput);
            decode = answer;
            const isSame = (/** @type {number} */ a, /** @type {number} */ b) =>
                areEqual(outputOf(answer, a), outputOf(answer, b));
            order = candidateOrder(soFar, answer.iouPredictions, this.#outputs, isSame);
            const chosen = steps[count - 1].maskIndex ?? order[0];
            // One that was chosen before copies were left out is offered in the other one's place.
            if (!order.includes(chosen))
                order = order.map((index) => (isSame(index, chosen) ? chosen : index));
            maskIndices.push(chosen);
            maskInput = outputOf(decode, chosen);
        }
        if (!decode) throw new DecoderError("prompt_malformed", "A prompt to decode has at least one step.");
        return {decode, order, maskIndices, runs: this.#runs - runsBefore};
    }

    /** Keeps only the newest decodes. @param {number} count */
    keepNewest(count) {
        for (const oldest of this.#decodes.keys()) {
            if (this.#decodes.size <= count) break;
            this.#decodes.delete(oldest);
        }
    }

    /**
     * @param {readonly PromptStep[]} steps
     * @param {Float32Array | null} maskInput
     */
    async #decodeOnce(steps, maskInput) {
        const key = decodeKey(steps);
        let decode = this.#decodes.get(key);
        if (!decode) {
            decode = await this.#run(steps, maskInput);
            this.#runs++;
        }
        this.#decodes.delete(key);
        this.#decodes.set(key, decode);
        this.keepNewest(KEPT_DECODES);
        return decode;
    }
}

/**
 * Different masks differ soon, so that this costs little.
 *
 * @param {Float32Array} a
 * @param {Float32Array} b of the same length
 */
function areEqual(a, b) {
    for (let k = 0; k < a.length; k++) {
        if (a[k] !== b[k]) return false;
    }
    return true;
}
