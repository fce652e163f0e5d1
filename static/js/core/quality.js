/** A predicted IoU in words. The number is an estimate: three words promise no more than it can keep. */

const GOOD_FROM = 0.85;
/** Masks that are estimated lower are worth a second look. The filter of images asks for the same ones. */
export const FAIR_FROM = 0.7;

const BOX_AHEAD = 0.05; // of mean IoU: a box asks more of a person than a click

/** @typedef {"good" | "fair" | "poor"} Quality */

/** @param {number} predictedIou @returns {Quality} */
export function qualityOf(predictedIou) {
    if (predictedIou >= GOOD_FROM) return "good";
    return predictedIou >= FAIR_FROM ? "fair" : "poor";
}

/**
 * Whether a box is the better first prompt with a bundle.
 *
 * @param {number} oneClick mean IoU with real masks, as the bundle's benchmark found it
 * @param {number} box likewise
 */
export function isBoxBetter(oneClick, box) {
    return box - oneClick > BOX_AHEAD;
}
