/** Decodes: their outputs, and what is wrong with them. */

import {DecoderError} from "../protocol.js";

/** @import {Decode} from "./session.d.ts" */

/** Where logits are not made yet. Far below any threshold: padding counts as background until it is known. */
export const NOT_YET = -1000;

/**
 * @param {Decode} decode
 * @param {number} index
 * @returns {Float32Array} (lowResSide, lowResSide); a view into the decode
 */
export function outputOf({logits, iouPredictions}, index) {
    const size = logits.length / iouPredictions.length;
    return logits.subarray(index * size, (index + 1) * size);
}

/**
 * @param {...Float32Array} answers
 * @throws {DecoderError} not_finite
 */
export function checkFinite(...answers) {
    if (answers.every(isAllFinite)) return;
    throw new DecoderError(
        "not_finite",
        "The model's answer holds values that are no numbers; it is not shown. Try another prompt.",
    );
}

/**
 * What a session throws for an error of what it runs.
 *
 * @param {unknown} error
 */
export function decodeFailed(error) {
    if (error instanceof DecoderError) return error;
    return new DecoderError("decode_failed", `The decoder failed: ${messageOf(error)}`);
}

/** @param {unknown} error */
export function messageOf(error) {
    return error instanceof Error ? error.message : String(error);
}

/** A plain loop: `every` calls a function for each of a quarter million values. @param {Float32Array} values */
export function isAllFinite(values) {
    for (let k = 0; k < values.length; k++) {
        if (!Number.isFinite(values[k])) return false;
    }
    return true;
}
