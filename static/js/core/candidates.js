/** How the mask candidates of one prompt relate: which are the same to the eye, and which lie in one another. */

import {inputSize} from "./frames.js";

/** @import {LogitsGrid} from "./mask.js" */
/** @import {Candidate, ImageSize} from "./types.d.ts" */

const SAME_FROM_IOU = 0.95;
const INSIDE_FROM_SHARE = 0.9; // of the smaller mask
const LARGER_FROM_RATIO = 1.1; // of the areas
/** By how many candidates lie in one another, the smallest first. @type {Record<number, readonly string[]>} */
const NAMES = {2: ["part", "whole"], 3: ["part", "object", "whole"]};

/**
 * Whether a decoder found nothing at all, as FastSAM where no object is.
 *
 * @param {readonly Candidate[]} candidates
 * @param {ImageSize} imageSize
 * @param {LogitsGrid} grid
 */
export function areEmpty(candidates, imageSize, grid) {
    return candidates.length > 0 && candidates.every((candidate) => isEmpty(candidate, imageSize, grid));
}

/**
 * @param {Candidate} candidate
 * @param {ImageSize} imageSize
 * @param {LogitsGrid} grid
 */
function isEmpty({logits}, imageSize, grid) {
    return areas(logits, logits, imageSize, grid).both === 0;
}

/**
 * The candidates without those that look like a better one, and without empty ones where another one is not.
 *
 * @param {readonly Candidate[]} candidates best first
 * @param {number | null} chosen output that stays, whichever it looks like
 * @param {ImageSize} imageSize
 * @param {LogitsGrid} grid
 * @returns {readonly Candidate[]} in their order
 */
export function distinct(candidates, chosen, imageSize, grid) {
    const byWorth = [...candidates].sort((a, b) => Number(b.index === chosen) - Number(a.index === chosen));
    /** @type {Candidate[]} */
    const kept = [];
    for (const candidate of byWorth) {
        const isSame = kept.some((other) => {
            const {both, first, second} = areas(candidate.logits, other.logits, imageSize, grid);
            return both >= SAME_FROM_IOU * (first + second - both);
        });
        if (!isSame) kept.push(candidate);
    }
    const found = kept.filter(
        (candidate) => candidate.index === chosen || !isEmpty(candidate, imageSize, grid),
    );
    const offered = found.length > 0 ? found : kept;
    return candidates.filter((candidate) => offered.includes(candidate));
}

/**
 * From the part to the whole.
 *
 * @param {readonly Candidate[]} candidates
 * @param {ImageSize} imageSize
 * @param {LogitsGrid} grid
 * @returns {readonly Candidate[]} the smallest first
 */
export function smallestFirst(candidates, imageSize, grid) {
    return candidates
        .map((candidate) => {
            const {both: area} = areas(candidate.logits, candidate.logits, imageSize, grid);
            return {candidate, area};
        })
        .sort((a, b) => a.area - b.area)
        .map(({candidate}) => candidate);
}

/**
 * The next one on the way from the part to the whole.
 *
 * @template {{readonly index: number}} T
 * @param {readonly T[]} fromPartToWhole
 * @param {number} index of the output that is shown
 * @param {number} direction 1 larger, -1 smaller
 * @returns {T | null} null: there is none, or the shown one is not among them
 */
export function nextNested(fromPartToWhole, index, direction) {
    const at = fromPartToWhole.findIndex((candidate) => candidate.index === index);
    return at < 0 ? null : (fromPartToWhole[at + direction] ?? null);
}

/**
 * What people call candidates of which each lies in the next larger one: part, object, whole.
 *
 * @param {readonly Candidate[]} candidates
 * @param {ImageSize} imageSize
 * @param {LogitsGrid} grid
 * @returns {readonly string[]} one for each candidate; empty texts where they do not nest
 */
export function nestedNames(candidates, imageSize, grid) {
    const sized = candidates.map((candidate) => {
        const {both: area} = areas(candidate.logits, candidate.logits, imageSize, grid);
        return {candidate, area};
    });
    const smallestFirst = [...sized].sort((a, b) => a.area - b.area);
    const isNested = smallestFirst.every(({candidate, area}, k) => {
        if (k === 0) return area > 0;
        const smaller = smallestFirst[k - 1];
        const {both} = areas(smaller.candidate.logits, candidate.logits, imageSize, grid);
        return both >= INSIDE_FROM_SHARE * smaller.area && area >= LARGER_FROM_RATIO * smaller.area;
    });
    const names = NAMES[candidates.length];
    if (!names || !isNested) return candidates.map(() => "");
    return candidates.map(
        (candidate) => names[smallestFirst.findIndex((one) => one.candidate === candidate)],
    );
}

/**
 * @param {Float32Array} a
 * @param {Float32Array} b
 * @param {ImageSize} imageSize
 * @param {LogitsGrid} grid
 * @returns {{both: number, first: number, second: number}} logits that are foreground, on the image only
 */
function areas(a, b, imageSize, grid) {
    const {lowResSide: side, inputSide, maskThreshold} = grid;
    const input = inputSize(imageSize, grid);
    const rows = Math.ceil((input.height * side) / inputSide);
    const columns = Math.ceil((input.width * side) / inputSide);
    let [both, first, second] = [0, 0, 0];
    for (let row = 0; row < rows; row++) {
        for (let k = row * side; k < row * side + columns; k++) {
            const [inA, inB] = [a[k] > maskThreshold, b[k] > maskThreshold];
            if (inA) first++;
            if (inB) second++;
            if (inA && inB) both++;
        }
    }
    return {both, first, second};
}
