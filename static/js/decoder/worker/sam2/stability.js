/**
 * When SAM 2's mask 0 gives way to the best rated of the others: where it hangs on where its logits are cut.
 *
 * segmentation/families/sam2/stability.py is the same, with the source.
 */

import {outputOf} from "../decode.js";

/** @import {Decode} from "../session.d.ts" */

const DELTA = Math.fround(0.05); // logits; rounded as torch rounds it, to compare float32 with float32
const THRESHOLD = 0.98; // of the two areas' quotient

/**
 * @param {Decode} decode of which the network's four tokens give each one output; it may be changed
 * @returns {Decode} what is handed out of it
 */
export function withStableFirst(decode) {
    const first = outputOf(decode, 0);
    if (isStable(first)) return decode;
    const rated = decode.iouPredictions;
    let best = 1;
    for (let index = 2; index < rated.length; index++) if (rated[index] > rated[best]) best = index;
    first.set(outputOf(decode, best));
    rated[0] = rated[best];
    return decode;
}

/** @param {Float32Array} logits */
function isStable(logits) {
    let [inner, outer] = [0, 0];
    for (let k = 0; k < logits.length; k++) {
        if (logits[k] > DELTA) inner++;
        if (logits[k] > -DELTA) outer++;
    }
    return outer === 0 || inner / outer >= THRESHOLD;
}
