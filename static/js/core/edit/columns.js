/**
 * A mask as it is worked on by hand: for each column of pixels the spans that belong to it. The order is that of RLE, so a
 * stroke over 24 megapixels touches some hundred columns and no bitmap. Columns never change; every operation makes new
 * ones and keeps those that it does not touch.
 */

import {areaOf, bboxOf, checkRle, countsFromRuns} from "../rle.js";

/** @import {Bbox, ImageSize, Rle} from "../types.d.ts" */

/** The spans of one column from the top: start, end, start, end, ...; a span ends before `end`. @typedef {readonly number[]} Spans */
/** One for each column of the image. @typedef {readonly Spans[]} Columns */

/** @type {Spans} */
export const NOTHING = Object.freeze([]);

/** @param {ImageSize} size @returns {Columns} */
export function emptyColumns({width}) {
    return new Array(width).fill(NOTHING);
}

/** @param {Rle} rle @returns {Columns} */
export function columnsOf(rle) {
    const [height, width] = rle.size;
    /** @type {number[][]} */
    const columns = new Array(width).fill(NOTHING);
    let start = 0;
    checkRle(rle).forEach((run, k) => {
        const end = start + run;
        for (let at = start; k % 2 === 1 && at < end;) {
            const x = Math.floor(at / height);
            const until = Math.min(end, (x + 1) * height);
            const span = [at - x * height, until - x * height];
            columns[x] = columns[x] === NOTHING ? span : [...columns[x], ...span];
            at = until;
        }
        start = end;
    });
    return columns;
}

/**
 * @param {Columns} columns
 * @param {number} height of the image
 * @returns {{segmentation: Rle, area: number, bbox: Bbox}}
 */
export function rleOf(columns, height) {
    /** @type {number[]} */
    const runs = [];
    let last = 0; // pixels, in RLE's order, up to the end of the last run
    columns.forEach((spans, x) => {
        for (let k = 0; k < spans.length; k += 2) {
            const [start, end] = [x * height + spans[k], x * height + spans[k + 1]];
            if (start === last && runs.length > 0) runs[runs.length - 1] += end - start;
            else runs.push(start - last, end - start);
            last = end;
        }
    });
    const total = columns.length * height;
    if (last < total || runs.length === 0) runs.push(total - last);
    return {
        segmentation: {size: [height, columns.length], counts: countsFromRuns(runs)},
        area: areaOf(runs),
        bbox: bboxOf(runs, height),
    };
}

/** @param {Spans} a @param {Spans} b @returns {Spans} */
export function union(a, b) {
    if (a.length === 0) return b;
    if (b.length === 0) return a;
    return merged(a, b, (inA, inB) => inA || inB);
}

/** @param {Spans} a @param {Spans} b @returns {Spans} what is in `a` and not in `b` */
export function difference(a, b) {
    return a.length === 0 || b.length === 0 ? a : merged(a, b, (inA, inB) => inA && !inB);
}

/** @param {Spans} a @param {Spans} b @returns {Spans} */
export function intersection(a, b) {
    return a.length === 0 || b.length === 0 ? NOTHING : merged(a, b, (inA, inB) => inA && inB);
}

/** @param {Columns} columns @param {number} height of the image @returns {Columns} the background */
export function complement(columns, height) {
    return columns.map((spans) => difference([0, height], spans));
}

/**
 * Adds or takes away what lies in other columns.
 *
 * @param {Columns} columns
 * @param {ReadonlyMap<number, Spans>} others by x; those outside the image are left out
 * @param {boolean} isErasing
 * @returns {Columns}
 */
export function combined(columns, others, isErasing) {
    const changed = [...columns];
    for (const [x, spans] of others) {
        if (x < 0 || x >= columns.length) continue;
        changed[x] = isErasing ? difference(changed[x], spans) : union(changed[x], spans);
    }
    return changed;
}

/**
 * @param {Spans} a
 * @param {Spans} b
 * @param {(inA: boolean, inB: boolean) => boolean} keeps
 */
function merged(a, b, keeps) {
    /** @type {number[]} */
    const spans = [];
    let [i, j] = [0, 0];
    let isInside = false;
    while (i < a.length || j < b.length) {
        const at = Math.min(a[i] ?? Infinity, b[j] ?? Infinity);
        while (a[i] === at) i++;
        while (b[j] === at) j++;
        // An odd number of edges passed means that one is inside.
        const isKept = keeps(i % 2 === 1, j % 2 === 1);
        if (isKept !== isInside) spans.push(at);
        isInside = isKept;
    }
    return spans;
}

/** @param {readonly number[]} spans of a column @returns {number} pixels in it */
export function lengthOf(spans) {
    let length = 0;
    for (let k = 0; k < spans.length; k += 2) length += spans[k + 1] - spans[k];
    return length;
}

/** @param {Columns} columns @returns {number} pixels of the mask */
export function pixelsOf(columns) {
    return columns.reduce((sum, spans) => sum + lengthOf(spans), 0);
}
